use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::kube::mock::{Record, Request, cluster, object};
use crate::kube::{Cluster, LogRequest, resources_in_shared_clusters};

/// A verb, and the name of a resource, such as `list deployments.apps`.
type Used = BTreeSet<String>;

/// A server with one object for prune, and without any others.
fn answer(request: &Request) -> (u16, Value) {
    let leftover = json!({"metadata": {"name": "old", "namespace": "clearml", "uid": "u"}});
    let is_prune = request.path.contains("keep%21%3Dtrue");
    let is_list = request.method == "GET" && is_collection(&request.path);
    match is_list {
        true if is_prune => (200, json!({"metadata": {}, "items": [leftover]})),
        true => (200, json!({"metadata": {}, "items": []})),
        false if request.path.starts_with("/version") => (200, version()),
        false if request.method == "GET" => (
            404,
            json!({"kind": "Status", "status": "Failure",
            "code": 404, "reason": "NotFound", "message": "not found"}),
        ),
        false => (200, request.body.clone()),
    }
}

fn version() -> Value {
    let fields = [
        "gitVersion",
        "gitCommit",
        "gitTreeState",
        "buildDate",
        "goVersion",
        "compiler",
    ];
    let mut version = json!({"major": "1", "minor": "37", "platform": ""});
    for field in fields {
        version[field] = json!("");
    }
    version
}

/// Returns the parts of a path after the version of the API.
fn parts(path: &str) -> (String, Vec<String>) {
    let path = path.split('?').next().unwrap();
    let all: Vec<String> = path.split('/').skip(1).map(str::to_owned).collect();
    match all[0].as_str() {
        "api" => (String::new(), all[2..].to_vec()),
        "apis" => (all[1].clone(), all[3..].to_vec()),
        _ => (String::new(), Vec::new()),
    }
}

/// Splits a path into namespace, resource and name with what follows it.
fn split(path: &str) -> Option<(String, Option<String>, String, Vec<String>)> {
    let (group, parts) = parts(path);
    let (namespace, rest) = match parts.first()?.as_str() {
        "namespaces" if parts.len() > 2 => (Some(parts[1].clone()), &parts[2..]),
        _ => (None, &parts[..]),
    };
    Some((group, namespace, rest[0].clone(), rest[1..].to_vec()))
}

fn is_collection(path: &str) -> bool {
    split(path).is_some_and(|(_, _, _, rest)| rest.is_empty())
}

/// Returns the permissions that a request needs.
fn needed(request: &Request) -> Vec<(String, &'static str)> {
    let Some((group, namespace, resource, rest)) = split(&request.path) else {
        // The version, which everyone may read.
        return Vec::new();
    };
    if group == "authorization.k8s.io" {
        return Vec::new();
    }
    let resource = match rest.get(1) {
        Some(subresource) => format!("{resource}/{subresource}"),
        None => resource,
    };
    let verbs: &[&'static str] = match request.method.as_str() {
        "GET" if rest.is_empty() => &["list"],
        "GET" => &["get"],
        "POST" => &["create"],
        // An apply of an object that does not exist creates it.
        "PATCH" if request.path.contains("fieldManager=") => &["patch", "create"],
        "DELETE" if !rest.is_empty() => &["delete"],
        other => panic!("{other} {}", request.path),
    };
    // A request for a namespace itself is in that namespace.
    let is_own = resource == "namespaces" && request.method == "GET";
    let place = match (namespace.is_some() || is_own, group.as_str()) {
        (true, "") => resource,
        (true, group) => format!("{resource}.{group}"),
        (false, "") => format!("{resource} of the cluster"),
        (false, group) => format!("{resource}.{group} of the cluster"),
    };
    verbs.iter().map(|verb| (place.clone(), *verb)).collect()
}

/// Returns the permissions of the table.
fn table() -> Used {
    let place = |right: &Right| match right.scope {
        Scope::Namespace => right.name(),
        Scope::Cluster => format!("{} of the cluster", right.name()),
    };
    let rights = RIGHTS.iter();
    rights
        .flat_map(|right| {
            right
                .verbs
                .iter()
                .map(move |verb| format!("{verb} {}", place(right)))
        })
        .collect()
}

/// Uses everything that commands do with a cluster. Most calls fail: only their requests
/// matter.
async fn use_everything(cluster: &Cluster) {
    let kinds = [
        ("PersistentVolumeClaim", "v1"),
        ("Secret", "v1"),
        ("ConfigMap", "v1"),
        ("Service", "v1"),
        ("Pod", "v1"),
        ("Deployment", "apps/v1"),
        ("StatefulSet", "apps/v1"),
        ("Job", "batch/v1"),
        ("PodDisruptionBudget", "policy/v1"),
        ("Ingress", "networking.k8s.io/v1"),
    ];
    let objects = kinds.map(|(kind, version)| object(kind, version, "x"));
    let _ = cluster.ensure_namespace("clearml").await;
    let _ = cluster.survey("clearml").await;
    let _ = cluster.review(&[]).await;
    let _ = cluster.live_objects(&objects, "clearml").await;
    let _ = cluster.plan("clearml", &objects).await.unwrap();
    let _ = cluster.apply(&objects).await.unwrap();
    cluster.prune("clearml", &[]).await.unwrap();
    let _ = cluster.compare("clearml", &objects, &[]).await;
    let _ = cluster.observe().await;
    let _ = cluster.observe_nodes().await;
    let _ = cluster.pods().await;
    let _ = cluster.exposure().await;
    let _ = cluster.has_secret("x").await;
    let _ = cluster.secret("x").await;
    let _ = cluster.records("revision").await;
    let _ = cluster
        .store_record("revision", "clearml", "x", "text")
        .await;
    let _ = cluster.delete_record("x").await;
    let _ = cluster.has_objects_of("clearml").await;
    let _ = cluster.claims_of("clearml").await;
    let _ = cluster.delete_data("clearml").await;
    let log = LogRequest {
        container: "clearml".to_owned(),
        previous: false,
        follow: false,
        tail: None,
        since: None,
    };
    let _ = cluster.open_log("x", log).await;
}

fn used(record: &Record) -> Used {
    let record = record.lock().unwrap();
    let needed = record.iter().flat_map(needed);
    needed
        .map(|(place, verb)| format!("{verb} {place}"))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_table_has_exactly_what_requests_need() {
    let (cluster, record) = cluster(answer);
    let cluster = cluster.within("clearml".parse().unwrap());
    use_everything(&cluster).await;
    let (used, table) = (used(&record), table());
    let missing: Vec<&String> = used.difference(&table).collect();
    assert_eq!(missing, [""; 0], "requests without a right in the table");
    let unused: Vec<&String> = table.difference(&used).collect();
    // `down --purge` deletes claims that exist, and `forward` uses WebSockets.
    let others = [
        "create pods/portforward",
        "delete persistentvolumeclaims",
        "get pods/portforward",
    ];
    assert_eq!(unused, others);
}

#[test]
fn every_kind_that_is_created_can_be_managed() {
    let managed = RIGHTS.iter().filter(|right| right.verbs == MANAGE);
    let managed: BTreeSet<_> = managed.map(|right| (right.group, right.resource)).collect();
    let created: BTreeSet<_> = resources_in_shared_clusters().collect();
    assert_eq!(managed, created);
}
