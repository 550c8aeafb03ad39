//! The short-lived pod that checks external databases before anything is applied. It
//! connects like the API server: from the same nodes, with the same variables.

use serde_json::{Map, Value, json};

use super::templates::WAIT_SCRIPT;
use super::{Object, checksums};
use crate::component::Component;
use crate::kube::{COMPONENT_LABEL, INSTANCE_LABEL};

/// The name of the pod and of its Secret.
const NAME: &str = "clearml-check-outside";
/// The maximum run time of the pod, in seconds.
const DEADLINE: u32 = 150;

/// A check of external databases, and the objects that run it.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The databases, in the order of their dependencies.
    pub databases: Vec<ExternalDatabase>,
    /// Keys in the user's Secrets that must exist.
    pub required: Vec<RequiredKey>,
    /// A Secret with credentials from the values, if there are any, then the pod.
    pub objects: Vec<Value>,
    /// The settings that determine the result, in a form that can be compared with the
    /// live Deployment of the API server: see [`connection_settings`].
    pub connection_settings: Value,
    /// The rendered Deployment of the API server.
    pub deployment: Value,
}

/// The address of an external database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalDatabase {
    pub component: Component,
    pub host: String,
    pub port: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredKey {
    pub secret: String,
    pub key: String,
    /// Whether the server starts without the key.
    pub optional: bool,
}

/// Returns the check of the external databases, or `None` if there are none.
pub fn check(objects: &[Object], external: &[Component]) -> Option<Check> {
    let deployment = objects.iter().map(Object::as_value).find(|object| {
        object["kind"] == "Deployment"
            && object["metadata"]["labels"][COMPONENT_LABEL] == Component::Apiserver.name()
    })?;
    let variables = variables(deployment, external);
    let databases: Vec<ExternalDatabase> = external
        .iter()
        .filter_map(|component| database(*component, &variables))
        .collect();
    if databases.is_empty() {
        return None;
    }
    let mut credentials = Map::new();
    let mut required = Vec::new();
    let mut environment = Vec::new();
    for variable in variables {
        let name = variable["name"].as_str().unwrap_or_default();
        let reference = &variable["valueFrom"]["secretKeyRef"];
        let (secret, key) = (text(&reference["name"]), text(&reference["key"]));
        if reference.is_null() && !is_confidential(name) {
            environment.push(variable.clone());
            continue;
        }
        // Values that are not applied yet, or are not in a Secret, are put into the pod's
        // Secret.
        let rendered = if reference.is_null() {
            variable["value"].as_str().map(str::to_owned)
        } else {
            rendered_secret(objects, &secret, &key)
        };
        let reference = if let Some(value) = rendered {
            credentials.insert(name.to_owned(), Value::String(value));
            json!({"name": NAME, "key": name})
        } else {
            let optional = reference["optional"] == true;
            let reference = json!({"name": secret, "key": key, "optional": true});
            required.push(RequiredKey {
                secret,
                key,
                optional,
            });
            reference
        };
        environment.push(json!({"name": name, "valueFrom": {"secretKeyRef": reference}}));
    }
    let metadata = json!({
        "name": NAME,
        "namespace": deployment["metadata"]["namespace"],
        "labels": {
            INSTANCE_LABEL: deployment["metadata"]["labels"][INSTANCE_LABEL],
            "app.kubernetes.io/managed-by": "clearml-local",
        },
    });
    let pod = pod(&metadata, deployment, &databases, environment);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "stringData": credentials,
    });
    let secret = (secret["stringData"] != json!({})).then_some(secret);
    Some(Check {
        connection_settings: connection_settings(deployment, external),
        deployment: deployment.clone(),
        objects: secret.into_iter().chain([pod]).collect(),
        databases,
        required,
    })
}

/// Returns the settings of a Deployment of the API server that determine how external
/// databases are reached: its variables, and the checksums of their Secrets.
pub fn connection_settings(deployment: &Value, external: &[Component]) -> Value {
    let mut variables: Vec<Value> = variables(deployment, external)
        .into_iter()
        .cloned()
        .collect();
    for variable in variables.iter_mut().filter_map(Value::as_object_mut) {
        // The server omits empty fields.
        variable.retain(|_, value| *value != "");
    }
    let annotations = deployment["spec"]["template"]["metadata"]["annotations"].as_object();
    let sums: Map<String, Value> = annotations
        .into_iter()
        .flatten()
        .filter(|(name, _)| *name == checksums::ANNOTATION)
        .map(|(name, sum)| (name.clone(), sum.clone()))
        .collect();
    json!({"variables": variables, "sums": sums})
}

fn pod(
    metadata: &Value,
    deployment: &Value,
    databases: &[ExternalDatabase],
    environment: Vec<Value>,
) -> Value {
    let server = &deployment["spec"]["template"]["spec"];
    let mut command = vec![
        json!("bash"),
        json!("-c"),
        json!(WAIT_SCRIPT),
        json!("check"),
    ];
    for database in databases {
        command.extend([
            json!(database.component.name()),
            json!(database.host),
            json!(database.port),
        ]);
    }
    let mut spec = json!({
        "restartPolicy": "Never",
        "activeDeadlineSeconds": DEADLINE,
        "terminationGracePeriodSeconds": 0,
        "enableServiceLinks": false,
        "automountServiceAccountToken": false,
        "containers": [{
            "name": "check",
            "image": server["containers"][0]["image"],
            "imagePullPolicy": "IfNotPresent",
            "command": command,
            "env": environment,
            "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        }],
    });
    for field in [
        "imagePullSecrets",
        "nodeSelector",
        "tolerations",
        "hostAliases",
        "dnsConfig",
    ] {
        if !server[field].is_null() {
            spec[field] = server[field].clone();
        }
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
}

/// Returns the variables of external databases.
fn variables<'a>(deployment: &'a Value, external: &[Component]) -> Vec<&'a Value> {
    let all = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array();
    let all = all.into_iter().flatten();
    all.filter(|variable| {
        let name = variable["name"].as_str().unwrap_or_default();
        let mut prefixes = external.iter().filter_map(|component| prefix(*component));
        prefixes.any(|prefix| name.starts_with(prefix))
    })
    .collect()
}

/// Returns the prefix of the server's variables for a database.
fn prefix(component: Component) -> Option<&'static str> {
    match component {
        Component::Elasticsearch => Some("CLEARML_ELASTIC_SERVICE_"),
        Component::Mongodb => Some("CLEARML_MONGODB_SERVICE_"),
        Component::Redis => Some("CLEARML_REDIS_SERVICE_"),
        Component::Apiserver | Component::Fileserver | Component::Webserver => None,
    }
}

/// Reports whether a variable belongs in a Secret.
fn is_confidential(variable: &str) -> bool {
    ["_PASSWORD", "_CONNECTION_STRING"]
        .iter()
        .any(|end| variable.ends_with(end))
}

fn database(component: Component, variables: &[&Value]) -> Option<ExternalDatabase> {
    let value = |end: &str| {
        let name = format!("{}{end}", prefix(component)?);
        let found = variables
            .iter()
            .rfind(|variable| variable["name"] == name)?;
        found["value"].as_str().map(str::to_owned)
    };
    Some(ExternalDatabase {
        component,
        host: value("HOST")?,
        port: value("PORT")?,
    })
}

/// Returns the value of a key in a rendered Secret.
fn rendered_secret(objects: &[Object], name: &str, key: &str) -> Option<String> {
    let secrets = objects.iter().map(Object::as_value);
    let mut secrets = secrets.filter(|object| object["kind"] == "Secret");
    let secret = secrets.find(|secret| secret["metadata"]["name"] == name)?;
    secret["stringData"][key].as_str().map(str::to_owned)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Component; 3] = [
        Component::Redis,
        Component::Mongodb,
        Component::Elasticsearch,
    ];

    fn objects(environment: Value) -> Vec<Object> {
        let labels = json!({COMPONENT_LABEL: "apiserver", INSTANCE_LABEL: "demo"});
        let secret = json!({
            "kind": "Secret",
            "metadata": {"name": "clearml-outside"},
            "stringData": {"redis_password": "new word"},
        });
        let server = json!({
            "kind": "Deployment",
            "metadata": {"name": "clearml-apiserver", "labels": labels},
            "spec": {"template": {
                "metadata": {"annotations": {"clearml-local.io/configuration": "1", "other": "2"}},
                "spec": {
                    "containers": [{"image": "server:1", "env": environment}],
                    "nodeSelector": {"disk": "fast"},
                },
            }},
        });
        vec![Object(secret), Object(server)]
    }

    fn environment(redis_password: Value) -> Value {
        json!([
            {"name": "CLEARML_REDIS_SERVICE_HOST", "value": "cache"},
            {"name": "CLEARML_REDIS_SERVICE_PORT", "value": "6380"},
            redis_password,
            {"name": "CLEARML_MONGODB_SERVICE_HOST", "value": "clearml-mongodb"},
            {"name": "CLEARML_MONGODB_SERVICE_PORT", "value": "27017"},
            {"name": "OTHER", "value": "x"},
        ])
    }

    fn from_secret(name: &str) -> Value {
        let reference = json!({"secretKeyRef": {"name": name, "key": "redis_password"}});
        json!({"name": "CLEARML_REDIS_SERVICE_PASSWORD", "valueFrom": reference})
    }

    #[test]
    fn nothing_is_checked_without_external_databases() {
        assert_eq!(check(&objects(environment(Value::Null)), &[]), None);
    }

    #[test]
    fn a_password_that_is_not_applied_yet_is_in_the_pods_secret() {
        let objects = objects(environment(from_secret("clearml-outside")));
        let check = check(&objects, &[Component::Redis]).unwrap();
        let [secret, pod] = check.objects.as_slice() else {
            panic!("{:?}", check.objects);
        };
        assert_eq!(
            secret["stringData"],
            json!({"CLEARML_REDIS_SERVICE_PASSWORD": "new word"})
        );
        assert!(check.required.is_empty());
        assert_eq!(pod["metadata"]["labels"][INSTANCE_LABEL], "demo");
        let container = &pod["spec"]["containers"][0];
        assert_eq!(
            container["command"].as_array().unwrap()[3..],
            ["check", "redis", "cache", "6380"]
        );
        assert_eq!(container["env"].as_array().unwrap().len(), 3);
        assert_eq!(
            container["env"][2]["valueFrom"]["secretKeyRef"]["name"],
            secret["metadata"]["name"]
        );
        assert!(!pod.to_string().contains("new word"));
        assert_eq!(pod["spec"]["nodeSelector"]["disk"], "fast");
    }

    #[test]
    fn a_secret_of_the_user_is_read_in_the_cluster() {
        let objects = objects(environment(from_secret("theirs")));
        let check = check(&objects, &ALL).unwrap();
        assert_eq!(check.objects.len(), 1, "only the pod");
        let required = &check.required[0];
        assert_eq!(
            (required.secret.as_str(), required.optional),
            ("theirs", false)
        );
        let databases: Vec<_> = check
            .databases
            .iter()
            .map(|database| database.host.as_str())
            .collect();
        assert_eq!(databases, ["cache", "clearml-mongodb"]);
    }

    #[test]
    fn only_settings_that_determine_the_result_are_compared() {
        let deployment = |name| objects(environment(from_secret(name)))[1].0.clone();
        let (one, mut live) = (deployment("theirs"), deployment("theirs"));
        let server = &mut live["spec"]["template"]["spec"]["containers"][0];
        server["image"] = json!("server:2");
        server["env"][5]["value"] = json!("y");
        live["status"] = json!({"replicas": 1});
        let external = [Component::Redis];
        assert_eq!(
            connection_settings(&one, &external),
            connection_settings(&live, &external)
        );
        assert_ne!(
            connection_settings(&one, &external),
            connection_settings(&deployment("other"), &external)
        );
        live["spec"]["template"]["metadata"]["annotations"]["clearml-local.io/configuration"] =
            json!("3");
        assert_ne!(
            connection_settings(&one, &external),
            connection_settings(&live, &external)
        );
    }
}
