//! Tests of apply, prune and rebind with a fake server that records the requests.

use serde_json::{Value, json};

use super::mock::{Request, cluster, refusal};
use super::{Change, Error};
use crate::error::{Code, Explain};

fn paths(record: &super::mock::Record, method: &str) -> Vec<String> {
    let record = record.lock().unwrap();
    let matching = record.iter().filter(|request| request.method == method);
    matching.map(|request| request.path.clone()).collect()
}

fn object(kind: &str, version: &str, name: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}})
}

/// A server without any objects.
fn empty(request: &Request) -> (u16, Value) {
    match request.method.as_str() {
        "GET" => refusal(404, "NotFound", "not found"),
        _ => (200, request.body.clone()),
    }
}

#[tokio::test]
async fn applies_in_waves_with_one_forced_manager() {
    let (cluster, record) = cluster(empty);
    let objects = [
        object("StatefulSet", "apps/v1", "clearml-redis-master"),
        object("PersistentVolumeClaim", "v1", "data"),
        object("PersistentVolume", "v1", "volume"),
        object("Namespace", "v1", "clearml"),
    ];
    let applied = cluster.apply(&objects, "clearml").await.unwrap();
    let manager = "?&force=true&fieldManager=clearml-local";
    assert_eq!(
        paths(&record, "PATCH"),
        [
            format!("/api/v1/namespaces/clearml{manager}"),
            format!("/api/v1/persistentvolumes/volume{manager}"),
            format!("/api/v1/namespaces/clearml/persistentvolumeclaims/data{manager}"),
            format!("/apis/apps/v1/namespaces/clearml/statefulsets/clearml-redis-master{manager}"),
        ]
    );
    // The results are in the order of the objects.
    assert_eq!(applied[0].name, "clearml-redis-master");
    assert_eq!(applied[0].namespace.as_deref(), Some("clearml"));
    assert_eq!(applied[3].namespace, None);
    assert!(applied.iter().all(|one| one.change == Change::Created));
}

#[tokio::test]
async fn a_new_label_is_a_change_but_a_new_status_is_not() {
    let (cluster, _) = cluster(|request: &Request| {
        let mut found = object("ConfigMap", "v1", "x");
        let patched = request.method == "PATCH";
        found["metadata"]["resourceVersion"] = json!(if patched { "2" } else { "1" });
        found["status"] = json!({"seen": patched});
        if patched && request.path.contains("/changed") {
            found["metadata"]["labels"] = json!({"a": "b"});
        }
        (200, found)
    });
    let objects = [
        object("ConfigMap", "v1", "same"),
        object("ConfigMap", "v1", "changed"),
    ];
    let applied = cluster.apply(&objects, "clearml").await.unwrap();
    assert_eq!(applied[0].change, Change::Unchanged);
    assert_eq!(applied[1].change, Change::Updated);
}

#[tokio::test]
async fn secrets_are_sent_as_data() {
    let (cluster, record) = cluster(empty);
    let mut secret = object("Secret", "v1", "clearml-conf");
    secret["stringData"] = json!({"auth_token": "abc"});
    cluster.apply(&[secret], "clearml").await.unwrap();
    let record = record.lock().unwrap();
    let sent = &record
        .iter()
        .find(|request| request.method == "PATCH")
        .unwrap()
        .body;
    assert_eq!(sent["data"], json!({"auth_token": "YWJj"}));
    assert_eq!(sent.get("stringData"), None);
}

#[tokio::test]
async fn a_refusal_names_the_object_and_no_workload_is_applied() {
    let (cluster, record) = cluster(|request: &Request| match request.method.as_str() {
        "PATCH" => refusal(422, "Invalid", "Service \"x\" is invalid:\n spec.ports"),
        _ => refusal(404, "NotFound", "not found"),
    });
    let objects = [
        object("Deployment", "apps/v1", "d"),
        object("Service", "v1", "x"),
    ];
    let error = cluster.apply(&objects, "clearml").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the Kubernetes API refused to apply Service/x: Service \"x\" is invalid: spec.ports"
    );
    assert_eq!(error.code(), Code::ApplyFailed);
    assert_eq!(paths(&record, "PATCH").len(), 1);
}

#[tokio::test]
async fn a_kind_that_is_not_in_the_table_is_discovered_once() {
    let (cluster, record) = cluster(|request: &Request| match request.path.as_str() {
        "/apis/scheduling.k8s.io/v1" => (
            200,
            json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "scheduling.k8s.io/v1",
                "resources": [{"name": "priorityclasses", "singularName": "", "namespaced": false,
                    "kind": "PriorityClass", "verbs": ["get", "patch"]}]}),
        ),
        _ => empty(request),
    });
    let objects = [object("PriorityClass", "scheduling.k8s.io/v1", "high")];
    cluster.apply(&objects, "clearml").await.unwrap();
    assert!(
        paths(&record, "PATCH")[0].starts_with("/apis/scheduling.k8s.io/v1/priorityclasses/high?")
    );

    let unknown = [object("Widget", "scheduling.k8s.io/v1", "w")];
    let error = cluster.apply(&unknown, "clearml").await.unwrap_err();
    assert!(matches!(error, Error::Object { .. }), "{error}");
}

/// A server with leftover ConfigMaps and pods.
fn with_leftovers(request: &Request) -> (u16, Value) {
    let meta = |name: &str, owners: Value| {
        json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {
            "name": name, "namespace": "clearml", "uid": format!("uid-{name}"), "ownerReferences": owners}})
    };
    let items = match request.path.split('?').next().unwrap() {
        _ if request.method == "DELETE" => {
            return (200, json!({"kind": "Status", "status": "Success"}));
        }
        "/api/v1/configmaps" => vec![meta("rendered", json!([])), meta("old", json!([]))],
        "/api/v1/pods" => vec![
            meta(
                "of-a-set",
                json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u"}]),
            ),
            // Its StatefulSet was recreated, and has not adopted it yet.
            meta("redis-0", json!([])),
        ],
        _ => Vec::new(),
    };
    (
        200,
        json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {}, "items": items}),
    )
}

#[tokio::test]
async fn prune_deletes_objects_that_are_no_longer_rendered() {
    let (cluster, record) = cluster(with_leftovers);
    let rendered = [
        object("ConfigMap", "v1", "rendered"),
        object("StatefulSet", "apps/v1", "redis"),
    ];
    let pruned = cluster
        .prune("clearml", &rendered, "clearml")
        .await
        .unwrap();
    assert_eq!(pruned.len(), 1);
    assert_eq!(
        (pruned[0].kind.as_str(), pruned[0].name.as_str()),
        ("ConfigMap", "old")
    );
    assert_eq!(
        paths(&record, "DELETE"),
        ["/api/v1/namespaces/clearml/configmaps/old?"]
    );
    let record = record.lock().unwrap();
    let delete = record
        .iter()
        .find(|request| request.method == "DELETE")
        .unwrap();
    assert_eq!(delete.body["preconditions"]["uid"], "uid-old");
    assert_eq!(delete.body["propagationPolicy"], "Background");
    for request in record.iter().filter(|request| request.method == "GET") {
        assert!(request.path.contains("labelSelector=clearml-local.io%2Finstance%3Dclearml%2Cclearml-local.io%2Fkeep%21%3Dtrue"), "{}", request.path);
        for kept in ["persistentvolume", "namespaces?"] {
            assert!(!request.path.contains(kept), "{}", request.path);
        }
    }
}

#[tokio::test]
async fn only_the_uid_of_released_volumes_is_removed() {
    let (cluster, record) = cluster(|request: &Request| {
        let volume = |name: &str, phase: &str, uid: Value| {
            json!({"apiVersion": "v1", "kind": "PersistentVolume",
                "metadata": {"name": name, "resourceVersion": "7"},
                "spec": {"claimRef": {"namespace": "clearml", "name": "clearml-mongodb", "uid": uid}},
                "status": {"phase": phase}})
        };
        let items = [
            volume("bound", "Bound", json!("u1")),
            volume("released", "Released", json!("u2")),
            volume("freed", "Released", Value::Null),
        ];
        match request.method.as_str() {
            "GET" => (
                200,
                json!({"apiVersion": "v1", "kind": "PersistentVolumeList", "metadata": {}, "items": items}),
            ),
            _ => (200, items[1].clone()),
        }
    });
    assert_eq!(
        cluster.release_volumes("clearml").await.unwrap(),
        ["released"]
    );
    let record = record.lock().unwrap();
    let patch = record
        .iter()
        .find(|request| request.method == "PATCH")
        .unwrap();
    assert!(
        patch
            .path
            .starts_with("/api/v1/persistentvolumes/released?")
    );
    assert_eq!(
        patch.body,
        json!({"metadata": {"resourceVersion": "7"}, "spec": {"claimRef": {"uid": null, "resourceVersion": null}}})
    );
}

#[tokio::test]
async fn an_invalid_kubeconfig_is_refused() {
    let error = super::Cluster::connect("a: [").await.unwrap_err();
    assert_eq!(error.to_string(), "cannot use the cluster's kubeconfig");
    assert_eq!(error.code(), Code::ClusterUnreachable);
}
