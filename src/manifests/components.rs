//! Renders the six components, each from its template.

use serde_json::{Map, Value, json};

use super::parts::merge;
use super::templates::{self, WAIT_SCRIPT};
use super::{Error, Inputs, addresses, cluster, databases, ingress, registry, servers};
use crate::component::Component;

/// Renders the objects of all components, Secrets first.
pub(super) fn objects(inputs: &Inputs<'_>) -> Result<Vec<Value>, Error> {
    let shared = shared(inputs);
    let mut objects = templates::render("secret.yaml", &merge(shared.clone(), secrets(inputs)))?;
    objects.extend(registry::object(inputs));
    objects.extend(addresses::secret_object(inputs));
    for component in inputs.values.installed() {
        let (template, (own, files)) = match component {
            Component::Redis => ("redis.yaml", (databases::redis(inputs), Vec::new())),
            Component::Mongodb => {
                let template = match inputs.values.mongodb.replica_set {
                    true => "mongodb-replicaset.yaml",
                    false => "mongodb.yaml",
                };
                (template, (databases::mongodb(inputs), Vec::new()))
            }
            Component::Elasticsearch => {
                let own = databases::elasticsearch(inputs);
                ("elasticsearch.yaml", (own, Vec::new()))
            }
            Component::Apiserver => ("apiserver.yaml", servers::apiserver(inputs)),
            Component::Fileserver => {
                let own = servers::server(inputs, component, &inputs.values.fileserver);
                ("fileserver.yaml", (own, Vec::new()))
            }
            Component::Webserver => ("webserver.yaml", servers::webserver(inputs)),
        };
        let mut rendered = files;
        rendered.extend(templates::render(template, &merge(own, shared.clone()))?);
        for object in &mut rendered {
            label_component(object, component);
            complete_pods(object, inputs, component);
        }
        objects.extend(rendered);
    }
    for (component, mut object) in ingress::objects(inputs) {
        label_component(&mut object, component);
        objects.push(object);
    }
    Ok(objects)
}

fn shared(inputs: &Inputs<'_>) -> Value {
    let values = inputs.values;
    let names = &values.names;
    let servers: Map<String, Value> = values
        .servers()
        .iter()
        .map(|(component, _)| (component.to_string(), json!(names.server(*component))))
        .collect();
    let (redis, mongodb) = (addresses::redis(inputs), addresses::mongodb(inputs));
    let elasticsearch = addresses::elasticsearch(inputs);
    let envs = [&elasticsearch, &mongodb, &redis].map(addresses::Address::envs);
    json!({
        "release": {
            "file_server_requires_login": inputs.release.file_server_requires_login(),
            "has_services_agent": inputs.release.has_services_agent(),
        },
        "names": servers,
        "label": names.name,
        "company": values.company,
        "wait_script": WAIT_SCRIPT,
        "api_port": values.apiserver.service.port,
        "files_port": values.fileserver.service.port,
        "redis": redis.for_template(),
        "mongodb": mongodb.for_template(),
        "elasticsearch": elasticsearch.for_template(),
        "database_envs": envs.concat(),
    })
}

fn secrets(inputs: &Inputs<'_>) -> Value {
    let values = inputs.values;
    let mut optional_keys: Vec<(&str, &str)> = Vec::new();
    if let Some(optional) = &inputs.secrets.optional {
        if values.installs(Component::Redis) && values.redis.requires_login {
            optional_keys.push(("redis_password", &optional.redis));
        }
        if values.installs(Component::Mongodb) && values.mongodb.requires_login {
            optional_keys.push(("mongodb_password", &optional.mongodb));
        }
        if values.api.fixed_users.is_some() {
            optional_keys.push(("sdk_key", &optional.sdk.access_key));
            optional_keys.push(("sdk_secret", &optional.sdk.secret_key));
        }
    }
    json!({"secrets": inputs.secrets, "optional_keys": optional_keys})
}

fn label_component(object: &mut Value, component: Component) {
    object["metadata"]["labels"][crate::kube::COMPONENT_LABEL] = json!(component.name());
}

/// Completes a pod template: placement, annotations, credentials for its images. Removes
/// duplicate variables.
fn complete_pods(object: &mut Value, inputs: &Inputs<'_>, component: Component) {
    let Some(template) = object.pointer_mut("/spec/template") else {
        return;
    };
    let pods = inputs.values.pods(component);
    let mut annotations = json!(pods.annotations);
    // A tag may point to new content, so the identity of the content restarts the pods.
    if let Some(identity) = inputs.identities.get(inputs.values.image(component)) {
        annotations["clearml-local.io/image"] = json!(identity);
    }
    if annotations.as_object().is_some_and(|map| !map.is_empty()) {
        template["metadata"]["annotations"] = annotations;
    }
    let spec = &mut template["spec"];
    if !pods.node_selector.is_empty() {
        spec["nodeSelector"] = json!(pods.node_selector);
    }
    if !pods.tolerations.is_empty() {
        spec["tolerations"] = json!(pods.tolerations);
    }
    let affinity = cluster::spread(inputs, component).unwrap_or_else(|| pods.affinity.clone());
    if affinity.as_object().is_some_and(|map| !map.is_empty()) {
        spec["affinity"] = affinity;
    }
    if let Some(secret) = &inputs.values.pull_secret {
        let name = registry::pull_secret_name(secret);
        spec["imagePullSecrets"] = json!([{"name": name}]);
    }
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if let Some(envs) = container.get_mut("env") {
                deduplicate(envs);
            }
        }
    }
}

/// Keeps the last of several variables with the same name. The user's come after ours.
fn deduplicate(envs: &mut Value) {
    let Some(list) = envs.as_array_mut() else {
        *envs = json!([]);
        return;
    };
    let mut names: Vec<Value> = Vec::new();
    let mut kept: Vec<Value> = Vec::new();
    for env in list.drain(..).rev() {
        if !names.contains(&env["name"]) {
            names.push(env["name"].clone());
            kept.push(env);
        }
    }
    kept.reverse();
    *list = kept;
}
