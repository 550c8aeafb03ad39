use serde_json::json;

use super::*;
use crate::error::Explain;
use crate::failures::Failure;
use crate::kube::mock::{Request, cluster, empty, object, paths, refusal};

#[tokio::test]
async fn applies_in_waves_with_one_forced_manager() {
    let (cluster, record) = cluster(empty);
    let objects = [
        object("StatefulSet", "apps/v1", "clearml-redis-master"),
        object("PersistentVolumeClaim", "v1", "data"),
        object("PersistentVolume", "v1", "volume"),
        object("Namespace", "v1", "clearml"),
    ];
    let applied = cluster.apply(&objects).await.unwrap();
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
    let applied = cluster.apply(&objects).await.unwrap();
    assert_eq!(applied[0].change, Change::Unchanged);
    assert_eq!(applied[1].change, Change::Updated);
}

#[tokio::test]
async fn secrets_are_sent_as_data() {
    let (cluster, record) = cluster(empty);
    let mut secret = object("Secret", "v1", "clearml-conf");
    secret["stringData"] = json!({"auth_token": "abc"});
    cluster.apply(&[secret]).await.unwrap();
    let record = record.lock().unwrap();
    let sent = &record
        .iter()
        .find(|request| request.method == "PATCH")
        .unwrap()
        .body;
    assert_eq!(sent["data"], json!({"auth_token": "YWJj"}));
    assert_eq!(sent.get("stringData"), None);
}

#[test]
fn string_data_is_merged_over_data() {
    let mut secret = json!({
        "kind": "Secret",
        "data": {"a": "eA==", "b": "eQ=="},
        "stringData": {"b": "z", "c": "ü"},
    });
    encode_string_data(&mut secret).unwrap();
    assert_eq!(
        secret,
        json!({"kind": "Secret", "data": {"a": "eA==", "b": "eg==", "c": "w7w="}})
    );
}

#[test]
fn a_number_in_string_data_is_refused() {
    let mut secret = json!({"kind": "Secret", "stringData": {"port": 80}});
    let error = encode_string_data(&mut secret).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("expected `stringData.port` to be a string")
    );
}

#[test]
fn lists_are_expanded_and_empty_documents_skipped() {
    let documents = [
        Value::Null,
        json!({}),
        json!({"kind": "List", "items": [{"kind": "A"}, {"kind": "RoleList", "items": [{"kind": "B"}]}]}),
        json!({"kind": "C"}),
    ];
    let kinds: Vec<_> = expand_lists(&documents)
        .iter()
        .map(|object| object["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["A", "B", "C"]);
}

#[test]
fn volumes_are_applied_before_claims_and_claims_before_workloads() {
    let order = [
        "Namespace",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "StatefulSet",
    ];
    let waves: Vec<_> = order.iter().map(|kind| wave(kind)).collect();
    assert_eq!(waves, [0, 1, 2, 3]);
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
    let error = cluster.apply(&objects).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the Kubernetes API refused to apply Service/x: Service \"x\" is invalid: spec.ports"
    );
    assert_eq!(error.failure(), Failure::ObjectRejected);
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
    cluster.apply(&objects).await.unwrap();
    assert!(
        paths(&record, "PATCH")[0].starts_with("/apis/scheduling.k8s.io/v1/priorityclasses/high?")
    );

    let unknown = [object("Widget", "scheduling.k8s.io/v1", "w")];
    let error = cluster.apply(&unknown).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Unexpected, "{error}");
}
