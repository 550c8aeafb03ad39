//! A plan that is carried out, and a comparison, against a server that records what it
//! is asked.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::kube::mock::{Asked, cluster, refusal};
use crate::kube::plan::{How, Planned};

fn planned(kind: &str, name: &str, how: How) -> Planned {
    Planned {
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

/// What was asked beside reading, in order: method, path and what matters of the body.
fn acts(record: &crate::kube::mock::Record) -> Vec<String> {
    let record = record.lock().unwrap();
    let acts = record.iter().filter(|asked| asked.method != "GET");
    acts.map(|asked| {
        let path = asked.path.split('?').next().unwrap();
        let policy = asked.body["propagationPolicy"].as_str().unwrap_or("-");
        format!(
            "{} {} {policy}",
            asked.method,
            path.rsplit('/').next().unwrap()
        )
    })
    .collect()
}

#[tokio::test]
async fn a_plan_is_carried_out_in_its_order_and_frees_the_volume_before_the_claim_is_made() {
    let gone = AtomicBool::new(false);
    let bound = AtomicBool::new(false);
    let (cluster, record) = cluster(move |asked: &Asked| {
        let path = asked.path.split('?').next().unwrap();
        let claim = path.ends_with("/persistentvolumeclaims/data");
        match asked.method.as_str() {
            "DELETE" => {
                gone.store(true, Ordering::SeqCst);
                (200, json!({"kind": "Status", "status": "Success"}))
            }
            "PATCH" if claim => {
                bound.store(true, Ordering::SeqCst);
                (200, asked.body.clone())
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
    let again = How::BoundAgain {
        volume: "volume".into(),
        claim: "data".into(),
    };
    let plan = [
        planned("Deployment", "db", How::Paused),
        planned("StatefulSet", "old", How::AnewAfterItsPods),
        planned("PersistentVolumeClaim", "data", again),
        planned("StatefulSet", "set", How::AnewAroundItsPods),
    ];
    let rendered = [
        object("PersistentVolume", "v1", "volume"),
        object("PersistentVolumeClaim", "v1", "data"),
        object("Deployment", "apps/v1", "db"),
    ];
    let mut told = Vec::new();
    let tell = |one: &Planned| told.push(one.name.clone());
    cluster
        .carry_out(&plan, &rendered, "clearml", tell)
        .await
        .unwrap();
    assert_eq!(told, ["db", "old", "data", "set"]);
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
    let freed = record.iter().filter(|asked| asked.method == "PATCH");
    let freed = freed.map(|asked| &asked.body["spec"]["claimRef"]).nth(1);
    assert_eq!(
        freed,
        Some(
            &json!({"namespace": "clearml", "name": "data", "uid": null, "resourceVersion": null})
        )
    );
}

#[tokio::test]
async fn a_comparison_asks_for_answers_that_are_not_kept() {
    let (cluster, record) = cluster(|asked: &Asked| {
        let path = asked.path.split('?').next().unwrap();
        let mut found = object("Deployment", "apps/v1", path.rsplit('/').next().unwrap());
        found["metadata"]["resourceVersion"] = json!("1");
        match asked.method.as_str() {
            "GET" if path.ends_with("/new") => refusal(404, "NotFound", "not found"),
            "GET" if path.split('/').count() < 7 => (
                200,
                json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": []}),
            ),
            "GET" => (200, found),
            // Its namespace is not there yet.
            "PATCH" if path.ends_with("/new") => refusal(404, "NotFound", "no namespace"),
            _ => {
                if !asked.body["spec"].is_null() {
                    found["spec"] = asked.body["spec"].clone();
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
        deployment("anew", json!({"replicas": 2})),
        deployment("new", json!({"replicas": 1})),
    ];
    let plan = [planned("Deployment", "anew", How::AnewAfterItsPods)];
    let compared = cluster
        .compare("clearml", &objects, "clearml", &plan)
        .await
        .unwrap();
    let told: Vec<_> = compared
        .iter()
        .map(|one| (one.name.as_str(), one.before.is_some(), one.differs()))
        .collect();
    assert_eq!(
        told,
        [
            ("same", true, false),
            ("anew", true, true),
            ("new", false, true)
        ]
    );
    assert_eq!(
        compared[1].after.as_ref().unwrap()["metadata"]["name"],
        "anew"
    );
    let record = record.lock().unwrap();
    let asked: Vec<&str> = record
        .iter()
        .filter(|asked| asked.method != "GET")
        .map(|asked| asked.path.as_str())
        .collect();
    assert!(
        asked.iter().all(|path| path.contains("dryRun=All")),
        "{asked:?}"
    );
    assert!(
        asked.iter().any(|path| path.contains("/anew-anew?")),
        "{asked:?}"
    );
}
