//! The objects of an agent. The same input gives the same objects.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::routes::Routes;
use crate::kube::{AGENT_LABEL, AGENT_RECORD, INSTANCE_LABEL, KEEP_LABEL, QUEUE_ANNOTATION};
use crate::manifests::DATA_ROOT;
use crate::namespace::Namespace;
use crate::probe::Endpoints;
use crate::provider::{GPU, GPU_RUNTIME, GpuSource};
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

/// Tells the runtime of a local node how many GPUs a container gets (templates/gpus/runtime.sh).
const GPUS_VARIABLE: &str = "CLEARML_LOCAL_POD_GPUS";

const START: &str = include_str!("../../templates/agent/start.sh");
const REACH: &str = include_str!("../../templates/agent/reach.py");
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
    /// Names of the server with an address, for pods in which they do not resolve.
    pub(super) names: Vec<(String, IpAddr)>,
    /// Certificates in PEM format that tasks trust besides the public ones.
    pub(super) certificates: &'a str,
    /// Variables of the user's proxies, which may contain passwords.
    pub(super) proxies: Vec<(String, String)>,
    /// What gives the pods GPUs, if the agent asks for them.
    pub(super) gpus: Option<GpuSource>,
    /// The Secret with which pods pull images.
    pub(super) pull_secret: Option<&'a str>,
}

/// Renders the objects of an agent, in the order in which they must be applied.
pub(super) fn objects(inputs: &Inputs<'_>) -> Vec<Value> {
    let mut objects = Vec::new();
    if inputs.is_local {
        objects.push(volume(inputs));
    }
    if uses_runtime(inputs) {
        objects.push(runtime_class(inputs));
    }
    objects.push(claim(inputs));
    let mut secret = secret(inputs);
    let mut scripts = json!({"start.sh": START, "reach.py": REACH, "forward.py": FORWARD});
    if !inputs.certificates.is_empty() {
        scripts["ca.pem"] = json!(inputs.certificates);
    }
    let read = Sha256::digest(format!("{}{scripts}", secret["stringData"]).as_bytes());
    let read = hex::encode(&read[..16]);
    if !inputs.names.is_empty() {
        // A running pod has resolved them, and needs no restart when they change.
        scripts["hosts"] = json!(hosts(&inputs.names));
    }
    let name = inputs.agent.queue.object_name();
    // Pods do not read it, and need no restart when it changes.
    let record = serde_json::to_string(inputs.agent).expect("plain data can be serialized");
    secret["stringData"][AGENT_RECORD] = json!(record);
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

/// Returns the lines for `/etc/hosts`.
fn hosts(names: &[(String, IpAddr)]) -> String {
    let lines = names.iter();
    let lines = lines.map(|(name, address)| format!("{address} {name}\n"));
    lines.collect()
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

/// Returns whether a runtime of the local node gives the pods GPUs.
fn uses_runtime(inputs: &Inputs<'_>) -> bool {
    inputs.gpus == Some(GpuSource::Node)
}

fn runtime_class(inputs: &Inputs<'_>) -> Value {
    json!({
        "apiVersion": "node.k8s.io/v1",
        "kind": "RuntimeClass",
        "metadata": {"name": GPU_RUNTIME, "labels": cache_labels(inputs)},
        "handler": GPU_RUNTIME,
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
    for (name, value) in variables(inputs) {
        content[name] = json!(value);
    }
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(inputs, &inputs.agent.queue.object_name()),
        "stringData": content,
    })
}

/// Returns the variables whose values the Secret has. Those of the user take precedence.
fn variables<'a>(inputs: &'a Inputs<'_>) -> BTreeMap<&'a str, &'a str> {
    let proxies = inputs.proxies.iter();
    let proxies = proxies.map(|(name, value)| (name.as_str(), value.as_str()));
    let own = inputs.agent.env.iter();
    let own = own.map(|(name, value)| (name.as_str(), value.reveal()));
    proxies.chain(own).collect()
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
    let mut set = json!({
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
    });
    let pod = &mut set["spec"]["template"]["spec"];
    if let Some(secret) = inputs.pull_secret {
        pod["imagePullSecrets"] = json!([{"name": secret}]);
    }
    if uses_runtime(inputs) {
        pod["runtimeClassName"] = json!(GPU_RUNTIME);
    }
    set
}

fn agent_container(inputs: &Inputs<'_>, name: &str) -> Value {
    let agent = inputs.agent;
    let start = format!("{FILES}/scripts/start.sh");
    let mut command = vec!["sh", &start, VERSION, &inputs.at.api, &inputs.at.files];
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
    if uses_runtime(inputs) {
        // For the runtime of the node: a pod has containers without GPUs too.
        env.push(json!({"name": GPUS_VARIABLE, "value": agent.gpus.to_string()}));
    }
    let variables = variables(inputs);
    let is_given = |one: &Value| {
        one["name"]
            .as_str()
            .is_some_and(|it| variables.contains_key(it))
    };
    env.retain(|one| !is_given(one));
    env.extend(variables.keys().map(|variable| {
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
mod tests;
