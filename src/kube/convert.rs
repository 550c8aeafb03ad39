//! Converts Kubernetes' types to plain observations.

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{
    self as core, ContainerStateTerminated, ContainerStatus, Event, Node, PersistentVolumeClaim,
    Pod,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::diagnose::{
    ClaimObservation, ContainerObservation, ContainerState, Ended, EventObservation,
    NodeObservation, NodeReady, ObservedImage, PodObservation, Unscheduled, WorkloadObservation,
};

fn time(time: Option<&Time>) -> Option<Timestamp> {
    time.map(|time| time.0)
}

/// Returns whether a pod has finished, successfully or not.
pub(crate) fn has_ended(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Failed" | "Succeeded"))
}

/// Converts the conditions and taints of a node.
pub(crate) fn node(node: &Node) -> NodeObservation {
    let conditions = node.status.as_ref().and_then(|it| it.conditions.as_ref());
    let mut conditions = conditions.into_iter().flatten();
    let ready = conditions.find(|condition| condition.type_ == "Ready");
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let taints = taints.into_iter().flatten();
    NodeObservation {
        ready: ready.map(|ready| NodeReady {
            status: ready.status.clone(),
            reason: ready.reason.clone().unwrap_or_default(),
            message: ready.message.clone().unwrap_or_default(),
        }),
        taints: taints.map(|taint| taint.key.clone()).collect(),
        stale: None,
    }
}

pub(crate) fn pod(pod: &Pod) -> PodObservation {
    let status = pod.status.clone().unwrap_or_default();
    let spec = pod.spec.clone().unwrap_or_default();
    let conditions = status.conditions.unwrap_or_default();
    let condition = |kind: &str| conditions.iter().find(|condition| condition.type_ == kind);
    let unscheduled = condition("PodScheduled")
        .filter(|condition| {
            condition.status == "False" && condition.reason.as_deref() == Some("Unschedulable")
        })
        .map(|condition| Unscheduled {
            message: condition.message.clone().unwrap_or_default(),
            since: time(condition.last_transition_time.as_ref()),
        });
    let init_statuses = status.init_container_statuses.unwrap_or_default();
    let statuses = status.container_statuses.unwrap_or_default();
    PodObservation {
        name: pod.metadata.name.clone().unwrap_or_default(),
        uid: pod.metadata.uid.clone().unwrap_or_default(),
        created: time(pod.metadata.creation_timestamp.as_ref()),
        phase: status.phase.unwrap_or_default(),
        reason: status.reason,
        message: status.message,
        node: spec.node_name,
        address: status.pod_ip.filter(|_| spec.host_network != Some(true)),
        shares_address_with: None,
        ready: condition("Ready").is_some_and(|condition| condition.status == "True"),
        ready_since: condition("Ready")
            .and_then(|condition| time(condition.last_transition_time.as_ref())),
        stale: None,
        unscheduled,
        init: spec
            .init_containers
            .unwrap_or_default()
            .iter()
            .map(|spec| container(spec, &init_statuses))
            .collect(),
        containers: spec
            .containers
            .iter()
            .map(|spec| container(spec, &statuses))
            .collect(),
    }
}

fn container(spec: &core::Container, statuses: &[ContainerStatus]) -> ContainerObservation {
    let status = statuses.iter().find(|status| status.name == spec.name);
    let limits = spec
        .resources
        .as_ref()
        .and_then(|resources| resources.limits.as_ref());
    let last = status.and_then(|status| status.last_state.as_ref());
    ContainerObservation {
        name: spec.name.clone(),
        image: ObservedImage::parse(spec.image.as_deref()),
        ready: status.is_some_and(|status| status.ready),
        started: status.is_some_and(|status| status.started == Some(true)),
        restarts: status.map_or(0, |status| status.restart_count.max(0).unsigned_abs()),
        always_pulled: spec.image_pull_policy.as_deref() == Some("Always"),
        memory_limit: limits
            .and_then(|limits| limits.get("memory"))
            .map(|quantity| quantity.0.clone()),
        state: state(status.and_then(|status| status.state.as_ref())),
        last: last.and_then(|last| last.terminated.as_ref()).map(ended),
    }
}

fn state(state: Option<&core::ContainerState>) -> ContainerState {
    let waiting = |reason: Option<String>, message: Option<String>| ContainerState::Waiting {
        reason: reason.unwrap_or_default(),
        message: message.unwrap_or_default(),
    };
    match state {
        None => waiting(None, None),
        Some(state) => match (&state.running, &state.terminated, &state.waiting) {
            (Some(running), _, _) => ContainerState::Running {
                since: time(running.started_at.as_ref()),
            },
            (_, Some(terminated), _) => ContainerState::Terminated(ended(terminated)),
            (_, _, Some(why)) => waiting(why.reason.clone(), why.message.clone()),
            _ => waiting(None, None),
        },
    }
}

fn ended(terminated: &ContainerStateTerminated) -> Ended {
    Ended {
        reason: terminated.reason.clone().unwrap_or_default(),
        exit_code: terminated.exit_code,
        message: terminated.message.clone().unwrap_or_default(),
        started: time(terminated.started_at.as_ref()),
        finished: time(terminated.finished_at.as_ref()),
    }
}

pub(crate) fn event(event: &Event) -> EventObservation {
    let about = &event.involved_object;
    let series = event.series.as_ref();
    // `spec.containers{clearml}`, as written by the kubelet.
    let container = about.field_path.as_deref().and_then(|path| {
        let (_, rest) = path.split_once('{')?;
        rest.strip_suffix('}').map(str::to_owned)
    });
    let micro = |time: Option<&k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime>| {
        time.map(|time| time.0)
    };
    let count = series
        .and_then(|series| series.count)
        .or(event.count)
        .unwrap_or(1);
    EventObservation {
        object: format!(
            "{}/{}",
            about.kind.as_deref().unwrap_or_default(),
            about.name.as_deref().unwrap_or_default()
        ),
        container,
        warning: event.type_.as_deref() == Some("Warning"),
        reason: event.reason.clone().unwrap_or_default(),
        message: event.message.clone().unwrap_or_default(),
        count: count.max(1).unsigned_abs(),
        at: micro(series.and_then(|series| series.last_observed_time.as_ref()))
            .or_else(|| time(event.last_timestamp.as_ref()))
            .or_else(|| micro(event.event_time.as_ref()))
            .or_else(|| time(event.metadata.creation_timestamp.as_ref())),
    }
}

pub(crate) fn claim(claim: &PersistentVolumeClaim) -> ClaimObservation {
    let status = claim.status.as_ref();
    ClaimObservation {
        name: claim.metadata.name.clone().unwrap_or_default(),
        phase: status
            .and_then(|status| status.phase.clone())
            .unwrap_or_default(),
        volume: claim
            .spec
            .as_ref()
            .and_then(|spec| spec.volume_name.clone()),
    }
}

fn image(template: Option<&core::PodSpec>) -> ObservedImage {
    let first = template.and_then(|spec| spec.containers.first());
    ObservedImage::parse(first.and_then(|container| container.image.as_deref()))
}

pub(crate) fn deployment(object: &Deployment) -> WorkloadObservation {
    let status = object.status.clone().unwrap_or_default();
    let spec = &object.spec;
    WorkloadObservation {
        name: object.metadata.name.clone().unwrap_or_default(),
        desired: spec.replicas.unwrap_or(1),
        ready: status.ready_replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        observed: status.observed_generation >= object.metadata.generation,
        image: image(spec.template.spec.as_ref()),
    }
}

pub(crate) fn stateful_set(object: &StatefulSet) -> WorkloadObservation {
    let status = object.status.clone().unwrap_or_default();
    let spec = &object.spec;
    WorkloadObservation {
        name: object.metadata.name.clone().unwrap_or_default(),
        desired: spec.replicas.unwrap_or(1),
        ready: status.ready_replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        observed: status.observed_generation >= object.metadata.generation,
        image: image(spec.template.spec.as_ref()),
    }
}
