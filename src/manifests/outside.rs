//! The short-lived pod that asks databases outside of the cluster, before
//! anything is applied: it asks what the API server will ask, from where it will,
//! with the very variables that it will have.

use serde_json::{Map, Value, json};

use super::templates::WAIT_SCRIPT;
use super::{Object, checksums};
use crate::component::{Component, NAMESPACE};
use crate::kube::{COMPONENT_LABEL, INSTANCE_LABEL};

/// The name of the pod, and of the Secret beside it.
const NAME: &str = "clearml-check-outside";
/// How long the pod may run, in seconds.
const DEADLINE: u32 = 150;

/// What has to be asked, and the objects that do it.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The databases, in the order in which they are needed.
    pub places: Vec<Place>,
    /// Keys of Secrets that are not ours and have to be there.
    pub wanted: Vec<Wanted>,
    /// A Secret where there are credentials of ours, then the pod.
    pub objects: Vec<Value>,
    /// What the answer depends on, as far as it can be compared with the live
    /// Deployment of the API server: see [`asked`].
    pub asked: Value,
    /// The Deployment of the API server, as it is to be.
    pub deployment: Value,
}

/// Where a database outside is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub component: Component,
    pub host: String,
    pub port: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub secret: String,
    pub key: String,
    /// Whether the server starts without the key.
    pub optional: bool,
}

/// The check of the databases that are outside; none where there are none.
pub fn check(objects: &[Object], outside: &[Component]) -> Option<Check> {
    let deployment = objects.iter().map(Object::as_value).find(|object| {
        object["kind"] == "Deployment"
            && object["metadata"]["labels"][COMPONENT_LABEL] == Component::Apiserver.name()
    })?;
    let variables = variables(deployment, outside);
    let places: Vec<Place> = outside
        .iter()
        .filter_map(|component| place(*component, &variables))
        .collect();
    if places.is_empty() {
        return None;
    }
    let mut own = Map::new();
    let mut wanted = Vec::new();
    let mut environment = Vec::new();
    for variable in variables {
        let name = variable["name"].as_str().unwrap_or_default();
        let reference = &variable["valueFrom"]["secretKeyRef"];
        let (secret, key) = (text(&reference["name"]), text(&reference["key"]));
        if reference.is_null() && !is_confidential(name) {
            environment.push(variable.clone());
            continue;
        }
        // What is yet to be applied, or stands in the open, is brought along.
        let rendered = if reference.is_null() {
            variable["value"].as_str().map(str::to_owned)
        } else {
            rendered_secret(objects, &secret, &key)
        };
        let reference = if let Some(value) = rendered {
            own.insert(name.to_owned(), Value::String(value));
            json!({"name": NAME, "key": name})
        } else {
            let optional = reference["optional"] == true;
            let reference = json!({"name": secret, "key": key, "optional": true});
            wanted.push(Wanted {
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
        "namespace": NAMESPACE,
        "labels": {
            INSTANCE_LABEL: deployment["metadata"]["labels"][INSTANCE_LABEL],
            "app.kubernetes.io/managed-by": "clearml-local",
        },
    });
    let pod = pod(&metadata, deployment, &places, environment);
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "stringData": own,
    });
    let secret = (secret["stringData"] != json!({})).then_some(secret);
    Some(Check {
        asked: asked(deployment, outside),
        deployment: deployment.clone(),
        objects: secret.into_iter().chain([pod]).collect(),
        places,
        wanted,
    })
}

/// What of a Deployment of the API server decides how databases outside are
/// reached: its variables, and the sums of Secrets that they come from.
pub fn asked(deployment: &Value, outside: &[Component]) -> Value {
    let mut variables: Vec<Value> = variables(deployment, outside)
        .into_iter()
        .cloned()
        .collect();
    for variable in variables.iter_mut().filter_map(Value::as_object_mut) {
        // The server leaves out what is empty.
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

fn pod(metadata: &Value, deployment: &Value, places: &[Place], environment: Vec<Value>) -> Value {
    let server = &deployment["spec"]["template"]["spec"];
    let mut command = vec![
        json!("bash"),
        json!("-c"),
        json!(WAIT_SCRIPT),
        json!("check"),
    ];
    for place in places {
        command.extend([
            json!(place.component.name()),
            json!(place.host),
            json!(place.port),
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

/// The variables that are about databases outside.
fn variables<'a>(deployment: &'a Value, outside: &[Component]) -> Vec<&'a Value> {
    let all = deployment["spec"]["template"]["spec"]["containers"][0]["env"].as_array();
    let all = all.into_iter().flatten();
    all.filter(|variable| {
        let name = variable["name"].as_str().unwrap_or_default();
        let mut prefixes = outside.iter().filter_map(|component| prefix(*component));
        prefixes.any(|prefix| name.starts_with(prefix))
    })
    .collect()
}

/// How the server's variables about a database begin.
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

fn place(component: Component, variables: &[&Value]) -> Option<Place> {
    let value = |end: &str| {
        let name = format!("{}{end}", prefix(component)?);
        let found = variables
            .iter()
            .rfind(|variable| variable["name"] == name)?;
        found["value"].as_str().map(str::to_owned)
    };
    Some(Place {
        component,
        host: value("HOST")?,
        port: value("PORT")?,
    })
}

/// A key of a Secret that is among the objects.
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
    fn nothing_is_asked_where_all_is_inside() {
        assert_eq!(check(&objects(environment(Value::Null)), &[]), None);
    }

    #[test]
    fn a_password_that_is_yet_to_be_applied_is_brought_along() {
        let objects = objects(environment(from_secret("clearml-outside")));
        let check = check(&objects, &[Component::Redis]).unwrap();
        let [secret, pod] = check.objects.as_slice() else {
            panic!("{:?}", check.objects);
        };
        assert_eq!(
            secret["stringData"],
            json!({"CLEARML_REDIS_SERVICE_PASSWORD": "new word"})
        );
        assert!(check.wanted.is_empty());
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
    fn a_secret_of_the_users_is_read_in_the_cluster() {
        let objects = objects(environment(from_secret("theirs")));
        let check = check(&objects, &ALL).unwrap();
        assert_eq!(check.objects.len(), 1, "no Secret of ours");
        let wanted = &check.wanted[0];
        assert_eq!((wanted.secret.as_str(), wanted.optional), ("theirs", false));
        let places: Vec<_> = check
            .places
            .iter()
            .map(|place| place.host.as_str())
            .collect();
        assert_eq!(places, ["cache", "clearml-mongodb"]);
    }

    #[test]
    fn only_what_the_answer_depends_on_counts() {
        let deployment = |name| objects(environment(from_secret(name)))[1].0.clone();
        let (one, mut live) = (deployment("theirs"), deployment("theirs"));
        let server = &mut live["spec"]["template"]["spec"]["containers"][0];
        server["image"] = json!("server:2");
        server["env"][5]["value"] = json!("y");
        live["status"] = json!({"replicas": 1});
        let outside = [Component::Redis];
        assert_eq!(asked(&one, &outside), asked(&live, &outside));
        assert_ne!(asked(&one, &outside), asked(&deployment("other"), &outside));
        live["spec"]["template"]["metadata"]["annotations"]["clearml-local.io/configuration"] =
            json!("3");
        assert_ne!(asked(&one, &outside), asked(&live, &outside));
    }
}
