use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::failures::Failure;
use crate::kube::mock::{Record, Request, cluster};

/// A web server whose new pod runs; `others` returns its other pods, by the number of
/// earlier observations.
fn server(others: impl Fn(usize) -> Vec<Value> + Send + 'static) -> Cluster {
    let pods = move |observation| {
        let mut pods = others(observation);
        pods.push(pod("new", "new", "Running", None));
        pods
    };
    server_with(pods).0
}

/// A web server with these pods, by the number of earlier observations.
fn server_with(pods: impl Fn(usize) -> Vec<Value> + Send + 'static) -> (Cluster, Record) {
    let observations = AtomicUsize::new(0);
    cluster(move |asked: &Request| {
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
            "pods" => pods(observations.fetch_add(1, Ordering::Relaxed)),
            "log" => return (200, "2026-11-24T10:00:00Z last words\n".into()),
            _ => Vec::new(),
        };
        (200, json!({"metadata": {}, "items": items}))
    })
}

/// The new pod with its container in this state.
fn in_state(state: &Value) -> Value {
    let mut pod = pod("new", "new", "Running", None);
    pod["spec"]["nodeName"] = json!("n");
    pod["status"]["containerStatuses"] = json!([{
        "name": "webserver", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
        "state": state,
    }]);
    pod
}

async fn failure(cluster: &Cluster) -> ComponentFailed {
    let waited = await_components(cluster, &COMPONENTS, TIMEOUT, |_, _| {});
    match waited.await.unwrap() {
        Waited::Failed(failure) => *failure,
        Waited::Ready(components) => panic!("{components:?}"),
    }
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
async fn waits_until_a_replaced_pod_receives_no_requests() {
    let stages = [
        pod("old", "old", "Running", None),
        pod("old", "old", "Running", None),
        pod("old", "old", "Running", DELETED),
    ];
    let cluster = server(move |observation| stages.get(observation).cloned().into_iter().collect());
    let began = Instant::now();
    assert!(
        await_replaced(&cluster, &COMPONENTS, TIMEOUT)
            .await
            .unwrap()
    );
    assert_eq!(began.elapsed(), SHORT_PERIOD * 2);
}

#[tokio::test(start_paused = true)]
async fn gives_up_on_a_pod_that_is_never_terminated_and_ignores_an_evicted_one() {
    let stuck = pod("old", "old", "Running", None);
    let cluster = server(move |_| vec![stuck.clone()]);
    let began = Instant::now();
    assert!(
        !await_replaced(&cluster, &COMPONENTS, TIMEOUT)
            .await
            .unwrap()
    );
    assert!(began.elapsed() <= TIMEOUT, "{:?}", began.elapsed());
    // It does not wait for other components.
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

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_ends_the_wait_immediately() {
    let missing = json!({"waiting": {"reason": "ErrImageNeverPull", "message": "not there"}});
    let (cluster, _) = server_with(move |_| vec![in_state(&missing)]);
    let began = Instant::now();
    let failure = failure(&cluster).await;
    assert_eq!(failure.finding.failure, Failure::ImageMissing);
    assert!(!failure.is_late());
    assert_eq!(began.elapsed(), Duration::ZERO);
}

/// The user has fixed the cause, and the kubelet only tries again later.
#[tokio::test(start_paused = true)]
async fn a_failure_from_before_does_not_count() {
    for reason in [
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "CreateContainerConfigError",
    ] {
        let message = "unexpected status: 401 Unauthorized";
        let before = json!({"waiting": {"reason": reason, "message": message}});
        let (cluster, record) = server_with(move |observation| {
            let mut pod = in_state(&before);
            if observation > 0 {
                pod["status"]["conditions"] = json!([{"type": "Ready", "status": "True"}]);
                let running = json!({"running": {"startedAt": "2026-11-24T10:00:00Z"}});
                pod["status"]["containerStatuses"][0]["state"] = running;
                pod["status"]["containerStatuses"][0]["ready"] = json!(true);
            }
            vec![pod]
        });
        let waited = await_components(&cluster, &COMPONENTS, TIMEOUT, |_, _| {});
        let waited = waited.await.unwrap();
        assert!(matches!(waited, Waited::Ready(_)), "{reason}: {waited:?}");
        let record = record.lock().unwrap();
        let mut deleted = record.iter().filter(|asked| asked.method == "DELETE");
        assert!(deleted.any(|asked| asked.path.contains("/pods/new")));
    }
}

#[tokio::test(start_paused = true)]
async fn reads_the_log_of_a_termination_once_and_at_the_deadline() {
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error"}});
    let (cluster, record) = server_with(move |_| vec![in_state(&ended)]);
    let failure = failure(&cluster).await;
    assert_eq!(failure.finding.failure, Failure::CrashLoop);
    assert!(failure.is_late());
    assert_eq!(failure.log.lines, ["last words"]);
    let record = record.lock().unwrap();
    let requests = |path| {
        record
            .iter()
            .filter(|asked| asked.path.contains(path))
            .count()
    };
    assert!(requests("/deployments") > 10);
    assert_eq!(requests("/log?"), 2);
}
