//! A short description of a component's state: one line of `up`, one row of `status`.

use super::runs::is_late_cache;
use super::words::{awaited, innermost, short};
use super::{
    ComponentObservation, ContainerObservation, ContainerState, Ended, PodObservation, Stale,
};
use crate::component::{State, StateKind};
use crate::quantity::memory;
use crate::words::{count, listed};

/// Describes the state of a component in a few words.
pub fn describe(observation: &ComponentObservation) -> State {
    let (kind, reason) = kind_and_reason(observation);
    State {
        kind,
        reason,
        restarts: observation.pod().map_or(0, PodObservation::restarts),
    }
}

fn kind_and_reason(observation: &ComponentObservation) -> (StateKind, String) {
    let say = |state, reason: &str| (state, reason.to_owned());
    let Some(workload) = &observation.workload else {
        return match observation.stopping.len() + observation.pods.len() {
            0 => say(StateKind::Absent, "not installed"),
            _ => say(StateKind::Stopping, "its pod is terminating"),
        };
    };
    if workload.desired == 0 {
        return match observation.stopping.len() + observation.pods.len() {
            0 => say(StateKind::Stopped, "scaled to zero"),
            _ => say(StateKind::Stopping, "its pod is terminating"),
        };
    }
    if observation.is_ready() {
        return (StateKind::Ready, String::new());
    }
    let is_new = observation.pods.is_empty() && observation.stopping.is_empty();
    if !workload.observed && !is_new {
        return say(StateKind::Pending, "waiting for a change to be rolled out");
    }
    match observation.pod() {
        Some(pod) if !pod.ready => of_pod(observation, pod),
        // There are fewer pods than desired.
        _ => without_pod(observation),
    }
}

fn without_pod(observation: &ComponentObservation) -> (StateKind, String) {
    if !observation.stopping.is_empty() {
        return (StateKind::Stopping, "the old pod is terminating".to_owned());
    }
    let reason = match observation.refused_pod() {
        Some(event) => format!("cannot create its pod: {}", short(&event.message)),
        None => "waiting for its pod to be created".to_owned(),
    };
    (StateKind::Pending, reason)
}

fn of_pod(observation: &ComponentObservation, pod: &PodObservation) -> (StateKind, String) {
    match pod.stale {
        Some(Stale::NoReport) => {
            return (StateKind::Unknown, "the kubelet does not report".to_owned());
        }
        Some(Stale::BeforeStart) => {
            let reason = "the node has just started".to_owned();
            return (StateKind::Starting, reason);
        }
        None => {}
    }
    if pod.phase == "Failed" {
        let why = pod
            .reason
            .as_deref()
            .or(pod.message.as_deref())
            .unwrap_or("ended");
        return (
            StateKind::Restarting,
            format!("its pod was {}", why.to_lowercase()),
        );
    }
    if let Some(unscheduled) = &pod.unscheduled {
        let reason = super::placement::in_short(observation, &unscheduled.message);
        return (StateKind::Pending, reason);
    }
    if let Some(claim) = observation
        .claim
        .as_ref()
        .filter(|claim| claim.phase != "Bound")
    {
        return (
            StateKind::Pending,
            format!("waiting for its volume ({})", claim.phase.to_lowercase()),
        );
    }
    if pod.node.is_none() {
        return (StateKind::Pending, "waiting to be scheduled".to_owned());
    }
    match pod.blocking() {
        Some((container, init)) => of_container(observation, container, init),
        None => (StateKind::Starting, "becoming ready".to_owned()),
    }
}

fn of_container(
    observation: &ComponentObservation,
    container: &ContainerObservation,
    init: bool,
) -> (StateKind, String) {
    let waits_for = awaited(&container.name).filter(|_| init);
    let waits_for = waits_for.map(|names| waiting_for(observation, &names));
    match &container.state {
        ContainerState::Running { .. } => running(observation, container, init),
        ContainerState::Terminated(ended) => {
            if let Some(reason) = waits_for {
                return (StateKind::Waiting, reason);
            }
            (StateKind::Restarting, how_it_ended(container, ended))
        }
        ContainerState::Waiting { reason, message } => match reason.as_str() {
            "ErrImagePull" | "ImagePullBackOff" => (
                StateKind::Pulling,
                format!("cannot pull the image: {}", innermost(message)),
            ),
            "InvalidImageName" | "ErrInvalidImageName" => {
                (StateKind::Failed, "invalid image name".to_owned())
            }
            "ErrImageNeverPull" => (
                StateKind::Failed,
                super::images::never_pulled(message).to_owned(),
            ),
            "CreateContainerConfigError" if is_late_cache(message) => {
                creating(observation, container)
            }
            "CreateContainerConfigError" | "CreateContainerError" => {
                (StateKind::Failed, short(message))
            }
            "CrashLoopBackOff" | "RunContainerError" => match (waits_for, &container.last) {
                (Some(reason), _) => (StateKind::Waiting, reason),
                (None, Some(ended)) => (StateKind::Restarting, how_it_ended(container, ended)),
                (None, None) => (StateKind::Restarting, short(message)),
            },
            _ => creating(observation, container),
        },
    }
}

/// Names the components that are not ready; all of them if they are ready and do not
/// respond to the container yet.
fn waiting_for(observation: &ComponentObservation, names: &[&str]) -> String {
    let ready = |name: &&&str| {
        observation
            .others_ready
            .iter()
            .any(|one| one.name() == **name)
    };
    let missing: Vec<&str> = names.iter().filter(|name| !ready(name)).copied().collect();
    let missing = if missing.is_empty() { names } else { &missing };
    format!("waiting for {}", listed(missing))
}

fn running(
    observation: &ComponentObservation,
    container: &ContainerObservation,
    init: bool,
) -> (StateKind, String) {
    if init {
        return match awaited(&container.name) {
            Some(names) => (StateKind::Waiting, waiting_for(observation, &names)),
            None => (
                StateKind::Starting,
                format!("preparing ({})", container.name),
            ),
        };
    }
    let last_run = match (&container.last, container.restarts) {
        (Some(ended), restarts) if restarts > 0 && ended.exit_code != 0 => {
            format!(" again (last run: {})", how_it_ended(container, ended))
        }
        _ => String::new(),
    };
    // The message of the probe changes from one observation to the next, so it is shown
    // only in the last event.
    let fails = observation
        .events_of("Unhealthy")
        .any(|event| event.message.starts_with("Readiness"));
    if container.started && fails && last_run.is_empty() {
        return (
            StateKind::Starting,
            "running, but its readiness probe fails".to_owned(),
        );
    }
    (
        StateKind::Starting,
        format!("running{last_run}, not ready yet"),
    )
}

fn creating(
    observation: &ComponentObservation,
    container: &ContainerObservation,
) -> (StateKind, String) {
    let latest = observation.events.iter().rev().find(|event| {
        let same_container = event.container.as_deref() == Some(container.name.as_str());
        (same_container && matches!(event.reason.as_str(), "Pulling" | "Pulled"))
            || matches!(event.reason.as_str(), "FailedMount" | "FailedAttachVolume")
    });
    match latest {
        Some(event) if event.reason == "Pulling" => {
            (StateKind::Pulling, "pulling the image".to_owned())
        }
        Some(event) if event.warning => (
            StateKind::Pending,
            format!("cannot mount its volume: {}", innermost(&event.message)),
        ),
        _ => (StateKind::Starting, "creating the container".to_owned()),
    }
}

/// Returns why a run-once pod has not completed, or why it failed before its container ran.
pub(crate) fn unfinished(pod: &PodObservation) -> String {
    if let Some(unscheduled) = &pod.unscheduled {
        return unscheduled.message.clone();
    }
    let state = pod.containers.first().map(|container| &container.state);
    let of_container = match state {
        Some(ContainerState::Waiting { reason, message }) => [Some(message), Some(reason)],
        _ => [None, None],
    };
    let of_pod = [pod.message.as_ref(), pod.reason.as_ref()];
    let mut texts = of_container.into_iter().chain(of_pod).flatten();
    let reason = texts.find(|text| !text.is_empty());
    reason.cloned().unwrap_or_else(|| match pod.phase.as_str() {
        "Running" => "it is still running".to_owned(),
        _ => "it has not started".to_owned(),
    })
}

/// Describes how a container terminated and how often it was restarted.
pub(crate) fn how_it_ended(container: &ContainerObservation, ended: &Ended) -> String {
    let how = match (ended.reason.as_str(), &container.memory_limit) {
        ("OOMKilled", Some(limit)) => format!("out of memory: limit {}", memory(limit)),
        ("OOMKilled", None) => "out of memory".to_owned(),
        ("StartError" | "ContainerCannotRun", _) => "its container did not start".to_owned(),
        (_, _) if ended.exit_code == 0 => "exited with code 0".to_owned(),
        (_, _) if ended.exit_code == 137 => "killed by SIGKILL".to_owned(),
        _ => format!("exited with code {}", ended.exit_code),
    };
    match container.restarts {
        0 => how,
        restarts => format!("{how}, {}", count(restarts.into(), "restart")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::component::Component::{Apiserver, Elasticsearch, Mongodb, Redis, Webserver};
    use crate::diagnose::diagnose;
    use crate::diagnose::fixtures::{
        backing_off, end, observation, pod, waiting, warning, with_init, with_status,
    };

    #[test]
    fn a_ready_component_has_no_finding() {
        let observation = with_status(
            Redis,
            json!({"ready": true, "started": true, "state": {"running": {}}}),
        );
        assert_eq!(diagnose(&observation, &[]), None);
        assert_eq!(describe(&observation).kind, StateKind::Ready);
        assert_eq!(describe(&observation).line(), "ready");
    }

    #[test]
    fn a_waiting_init_container_is_not_a_finding() {
        for init in [
            json!({"state": {"running": {}}}),
            backing_off("40s", 3, end("Error", 1, "")),
            json!({"state": end("Error", 1, "")}),
        ] {
            let observation = observation(
                Apiserver,
                vec![with_init(waiting("PodInitializing", ""), init)],
                Vec::new(),
            );
            let state = describe(&observation);
            assert_eq!(
                (state.kind, state.line().as_str()),
                (StateKind::Waiting, "waiting for elasticsearch")
            );
            assert_eq!(diagnose(&observation, &[]), None);
        }
    }

    #[test]
    fn names_only_the_dependencies_that_are_not_ready() {
        let running = json!({"state": {"running": {}}});
        let pod = with_init(waiting("PodInitializing", ""), running);
        let mut observation = observation(Apiserver, vec![pod], Vec::new());
        observation.pods[0].init[0].name = "wait-for-redis-mongodb-elasticsearch".into();
        for (ready, line) in [
            (vec![], "waiting for redis, mongodb and elasticsearch"),
            (
                vec![Redis, Webserver],
                "waiting for mongodb and elasticsearch",
            ),
            (vec![Redis, Mongodb], "waiting for elasticsearch"),
            // All are ready and do not respond to the container yet: each may be the reason.
            (
                vec![Redis, Mongodb, Elasticsearch],
                "waiting for redis, mongodb and elasticsearch",
            ),
        ] {
            observation.others_ready = ready;
            assert_eq!(describe(&observation).line(), line);
        }
    }

    #[test]
    fn describes_each_state_before_ready() {
        let creating = with_status(Redis, waiting("ContainerCreating", ""));
        assert_eq!(
            describe(&creating).line(),
            "starting: creating the container"
        );
        let mut pulling = observation(
            Redis,
            vec![pod(waiting("ContainerCreating", ""))],
            vec![warning("Pulling", "Pulling image", 1)],
        );
        pulling.events[0].warning = false;
        assert_eq!(describe(&pulling).line(), "pulling the image");
        let mut absent = observation(Redis, Vec::new(), Vec::new());
        assert_eq!(
            describe(&absent).line(),
            "pending: waiting for its pod to be created"
        );
        absent.stopping.push("old".to_owned());
        assert_eq!(
            describe(&absent).line(),
            "stopping: the old pod is terminating"
        );
        absent.workload.as_mut().unwrap().desired = 0;
        absent.stopping.clear();
        assert_eq!(describe(&absent).kind, StateKind::Stopped);
        absent.workload = None;
        assert_eq!(describe(&absent).kind, StateKind::Absent);
    }
}
