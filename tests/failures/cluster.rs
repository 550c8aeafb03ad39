//! A cluster that answers what was recorded.

use clearml_local::testing::event::{Event, Events, Reporter};
use clearml_local::testing::evidence::{self, Shown};
use clearml_local::testing::kube::Cluster;
use clearml_local::testing::namespace::Namespace;
use clearml_local::testing::settings::ClusterSettings;
use clearml_local::testing::values::Target;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

use crate::cases::{RecordedCluster, Way};
use crate::common;

struct Ignored;

impl Reporter for Ignored {
    fn report(&self, _: Duration, _: &Event) {}
}

/// Returns events that nobody sees.
pub fn events() -> Events {
    Events::new(Arc::new(Ignored))
}

pub fn decide(recorded: &RecordedCluster) -> Option<Shown> {
    // Waits take no time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let cluster = answering(recorded);
        match recorded.way {
            Way::Components => evidence::components(&cluster, &events()).await,
            Way::Status => evidence::status(&cluster).await,
            Way::Node => evidence::node(&cluster, &events()).await,
            Way::Addons => evidence::addons(&cluster).await,
            Way::Survey => {
                let place = json!({"context": "work", "namespace": "clearml"});
                let place: ClusterSettings = serde_json::from_value(place).unwrap();
                let namespace = Namespace::default();
                let target = Target::Cluster {
                    namespace: &namespace,
                };
                let rendered = common::render_for(target, "2.3", &recorded.values, &[]).unwrap();
                let objects: Vec<Value> = rendered
                    .objects
                    .iter()
                    .map(|object| object.as_value().clone())
                    .collect();
                evidence::survey(&cluster, &place, &objects).await
            }
            Way::Apply => {
                let object = json!({"apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": {"name": "clearml-config", "namespace": "clearml"}});
                evidence::apply(&cluster, object).await
            }
        }
    })
}

fn answering(recorded: &RecordedCluster) -> Cluster {
    let lists = recorded.lists.clone();
    let objects = recorded.objects.clone();
    let logs = [recorded.log.clone(), recorded.previous_log.clone()];
    let refusal = recorded.refusal.clone();
    let cluster = Cluster::answering(move |method, path| {
        let json = |status: u16, body: &Value| (status, serde_json::to_vec(body).unwrap());
        if let (Some((status, body)), true) = (&refusal, method != "GET") {
            return json(*status, body);
        }
        if let Some(object) = objects.get(path) {
            return json(200, object);
        }
        let last = path.rsplit('/').next().unwrap_or_default();
        match (method, last) {
            ("GET", "log") => match logs.iter().flatten().next() {
                Some(text) => (200, text.clone().into_bytes()),
                None => json(404, &not_found()),
            },
            ("GET", "version") => json(200, &version()),
            ("GET", _) if is_list(last) => {
                let items = lists.get(last).cloned().unwrap_or(json!([]));
                json(
                    200,
                    &json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}),
                )
            }
            // Pods that failed before are deleted, and fail again.
            ("DELETE", _) => json(
                200,
                &json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}),
            ),
            ("POST", "selfsubjectaccessreviews") => json(
                201,
                &json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                "metadata": {}, "spec": {}, "status": {"allowed": true}}),
            ),
            _ => json(404, &not_found()),
        }
    });
    match recorded.existing {
        true => cluster.within(Namespace::default()),
        false => cluster,
    }
}

fn is_list(name: &str) -> bool {
    name.ends_with('s') && !name.contains('-')
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "c",
        "gitTreeState": "clean", "buildDate": "2026-11-01T00:00:00Z", "goVersion": "go1.26",
        "compiler": "gc", "platform": "linux/amd64",
    })
}

fn not_found() -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": "not found", "reason": "NotFound", "code": 404})
}
