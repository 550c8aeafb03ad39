//! The six components, each from its template.

use serde_json::{Map, Value, json};

use super::parts::with;
use super::templates::{self, WAIT_SCRIPT};
use super::{Error, Inputs, addresses, databases, ingress, registry, servers};
use crate::component::Component;

/// All components' objects, the Secrets first.
pub(super) fn objects(inputs: &Inputs<'_>) -> Result<Vec<Value>, Error> {
    let shared = shared(inputs);
    let mut objects = templates::render("secret.yaml", &with(shared.clone(), secrets(inputs)))?;
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
                let own = servers::server(&inputs.values.fileserver);
                ("fileserver.yaml", (own, Vec::new()))
            }
            Component::Webserver => ("webserver.yaml", servers::webserver(inputs)),
        };
        let mut rendered = files;
        rendered.extend(templates::render(template, &with(own, shared.clone()))?);
        for object in &mut rendered {
            belongs(object, component);
            finish(object, inputs, component);
        }
        objects.extend(rendered);
    }
    for (component, mut object) in ingress::objects(inputs) {
        belongs(&mut object, component);
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
            "file_server_logs_in": inputs.release.file_server_logs_in(),
            "knows_services_agent": inputs.release.knows_services_agent(),
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
    let mut more: Vec<(&str, &str)> = Vec::new();
    if let Some(later) = &inputs.secrets.later {
        if values.installs(Component::Redis) && values.redis.requires_login {
            more.push(("redis_password", &later.redis));
        }
        if values.installs(Component::Mongodb) && values.mongodb.requires_login {
            more.push(("mongodb_password", &later.mongodb));
        }
        if values.api.fixed_users.is_some() {
            more.push(("sdk_key", &later.sdk.access_key));
            more.push(("sdk_secret", &later.sdk.secret_key));
        }
    }
    json!({"secrets": inputs.secrets, "more": more})
}

fn belongs(object: &mut Value, component: Component) {
    object["metadata"]["labels"][crate::kube::COMPONENT_LABEL] = json!(component.name());
}

/// What every pod template gets: where it may run, its annotations, credentials for
/// its images, and each variable once.
fn finish(object: &mut Value, inputs: &Inputs<'_>, component: Component) {
    let Some(template) = object.pointer_mut("/spec/template") else {
        return;
    };
    let pods = inputs.values.pods(component);
    let mut annotations = json!(pods.annotations);
    // Pods name tags, which may be moved: the content's identity restarts them.
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
    let affinity = databases::spread(component, inputs).unwrap_or_else(|| pods.affinity.clone());
    if affinity.as_object().is_some_and(|map| !map.is_empty()) {
        spec["affinity"] = affinity;
    }
    if let Some(secret) = registry::name(inputs) {
        spec["imagePullSecrets"] = json!([{"name": secret}]);
    }
    for list in ["initContainers", "containers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            if let Some(envs) = container.get_mut("env") {
                once_each(envs);
            }
        }
    }
}

/// Keeps the last of the variables with one name: the user's stand behind ours.
fn once_each(envs: &mut Value) {
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
