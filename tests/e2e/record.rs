//! Records what the program observes when it names a failure, as test data of
//! `tests/failures`: `E2E_RECORD=tests/failures/recorded tests/run`, or one test of it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::harness::{Instance, run};

/// The lists from which a component is observed.
const LISTS: [&str; 6] = [
    "pods",
    "deployments",
    "replicasets",
    "statefulsets",
    "persistentvolumeclaims",
    "events",
];

/// How long a state may take that lasts.
const STABLE: Duration = Duration::from_secs(20);

/// Writes the objects of a component to `FAILURE.node.json`, if `E2E_RECORD` names a directory.
/// `injected` says how the failure was caused.
pub fn component(instance: &Instance, failure: &str, component: &str, injected: &str) {
    let Some(path) = path(failure) else { return };
    let deadline = Instant::now() + STABLE;
    let lists = loop {
        let lists = lists_of(instance, component);
        if is_stable(&lists) || Instant::now() > deadline {
            break lists;
        }
    };
    let node = instance.node();
    let log = |previous: &[&str]| {
        let pod = lists["pods"][0]["metadata"]["name"].as_str().unwrap_or("-");
        let read = ["exec", &node, "kubectl", "-n", "clearml", "logs", pod];
        let tail = ["--tail=60", "--timestamps"];
        run("docker", &[&read[..], &tail, previous].concat())
    };
    let logs = [log(&[]), log(&["--previous"])].map(|log| match log.code {
        0 => Value::String(log.stdout),
        _ => Value::Null,
    });
    let [current, previous] = logs;
    let record = json!({
        "origin": origin(injected),
        "cluster": {"lists": lists, "log": current, "previousLog": previous},
    });
    write(&path, &record, instance);
}

/// Whether an object belongs to an earlier revision, which still serves.
fn is_earlier(item: &Value, kind: &str) -> bool {
    let conditions = item["status"]["conditions"]
        .as_array()
        .into_iter()
        .flatten();
    let mut ready = conditions.filter(|one| one["type"] == "Ready");
    match kind {
        "pods" => {
            let is_deleted = !item["metadata"]["deletionTimestamp"].is_null();
            is_deleted || ready.any(|one| one["status"] == "True")
        }
        "replicasets" => item["spec"]["replicas"] == 0 || item["status"]["readyReplicas"] == 1,
        _ => false,
    }
}

/// Returns the objects of a component by kind.
fn lists_of(instance: &Instance, component: &str) -> Map<String, Value> {
    let listed = instance.kubectl(&["get", &LISTS.join(","), "-o", "json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let items = listed["items"].as_array().unwrap();
    let plural = |item: &Value| {
        let kind = item["kind"].as_str().unwrap_or_default();
        format!("{kind}s").to_lowercase()
    };
    let mut lists = Map::new();
    let mut names = Vec::new();
    for kind in LISTS {
        let items: Vec<Value> = items
            .iter()
            .filter(|item| plural(item) == kind)
            .filter(|item| match kind {
                "events" => names.contains(&item["involvedObject"]["name"]),
                _ => item["metadata"]["labels"]["clearml-local.io/component"] == component,
            })
            .filter(|item| !is_earlier(item, kind))
            .map(|item| shortened(item, kind))
            .collect();
        // The list is in no useful order, and the last ones decide.
        let items = match kind {
            "events" => last_of(items),
            _ => items,
        };
        names.extend(items.iter().map(|item| item["metadata"]["name"].clone()));
        lists.insert(kind.to_owned(), Value::Array(items));
    }
    lists
}

/// How many events are kept.
const EVENTS: usize = 10;

/// Returns the last events in the order of their times.
fn last_of(mut events: Vec<Value>) -> Vec<Value> {
    let time = |event: &Value| {
        let times = ["lastTimestamp", "eventTime"].map(|key| event[key].as_str());
        times.into_iter().flatten().next().map(str::to_owned)
    };
    events.sort_by_key(time);
    events.split_off(events.len().saturating_sub(EVENTS))
}

/// Whether the objects show a state that lasts: no container runs that will fail again, and
/// the pods are those of the last change.
fn is_stable(lists: &Map<String, Value>) -> bool {
    let mut pods = lists["pods"].as_array().into_iter().flatten();
    let revision = &lists["statefulsets"][0]["status"]["updateRevision"];
    pods.all(|pod| {
        let runs = !pod["status"]["containerStatuses"][0]["state"]["running"].is_null();
        let hash = &pod["metadata"]["labels"]["controller-revision-hash"];
        !runs && (revision.is_null() || hash == revision)
    })
}

fn path(failure: &str) -> Option<PathBuf> {
    let directory = std::env::var_os("E2E_RECORD")?;
    Some(PathBuf::from(directory).join(format!("{failure}.node.json")))
}

/// Where and how a record was made.
fn origin(injected: &str) -> String {
    let engine = run("docker", &["version", "-f", "{{.Server.Version}}"]).expect(0);
    let engine = engine.stdout.trim().to_owned();
    format!("captured with Kubernetes 1.37.2 and Docker {engine}: {injected}")
}

fn write(path: &Path, record: &Value, instance: &Instance) {
    let text = serde_json::to_string_pretty(record).unwrap();
    let text = text.replace(&instance.name, "demo");
    std::fs::write(path, text + "\n").unwrap();
}

/// Removes what is not read: who wrote which field, and everything that only the kubelet and
/// the controllers need.
fn shortened(item: &Value, kind: &str) -> Value {
    let meta = [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "labels",
        "annotations",
        "generation",
    ];
    let owner = ["apiVersion", "kind", "name", "uid"];
    let mut short = json!({"metadata": only(&item["metadata"], &meta)});
    if let Some(annotations) = short["metadata"]["annotations"].as_object_mut() {
        annotations.retain(|key, _| key == "deployment.kubernetes.io/revision");
    }
    if let Some(owners) = item["metadata"]["ownerReferences"].as_array() {
        let owners = owners.iter().map(|one| only(one, &owner));
        short["metadata"]["ownerReferences"] = owners.collect();
    }
    let (spec, status) = (&item["spec"], &item["status"]);
    match kind {
        "pods" => {
            let container = ["name", "image", "imagePullPolicy", "resources"];
            short["spec"] = json!({
                "nodeName": spec["nodeName"],
                "initContainers": each(&spec["initContainers"], &container),
                "containers": each(&spec["containers"], &container),
            });
            let state = [
                "name",
                "image",
                "imageID",
                "ready",
                "started",
                "restartCount",
                "state",
                "lastState",
            ];
            let mut kept = only(
                status,
                &["phase", "reason", "message", "podIP", "startTime"],
            );
            let condition = ["type", "status", "reason", "message", "lastTransitionTime"];
            kept["conditions"] = each(&status["conditions"], &condition);
            for key in ["initContainerStatuses", "containerStatuses"] {
                kept[key] = each(&status[key], &state);
            }
            short["status"] = kept;
        }
        "events" => {
            let event = [
                "type",
                "reason",
                "message",
                "count",
                "firstTimestamp",
                "lastTimestamp",
                "eventTime",
                "series",
            ];
            short = only(item, &event);
            short["metadata"] = only(&item["metadata"], &["name", "namespace"]);
            let about = ["kind", "name", "uid"];
            short["involvedObject"] = only(&item["involvedObject"], &about);
        }
        "persistentvolumeclaims" => {
            short["spec"] = only(spec, &["volumeName", "storageClassName"]);
            short["status"] = only(status, &["phase"]);
        }
        _ => {
            short["spec"] = only(spec, &["replicas", "selector", "template", "serviceName"]);
            short["spec"]["template"] = json!({
                "metadata": {},
                "spec": {"containers": each(
                    &spec["template"]["spec"]["containers"],
                    &["name", "image", "imagePullPolicy"],
                )},
            });
            short["status"] = status.clone();
            if let Some(status) = short["status"].as_object_mut() {
                status.remove("conditions");
            }
        }
    }
    short
}

/// Returns an object with some of its fields.
fn only(value: &Value, keys: &[&str]) -> Value {
    let fields = value.as_object().into_iter().flatten();
    let fields = fields.filter(|(key, _)| keys.contains(&key.as_str()));
    let fields = fields.map(|(key, value)| (key.clone(), value.clone()));
    Value::Object(fields.collect())
}

/// The same for each object of a list.
fn each(list: &Value, keys: &[&str]) -> Value {
    let all = list.as_array().into_iter().flatten();
    all.map(|one| only(one, keys)).collect()
}
