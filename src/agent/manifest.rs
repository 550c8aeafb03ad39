//! The objects of an agent. The same input gives the same objects.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::routes::Routes;
use crate::kube::{AGENT_LABEL, INSTANCE_LABEL, KEEP_LABEL, QUEUE_ANNOTATION};
use crate::manifests::DATA_ROOT;
use crate::namespace::Namespace;
use crate::probe::Endpoints;
use crate::sdk;
use crate::secrets::Credentials;
use crate::settings::AgentSettings;
use crate::state::AGENT_CACHE;

/// The version of clearml-agent for images that have none.
const VERSION: &str = "3.0.3";
/// The claim of the cache, which all agents of an instance share.
const CLAIM: &str = "clearml-local-agent-cache";
/// Only a new claim gets this size; the cache of a local node may use the whole disk.
const CACHE_SIZE: &str = "20Gi";
/// What the scheduler reserves if the user gives no amounts.
const DEFAULT_REQUESTS: (&str, &str) = ("100m", "256Mi");
/// The resource that NVIDIA's device plugin offers.
pub(super) const GPU: &str = "nvidia.com/gpu";

const START: &str = include_str!("../../templates/agent/start.sh");
const FORWARD: &str = include_str!("../../templates/agent/forward.py");

/// The directory of the scripts and of the configuration in a pod.
const FILES: &str = "/clearml-local";

pub(super) struct Inputs<'a> {
    pub(super) instance: &'a str,
    pub(super) namespace: &'a Namespace,
    /// Whether the cluster is a local node, whose data directory has the cache.
    pub(super) is_local: bool,
    pub(super) agent: &'a AgentSettings,
    /// The image as the cluster knows it, and the identity of its content.
    pub(super) image: String,
    pub(super) identity: Option<&'a str>,
    /// The memory limit if the user gives none.
    pub(super) memory: Option<String>,
    pub(super) at: &'a Endpoints,
    pub(super) credentials: &'a Credentials,
    pub(super) routes: Routes,
    /// Variables of the user's proxies, which may contain passwords.
    pub(super) proxies: Vec<(String, String)>,
}

/// Renders the objects of an agent, in the order in which they must be applied.
pub(super) fn objects(inputs: &Inputs<'_>) -> Vec<Value> {
    let mut objects = Vec::new();
    if inputs.is_local {
        objects.push(volume(inputs));
    }
    objects.push(claim(inputs));
    let secret = secret(inputs);
    let scripts = json!({"start.sh": START, "forward.py": FORWARD});
    let read = Sha256::digest(format!("{}{scripts}", secret["stringData"]).as_bytes());
    let read = hex::encode(&read[..16]);
    let name = inputs.agent.queue.object_name();
    objects.push(secret);
    objects.push(json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(inputs, &name),
        "data": scripts,
    }));
    objects.push(workload(inputs, &name, &read));
    objects
}

/// Labels an object as part of the agent. Prune keeps it: only `agent down` removes it.
fn metadata(inputs: &Inputs<'_>, name: &str) -> Value {
    json!({
        "name": name,
        "namespace": inputs.namespace,
        "labels": labels(inputs),
        "annotations": {QUEUE_ANNOTATION: inputs.agent.queue},
    })
}

fn labels(inputs: &Inputs<'_>) -> Value {
    json!({
        "app.kubernetes.io/name": "clearml-local-agent",
        "app.kubernetes.io/managed-by": "clearml-local",
        INSTANCE_LABEL: inputs.instance,
        AGENT_LABEL: inputs.agent.queue.object_name(),
        KEEP_LABEL: "true",
    })
}

fn cache_labels(inputs: &Inputs<'_>) -> Value {
    json!({INSTANCE_LABEL: inputs.instance, KEEP_LABEL: "true"})
}

/// The cache on a local node: a directory beside the data of the components.
fn volume(inputs: &Inputs<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": CLAIM, "labels": cache_labels(inputs)},
        "spec": {
            "capacity": {"storage": CACHE_SIZE},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": inputs.namespace,
                "name": CLAIM,
            },
            "hostPath": {
                "path": format!("{DATA_ROOT}/{AGENT_CACHE}"),
                "type": "DirectoryOrCreate",
            },
        },
    })
}

fn claim(inputs: &Inputs<'_>) -> Value {
    let mut spec = json!({
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": CACHE_SIZE}},
    });
    if inputs.is_local {
        spec["storageClassName"] = json!("");
        spec["volumeName"] = json!(CLAIM);
    }
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": CLAIM,
            "namespace": inputs.namespace,
            "labels": cache_labels(inputs),
        },
        "spec": spec,
    })
}

fn secret(inputs: &Inputs<'_>) -> Value {
    let mut content = json!({"clearml.conf": conf(inputs)});
    for (name, value) in &inputs.proxies {
        content[name] = json!(value);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(inputs, &inputs.agent.queue.object_name()),
        "stringData": content,
    })
}

/// Returns the user's configuration of the SDK, with the cache of the agent. Tasks may use the
/// packages of the image, as in containers that the agent starts elsewhere.
fn conf(inputs: &Inputs<'_>) -> String {
    let server = sdk::complete(inputs.at, inputs.credentials);
    format!(
        "{server}agent {{
    package_manager.system_site_packages: true
    disable_agent_update_check: true
    pip_download_cache.path: \"/cache/pip-download\"
    vcs_cache.path: \"/cache/vcs\"
    venvs_cache {{
        path: \"/cache/venvs\"
        max_entries: 10
        free_space_threshold_gb: 2.0
    }}
}}
sdk.storage.cache.default_base_dir: \"/cache/storage\"
"
    )
}

fn resources(inputs: &Inputs<'_>) -> Value {
    let AgentSettings {
        memory, cpu, gpus, ..
    } = inputs.agent;
    let mut resources = json!({
        "requests": {"cpu": DEFAULT_REQUESTS.0, "memory": DEFAULT_REQUESTS.1},
        "limits": {},
    });
    if let Some(cpu) = cpu {
        resources["requests"]["cpu"] = json!(cpu);
        resources["limits"]["cpu"] = json!(cpu);
    }
    // An amount that the user gives must be there.
    if let Some(memory) = memory {
        resources["requests"]["memory"] = json!(memory);
        resources["limits"]["memory"] = json!(memory);
    } else if let Some(memory) = &inputs.memory {
        resources["limits"]["memory"] = json!(memory);
    }
    if *gpus > 0 {
        resources["limits"][GPU] = json!(gpus);
    }
    resources
}

/// The pods. Those of a StatefulSet keep their names, and so does the worker that the server
/// knows: a replaced pod leaves no other one behind.
fn workload(inputs: &Inputs<'_>, name: &str, read: &str) -> Value {
    let agent = inputs.agent;
    let mut metadata_of_pod = json!({
        "labels": labels(inputs),
        "annotations": {"clearml-local.io/configuration": read},
    });
    if let Some(identity) = inputs.identity {
        metadata_of_pod["annotations"]["clearml-local.io/image"] = json!(identity);
    }
    let selector = json!({INSTANCE_LABEL: inputs.instance, AGENT_LABEL: name});
    let aliases = inputs.routes.aliases.iter();
    let aliases: Vec<Value> = aliases
        .map(|(name, address)| json!({"ip": address, "hostnames": [name]}))
        .collect();
    let mut containers = vec![agent_container(inputs, name)];
    if !inputs.routes.forwards.is_empty() {
        containers.push(addresses(inputs));
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(inputs, name),
        "spec": {
            "replicas": agent.replicas,
            "serviceName": name,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": selector},
            "template": {
                "metadata": metadata_of_pod,
                "spec": {
                    "enableServiceLinks": false,
                    "automountServiceAccountToken": false,
                    // Packages are installed as root, as in containers that the agent starts
                    // elsewhere; the cache belongs to root.
                    "securityContext": {"runAsUser": 0},
                    "hostAliases": aliases,
                    "containers": containers,
                    "volumes": [
                        {"name": "cache", "persistentVolumeClaim": {"claimName": CLAIM}},
                        {"name": "scripts", "configMap": {"name": name}},
                        {"name": "conf", "secret": {
                            "secretName": name,
                            "items": [{"key": "clearml.conf", "path": "clearml.conf"}],
                        }},
                    ],
                },
            },
        },
    })
}

fn agent_container(inputs: &Inputs<'_>, name: &str) -> Value {
    let agent = inputs.agent;
    let start = format!("{FILES}/scripts/start.sh");
    let mut command = vec!["sh", &start, VERSION, &inputs.at.api];
    command.extend(["--queue", agent.queue.as_str(), "--create-queue"]);
    command.push("--foreground");
    command.extend((agent.gpus == 0).then_some("--cpu-only"));
    let worker = json!({"fieldRef": {"fieldPath": "metadata.name"}});
    let mut env = vec![
        json!({"name": "CLEARML_WORKER_ID", "valueFrom": worker}),
        json!({"name": "CLEARML_CONFIG_FILE", "value": format!("{FILES}/conf/clearml.conf")}),
        json!({"name": "PIP_CACHE_DIR", "value": "/cache/pip"}),
        json!({"name": "PIP_DISABLE_PIP_VERSION_CHECK", "value": "1"}),
        json!({"name": "PIP_ROOT_USER_ACTION", "value": "ignore"}),
        json!({"name": "PYTHONUNBUFFERED", "value": "1"}),
    ];
    env.extend(inputs.proxies.iter().map(|(variable, _)| {
        let key = json!({"secretKeyRef": {"name": name, "key": variable}});
        json!({"name": variable, "valueFrom": key})
    }));
    json!({
        "name": "agent",
        "image": inputs.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "env": env,
        "resources": resources(inputs),
        // `status` shows why the container exited.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "cache", "mountPath": "/cache"},
            {"name": "scripts", "mountPath": format!("{FILES}/scripts")},
            {"name": "conf", "mountPath": format!("{FILES}/conf")},
        ],
    })
}

/// The container that forwards the ports of the server's URLs.
fn addresses(inputs: &Inputs<'_>) -> Value {
    let script = format!("{FILES}/scripts/forward.py");
    let mut command = vec!["python3".to_owned(), script];
    command.extend(inputs.routes.forwards.iter().cloned());
    json!({
        "name": "addresses",
        "image": inputs.image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"memory": "128Mi"},
        },
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [{"name": "scripts", "mountPath": format!("{FILES}/scripts")}],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(options: Value) -> AgentSettings {
        let mut agent = json!({"queue": "default", "replicas": 2, "image": "python:3.11"});
        for (name, value) in options.as_object().unwrap() {
            agent[name] = value.clone();
        }
        serde_json::from_value(agent).unwrap()
    }

    fn rendered(is_local: bool, agent: &AgentSettings) -> Vec<Value> {
        let url = |port| format!("http://localhost:{port}");
        objects(&Inputs {
            instance: "demo",
            namespace: &Namespace::default(),
            is_local,
            agent,
            image: "python:3.11".to_owned(),
            identity: None,
            memory: Some("1Gi".to_owned()),
            at: &Endpoints {
                web: url(30080),
                api: url(30008),
                files: url(30081),
            },
            credentials: &Credentials {
                access_key: "the-access-key".to_owned(),
                secret_key: "the-secret-key".to_owned(),
            },
            routes: Routes {
                aliases: Vec::new(),
                forwards: vec!["127.0.0.1:30081=clearml-fileserver:8081".to_owned()],
            },
            proxies: vec![(
                "HTTPS_PROXY".to_owned(),
                "http://me:hidden@proxy".to_owned(),
            )],
        })
    }

    fn of<'a>(kind: &str, objects: &'a [Value]) -> &'a Value {
        objects.iter().find(|one| one["kind"] == kind).unwrap()
    }

    #[test]
    fn only_the_secret_contains_keys_and_passwords() {
        let objects = rendered(true, &agent(json!({})));
        let conf = of("Secret", &objects)["stringData"]["clearml.conf"].as_str();
        crate::hocon::check(conf.unwrap()).unwrap();
        assert!(conf.unwrap().contains("the-secret-key"));
        for object in objects.iter().filter(|one| one["kind"] != "Secret") {
            let text = object.to_string();
            assert!(!text.contains("the-") && !text.contains("hidden"), "{text}");
        }
    }

    #[test]
    fn no_object_is_pruned_and_pods_are_no_component() {
        for object in rendered(true, &agent(json!({}))) {
            let labels = &object["metadata"]["labels"];
            assert_eq!(labels[KEEP_LABEL], "true", "{object}");
            assert_eq!(labels[INSTANCE_LABEL], "demo", "{object}");
            let text = object.to_string();
            assert!(!text.contains(crate::kube::COMPONENT_LABEL), "{text}");
        }
    }

    #[test]
    fn more_pods_do_not_restart_those_that_run() {
        let annotation = |objects: &[Value]| {
            let pod = &of("StatefulSet", objects)["spec"]["template"]["metadata"];
            pod["annotations"]["clearml-local.io/configuration"].clone()
        };
        let one = rendered(true, &agent(json!({})));
        let more = rendered(true, &agent(json!({"replicas": 3})));
        assert_eq!(annotation(&one), annotation(&more));
        assert!(annotation(&one).is_string());
    }

    #[test]
    fn amounts_of_the_user_are_reserved() {
        let resources = |options: Value| {
            let objects = rendered(true, &agent(options));
            of("StatefulSet", &objects)["spec"]["template"]["spec"]["containers"][0]["resources"]
                .clone()
        };
        let default = resources(json!({}));
        assert_eq!(default["limits"], json!({"memory": "1Gi"}));
        assert_eq!(default["requests"]["memory"], "256Mi");
        let given = resources(json!({"memory": "64Gi", "cpu": "2", "gpus": 1}));
        assert_eq!(given["requests"], json!({"cpu": "2", "memory": "64Gi"}));
        let limits = json!({"memory": "64Gi", "cpu": "2", "nvidia.com/gpu": 1});
        assert_eq!(given["limits"], limits);
    }

    #[test]
    fn an_existing_cluster_provides_the_volume_of_the_cache() {
        let kinds = |is_local| {
            let objects = rendered(is_local, &agent(json!({"gpus": 1})));
            let command = of("StatefulSet", &objects).to_string();
            assert!(!command.contains("--cpu-only"), "{command}");
            objects.iter().any(|one| one["kind"] == "PersistentVolume")
        };
        assert!(kinds(true));
        assert!(!kinds(false));
    }
}
