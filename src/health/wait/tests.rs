use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::kube::mock::{Asked, cluster};

/// A web server whose new pod runs; `former` is the rest of its pods, by the number
/// of looks before.
fn server(former: impl Fn(usize) -> Vec<Value> + Send + 'static) -> Cluster {
    let looks = AtomicUsize::new(0);
    let (cluster, _) = cluster(move |asked: &Asked| {
        let path = asked.path.split('?').next().unwrap();
        let object = |uid: &str, owners: Value| {
            json!({
                "metadata": {"name": uid, "uid": uid, "ownerReferences": owners,
                    "labels": {"clearml-local.io/component": "webserver", "pod-template-hash": "new"},
                    "annotations": {"deployment.kubernetes.io/revision": "2"}},
                "spec": {"selector": {}, "template": {}},
            })
        };
        let owner =
            json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "d"}]);
        let items = match path.rsplit('/').next().unwrap() {
            "deployments" => vec![object("d", json!([]))],
            "replicasets" => vec![object("r", owner)],
            "pods" => {
                let mut pods = former(looks.fetch_add(1, Ordering::Relaxed));
                pods.push(pod("new", "new", "Running", None));
                pods
            }
            _ => Vec::new(),
        };
        (200, json!({"metadata": {}, "items": items}))
    });
    cluster
}

fn pod(name: &str, hash: &str, phase: &str, deleted: Option<&str>) -> Value {
    json!({
        "metadata": {"name": name, "uid": name, "deletionTimestamp": deleted, "labels": {
            "clearml-local.io/component": "webserver", "pod-template-hash": hash}},
        "spec": {"containers": [{"name": "webserver"}]},
        "status": {"phase": phase},
    })
}

const DELETED: Option<&str> = Some("2026-11-24T10:00:00Z");
const COMPONENTS: [Component; 1] = [Component::Webserver];
const TIMEOUT: Duration = Duration::from_secs(15);

#[tokio::test(start_paused = true)]
async fn a_replaced_pod_is_waited_for_until_it_gets_no_more_requests() {
    let stages = [
        pod("old", "old", "Running", None),
        pod("old", "old", "Running", None),
        pod("old", "old", "Running", DELETED),
    ];
    let cluster = server(move |look| stages.get(look).cloned().into_iter().collect());
    let began = Instant::now();
    assert!(await_replaced(&cluster, &COMPONENTS, TIMEOUT).await.unwrap());
    assert_eq!(began.elapsed(), SOON * 2);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_never_told_to_end_is_given_up_and_an_evicted_one_not_waited_for() {
    let stuck = pod("old", "old", "Running", None);
    let cluster = server(move |_| vec![stuck.clone()]);
    let began = Instant::now();
    assert!(!await_replaced(&cluster, &COMPONENTS, TIMEOUT).await.unwrap());
    assert!(began.elapsed() <= TIMEOUT, "{:?}", began.elapsed());
    // What is not asked about is not waited for.
    let others = [Component::Redis];
    assert!(
        await_replaced(&cluster, &others, Duration::ZERO)
            .await
            .unwrap()
    );

    let evicted = pod("old", "old", "Failed", None);
    let cluster = server(move |_| vec![evicted.clone()]);
    assert!(
        await_replaced(&cluster, &COMPONENTS, Duration::ZERO)
            .await
            .unwrap()
    );
}
