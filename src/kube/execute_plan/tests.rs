//! Tests of executing a plan and of a comparison, with a fake server that records the
//! requests.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::kube::mock::{Request, cluster, refusal};
use crate::kube::plan::{Action, PlannedChange};

fn planned(kind: &str, name: &str, how: Action) -> PlannedChange {
    PlannedChange {
        kind: kind.into(),
        name: name.into(),
        namespace: None,
        how,
        why: "it must".into(),
    }
}

fn object(kind: &str, version: &str, name: &str) -> Value {
    json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "uid": format!("uid-{name}")}})
}

/// Returns the requests that change something, in order: method, path and the relevant
/// part of the body.
fn acts(record: &crate::kube::mock::Record) -> Vec<String> {
    let record = record.lock().unwrap();
    let acts = record.iter().filter(|request| request.method != "GET");
    acts.map(|request| {
        let path = request.path.split('?').next().unwrap();
        let policy = request.body["propagationPolicy"].as_str().unwrap_or("-");
        format!(
            "{} {} {policy}",
            request.method,
            path.rsplit('/').next().unwrap()
        )
    })
    .collect()
}

#[tokio::test]
async fn a_plan_is_executed_in_order_and_releases_the_volume_before_the_claim_is_created() {
    let gone = AtomicBool::new(false);
    let bound = AtomicBool::new(false);
    let (cluster, record) = cluster(move |request: &Request| {
        let path = request.path.split('?').next().unwrap();
        let claim = path.ends_with("/persistentvolumeclaims/data");
        match request.method.as_str() {
            "DELETE" => {
                gone.store(true, Ordering::SeqCst);
                (200, json!({"kind": "Status", "status": "Success"}))
            }
            "PATCH" if claim => {
                bound.store(true, Ordering::SeqCst);
                (200, request.body.clone())
            }
            "PATCH" if path.contains("/deployments/") => {
                let mut answer = object("Deployment", "apps/v1", "db");
                answer["spec"] = json!({"selector": {"matchLabels": {"app": "db"}}});
                (200, answer)
            }
            "PATCH" => (200, object("PersistentVolume", "v1", "volume")),
            _ if claim && bound.load(Ordering::SeqCst) => {
                let mut found = object("PersistentVolumeClaim", "v1", "data");
                found["status"] = json!({"phase": "Bound"});
                (200, found)
            }
            _ if path.ends_with("/pods") => (
                200,
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": []}),
            ),
            _ if path.ends_with("/persistentvolumes/volume") => {
                let mut found = object("PersistentVolume", "v1", "volume");
                found["spec"] = json!({"claimRef": {"name": "data", "uid": "u"}});
                found["status"] = json!({"phase": "Released"});
                (200, found)
            }
            _ if gone.swap(false, Ordering::SeqCst) => refusal(404, "NotFound", "not found"),
            _ => {
                let mut found = object("StatefulSet", "apps/v1", "set");
                found["kind"] = json!("PartialObjectMetadata");
                found["apiVersion"] = json!("meta.k8s.io/v1");
                (200, found)
            }
        }
    });
    let again = Action::Rebind {
        volume: "volume".into(),
        claim: "data".into(),
    };
    let plan = [
        planned("Deployment", "db", Action::ScaleToZero),
        planned("StatefulSet", "old", Action::RecreateAfterItsPods),
        planned("PersistentVolumeClaim", "data", again),
        planned("StatefulSet", "set", Action::RecreateAroundItsPods),
    ];
    let rendered = [
        object("PersistentVolume", "v1", "volume"),
        object("PersistentVolumeClaim", "v1", "data"),
        object("Deployment", "apps/v1", "db"),
    ];
    let mut summary = Vec::new();
    let tell = |one: &PlannedChange| summary.push(one.name.clone());
    cluster.execute_plan(&plan, &rendered, tell).await.unwrap();
    assert_eq!(summary, ["db", "old", "data", "set"]);
    assert_eq!(
        acts(&record),
        [
            "PATCH db -",
            "DELETE old Foreground",
            "DELETE data -",
            "PATCH volume -",
            "PATCH volume -",
            "PATCH data -",
            "DELETE set Orphan",
        ]
    );
    let record = record.lock().unwrap();
    let freed = record.iter().filter(|request| request.method == "PATCH");
    let freed = freed
        .map(|request| &request.body["spec"]["claimRef"])
        .nth(1);
    assert_eq!(
        freed,
        Some(
            &json!({"namespace": "clearml", "name": "data", "uid": null, "resourceVersion": null})
        )
    );
}

#[tokio::test]
async fn a_comparison_uses_dry_runs() {
    let (cluster, record) = cluster(|request: &Request| {
        let path = request.path.split('?').next().unwrap();
        let mut found = object("Deployment", "apps/v1", path.rsplit('/').next().unwrap());
        found["metadata"]["resourceVersion"] = json!("1");
        match request.method.as_str() {
            "GET" if path.ends_with("/new") => refusal(404, "NotFound", "not found"),
            "GET" if path.split('/').count() < 8 => (
                200,
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": []}),
            ),
            "GET" => (200, found),
            // Its namespace does not exist yet.
            "PATCH" if path.ends_with("/new") => refusal(404, "NotFound", "no namespace"),
            _ => {
                if !request.body["spec"].is_null() {
                    found["spec"] = request.body["spec"].clone();
                }
                found["metadata"]["resourceVersion"] = json!("2");
                (200, found)
            }
        }
    });
    let deployment = |name: &str, spec: Value| {
        let mut object = object("Deployment", "apps/v1", name);
        object["spec"] = spec;
        object
    };
    let objects = [
        deployment("same", Value::Null),
        deployment("recreated", json!({"replicas": 2})),
        deployment("new", json!({"replicas": 1})),
    ];
    let plan = [planned(
        "Deployment",
        "recreated",
        Action::RecreateAfterItsPods,
    )];
    let compared = cluster.compare("clearml", &objects, &plan).await.unwrap();
    let summary: Vec<_> = compared
        .iter()
        .map(|one| (one.name.as_str(), one.before.is_some(), one.differs()))
        .collect();
    assert_eq!(
        summary,
        [
            ("same", true, false),
            ("recreated", true, true),
            ("new", false, true)
        ]
    );
    assert_eq!(
        compared[1].after.as_ref().unwrap()["metadata"]["name"],
        "recreated"
    );
    let record = record.lock().unwrap();
    let request: Vec<&str> = record
        .iter()
        .filter(|request| request.method != "GET")
        .map(|request| request.path.as_str())
        .collect();
    assert!(
        request.iter().all(|path| path.contains("dryRun=All")),
        "{request:?}"
    );
    assert!(
        request.iter().any(|path| path.contains("/recreated-new?")),
        "{request:?}"
    );
}
