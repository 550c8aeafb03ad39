//! Observations for tests, converted from objects as a real API server returns them. The
//! statuses and messages in the tests are those of a real Kubernetes 1.37 node, as far as
//! they could be provoked.

use serde_json::{Value, json};

use super::{
    ClaimObservation, ComponentObservation, Finding, ObservedImage, WorkloadObservation, diagnose,
};
use crate::component::Component;
use crate::failures::Failure;
use crate::hint::Hint;
use crate::kube;

/// The time of every observation.
pub(crate) const NOW: &str = "2026-11-23T13:41:30Z";

/// A component with one desired pod.
pub(crate) fn observation(
    component: Component,
    pods: Vec<Value>,
    events: Vec<Value>,
) -> ComponentObservation {
    let pods = pods
        .into_iter()
        .map(|pod| kube::pod(&serde_json::from_value(pod).unwrap()));
    let events = events
        .into_iter()
        .map(|event| kube::event(&serde_json::from_value(event).unwrap()));
    ComponentObservation {
        component,
        at: NOW.parse().unwrap(),
        workload: Some(WorkloadObservation {
            name: format!("clearml-{component}"),
            desired: 1,
            ready: 0,
            updated: 1,
            observed: true,
            image: ObservedImage::parse(Some("registry/image:1")),
        }),
        pods: pods.collect(),
        stopping: Vec::new(),
        replacing: false,
        claim: component.data_owner().map(|_| ClaimObservation {
            name: format!("clearml-{component}-data"),
            phase: "Bound".to_owned(),
            volume: Some("volume".to_owned()),
        }),
        events: events.collect(),
        others_ready: Vec::new(),
        existing_cluster: false,
    }
}

/// A pod with one container `main`, limited to 1Gi, with this status.
pub(crate) fn pod(status: Value) -> Value {
    with_init(status, Value::Null)
}

/// Such a pod with an init container `wait-for-elasticsearch` with this status.
pub(crate) fn with_init(status: Value, init: Value) -> Value {
    let named = |name: &str, mut status: Value| {
        status["name"] = json!(name);
        for (key, value) in [
            ("image", json!("registry/image:1")),
            ("imageID", json!("")),
            ("ready", json!(false)),
            ("started", json!(false)),
            ("restartCount", json!(0)),
            ("lastState", json!({})),
        ] {
            if status.get(key).is_none() {
                status[key] = value;
            }
        }
        status
    };
    let ready = status["ready"] == json!(true);
    let inits = |container: Value| {
        if init.is_null() {
            json!([])
        } else {
            json!([container])
        }
    };
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "pod", "uid": "uid", "creationTimestamp": "2026-11-23T13:41:00Z"},
        "spec": {
            "nodeName": "clearml-control-plane",
            "initContainers": inits(json!({"name": "wait-for-elasticsearch", "image": "registry/image:1"})),
            "containers": [{"name": "main", "image": "registry/image:1", "resources": {"limits": {"memory": "1Gi"}}}],
        },
        "status": {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
            "initContainerStatuses": inits(named("wait-for-elasticsearch", init.clone())),
            "containerStatuses": [named("main", status)],
        },
    })
}

/// A pod that has been unschedulable since a time.
pub(crate) fn unschedulable(message: &str, since: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "uid": "uid"},
        "spec": {"containers": [{"name": "main", "image": "registry/image:1"}]},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": message, "lastTransitionTime": since}]},
    })
}

/// A warning about the pod's container.
pub(crate) fn warning(reason: &str, message: &str, count: i32) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "clearml"},
        "involvedObject": {"kind": "Pod", "name": "pod", "uid": "uid", "fieldPath": "spec.containers{main}"},
        "type": "Warning", "reason": reason, "message": message, "count": count,
        "lastTimestamp": "2026-11-23T13:41:20Z",
    })
}

pub(crate) fn waiting(reason: &str, message: &str) -> Value {
    json!({"state": {"waiting": {"reason": reason, "message": message}}})
}

/// A termination ten seconds ago.
pub(crate) fn end(reason: &str, code: i32, message: &str) -> Value {
    json!({"terminated": {"reason": reason, "exitCode": code, "message": message,
        "startedAt": "2026-11-23T13:41:10Z", "finishedAt": "2026-11-23T13:41:20Z"}})
}

/// A container in back-off after such a termination.
pub(crate) fn backing_off(delay: &str, restarts: i32, last: Value) -> Value {
    let message = format!("back-off {delay} restarting failed container=main pod=pod_clearml(uid)");
    json!({"state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
        "lastState": last, "restartCount": restarts})
}

/// A container that was restarted after such a termination.
pub(crate) fn running_after(restarts: i32, last: Value) -> Value {
    json!({"state": {"running": {"startedAt": "2026-11-23T13:41:25Z"}},
        "lastState": last, "restartCount": restarts})
}

/// A component whose only container has this status.
pub(crate) fn with_status(component: Component, status: Value) -> ComponentObservation {
    observation(component, vec![pod(status)], Vec::new())
}

pub(crate) fn find(observation: &ComponentObservation) -> Finding {
    diagnose(observation, &[]).expect("a finding")
}

#[track_caller]
pub(crate) fn assert_finding(finding: &Finding, failure: Failure, may_recover: bool) {
    assert_eq!(
        (finding.failure, finding.may_recover),
        (failure, may_recover),
        "{finding:?}"
    );
    assert!(
        finding.cause.starts_with(finding.component.name()),
        "{finding:?}"
    );
    // A page must not say that waiting is in vain.
    assert!(!may_recover || failure.is_repairable(), "{finding:?}");
    assert!(!finding.hints.is_empty(), "{finding:?}");
    for hint in finding.hints.iter().map(Hint::to_string) {
        assert!(!hint.contains("--purge") && !hint.contains("rm "), "{hint}");
    }
}
