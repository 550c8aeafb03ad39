//! Containers that cannot be created, cannot start or terminate.

use jiff::SignedDuration;

use super::finding::{Draft, see_logs};
use super::known_logs;
use super::state::how_it_ended;
use super::words::{awaited, innermost, short};
use super::{ComponentObservation, ContainerObservation, ContainerState, Ended, PodObservation};
use crate::failures::Failure;
use crate::hint::{Hint, Ours, ours};
use crate::quantity::{doubled, memory};
use crate::words::count;

/// A termination before this no longer matters: the container has run since.
const RECENT: SignedDuration = SignedDuration::from_mins(10);
/// The number of restarts in a row after which a repeated termination is permanent.
const RESTARTS: u32 = 3;
/// How often a container may fail to start for a transient reason.
const STARTS: u32 = 4;

/// What the kernel says about a program for another CPU architecture.
const FOREIGN_PROGRAM: &str = "exec format error";

/// Whether a line of a log says that the container's program is for another CPU architecture:
/// newer versions of runc report that there, and the container exits with code 255.
fn is_foreign_program(line: &str) -> bool {
    line.starts_with("exec ") && line.trim_end().ends_with(FOREIGN_PROGRAM)
}

/// The workload's controller cannot create a pod.
pub(crate) fn refused(observation: &ComponentObservation) -> Option<Draft> {
    let event = observation.refused_pod()?;
    let mut draft = Draft::new(
        Failure::PodRefused,
        format!(
            "has no pod: Kubernetes refused to create it: {}",
            short(&event.message)
        ),
        "Kubernetes refused to create its pod".to_owned(),
    );
    // The ServiceAccount may be created a moment later.
    draft.may_recover = event.count < 3;
    draft.hint(Hint::run("see what is applied", ours!(Render)));
    Some(draft)
}

/// A pod that the kubelet evicted; its workload creates another one.
pub(crate) fn evicted(observation: &ComponentObservation, pod: &PodObservation) -> Draft {
    let why = pod
        .message
        .as_deref()
        .or(pod.reason.as_deref())
        .unwrap_or("unknown");
    let mut draft = Draft::new(
        Failure::Evicted,
        format!("was evicted by the node: {}", short(why)),
        format!(
            "evicted by the node: {}",
            pod.reason.as_deref().unwrap_or("unknown").to_lowercase()
        ),
    );
    draft.may_recover = true;
    draft.hint(see_logs(observation.component));
    draft
}

/// A pod that has the same address as another one.
pub(crate) fn shared_address(pod: &PodObservation) -> Draft {
    let address = pod.address.as_deref().unwrap_or_default();
    let other = pod.shares_address_with.as_deref().unwrap_or_default();
    let mut draft = Draft::new(
        Failure::PodAddress,
        format!("has the same address ({address}) as the pod {other}"),
        format!("the pod {other} has the same address"),
    );
    draft.hints = draft.failure.remedies();
    draft
}

/// Whether the kubelet has not yet read the objects that the container needs, as shortly
/// after the kubelet's start: nothing is missing then.
pub(crate) fn is_late_cache(message: &str) -> bool {
    let late = ["timed out waiting", "not yet been read"];
    late.iter().any(|text| message.contains(text))
}

/// A container that the kubelet cannot create.
pub(crate) fn not_created(
    observation: &ComponentObservation,
    container: &ContainerObservation,
) -> Option<Draft> {
    let ContainerState::Waiting { reason, message } = &container.state else {
        return None;
    };
    let mut draft = match reason.as_str() {
        "CreateContainerConfigError" => {
            let mut draft = Draft::new(
                Failure::ConfigMissing,
                format!(
                    "does not start: its configuration is incomplete: {}",
                    short(message)
                ),
                short(message),
            );
            draft.may_recover = is_late_cache(message);
            draft
        }
        "CreateContainerError" => {
            let mut draft = Draft::new(
                Failure::ContainerNotCreated,
                format!(
                    "does not start: cannot create its container: {}",
                    innermost(message)
                ),
                "cannot create its container".to_owned(),
            );
            let tries = observation
                .events_of("Failed")
                .next()
                .map_or(1, |event| event.count);
            draft.may_recover = tries < RESTARTS;
            draft
        }
        _ => return None,
    };
    draft.hint(Hint::run("see what is applied", ours!(Render)));
    draft.hint(Hint::run("apply everything again", ours!(Up)));
    Some(draft)
}

/// A container that terminated, whether or not it is restarted.
pub(crate) fn ended(
    observation: &ComponentObservation,
    container: &ContainerObservation,
    init: bool,
    log: &[String],
) -> Option<Draft> {
    if init && awaited(&container.name).is_some() {
        // It timed out and is restarted: the component that it waits for is the problem.
        return None;
    }
    if let ContainerState::Waiting { reason, message } = &container.state
        && reason == "RunContainerError"
    {
        return Some(not_started(observation, container, message));
    }
    let end = container.ended()?;
    let running = matches!(container.state, ContainerState::Running { .. });
    if running && (end.exit_code == 0 || is_old(observation, end)) {
        return None;
    }
    if init && end.exit_code == 0 {
        return None;
    }
    if end.reason == "OOMKilled" {
        return Some(out_of_memory(observation, container));
    }
    if matches!(end.reason.as_str(), "StartError" | "ContainerCannotRun") {
        return Some(not_started(observation, container, &end.message));
    }
    if end.exit_code != 0 && log.iter().any(|line| is_foreign_program(line)) {
        return Some(not_started(observation, container, FOREIGN_PROGRAM));
    }
    if let Some(mut draft) = known_logs::known(observation, end, log) {
        // One failed start may follow an interrupted write; two in a row do not.
        if draft.failure == Failure::DataCorrupt {
            draft.may_recover = !is_repeated(container);
        }
        return Some(draft);
    }
    let probe = probe_killed(observation, container, end);
    Some(probe.unwrap_or_else(|| crashed(observation, container, end)))
}

fn is_old(observation: &ComponentObservation, end: &Ended) -> bool {
    end.finished
        .is_some_and(|finished| observation.at.duration_since(finished) > RECENT)
}

/// Whether the container has terminated for the second time in a row. The restart count
/// does not show that, because it includes restarts of the node. The kubelet restarts a
/// container immediately after the first termination, and backs off from the second on.
fn is_repeated(container: &ContainerObservation) -> bool {
    match &container.state {
        ContainerState::Waiting { .. } => recent_restarts(container) > 0,
        ContainerState::Terminated(end) => {
            let same = |last: &Ended| last.exit_code == end.exit_code;
            container.last.as_ref().is_some_and(same)
        }
        ContainerState::Running { .. } => false,
    }
}

fn out_of_memory(observation: &ComponentObservation, container: &ContainerObservation) -> Draft {
    let component = observation.component;
    let limit = container.memory_limit.as_deref();
    let bound = match limit {
        Some(limit) => format!("its {}", memory(limit)),
        None => "the available memory".to_owned(),
    };
    let mut short = match limit {
        Some(limit) => format!("out of memory: limit {}", memory(limit)),
        None => "out of memory".to_owned(),
    };
    if container.restarts > 0 {
        short = format!("{short}, {}", count(container.restarts.into(), "restart"));
    }
    let mut draft = Draft::new(
        Failure::OutOfMemory,
        format!("does not start: the kernel killed it for using more than {bound}"),
        short,
    );
    draft.may_recover = !is_repeated(container);
    draft.hint(Hint::run(
        "increase its memory limit",
        more_memory(observation, container),
    ));
    draft.hint(Hint::run("see its full log", ours!(Logs, "{component}")));
    draft
}

/// The command that doubles a component's memory limit.
fn more_memory(observation: &ComponentObservation, container: &ContainerObservation) -> Ours {
    let limit = container.memory_limit.as_deref();
    let more = limit.and_then(doubled).unwrap_or_else(|| "2Gi".to_owned());
    let component = observation.component;
    ours!(Up, "--set {component}.resources.limits.memory={more}")
}

/// The runtime could not start the container's first process.
fn not_started(
    observation: &ComponentObservation,
    container: &ContainerObservation,
    message: &str,
) -> Draft {
    let component = observation.component;
    let text = message.to_lowercase();
    let platform = text.contains(FOREIGN_PROGRAM);
    let missing = text.contains("no such file or directory")
        || text.contains("executable file not found")
        || text.contains("permission denied");
    let mut draft = if platform {
        Draft::new(
            Failure::ImagePlatform,
            format!(
                "does not start: its image {} is for another CPU architecture",
                container.image
            ),
            "its image is for another CPU architecture".to_owned(),
        )
    } else {
        Draft::new(
            Failure::StartError,
            format!(
                "does not start: cannot start its container: {}",
                innermost(message)
            ),
            "cannot start its container".to_owned(),
        )
    };
    // Seen on cgroup v1 under load after a node start ("unable to freeze"): the next
    // attempt succeeds.
    draft.may_recover = !platform && recent_restarts(container) < if missing { 1 } else { STARTS };
    draft.hint(see_logs(component));
    draft.hint(Hint::run("try again", ours!(Up)));
    draft
}

/// The kubelet stopped the container because a probe failed.
fn probe_killed(
    observation: &ComponentObservation,
    container: &ContainerObservation,
    end: &Ended,
) -> Option<Draft> {
    if !matches!(end.exit_code, 137 | 143) {
        return None;
    }
    let killing = observation
        .events_of("Killing")
        .find(|event| event.message.contains("probe"))?;
    let kind = if killing.message.contains("startup probe") {
        "startup"
    } else {
        "liveness"
    };
    let mut draft = Draft::new(
        Failure::ProbeKilled,
        format!("did not answer in time, so the kubelet stopped it (its {kind} probe failed)"),
        format!("stopped: its {kind} probe failed"),
    );
    draft.may_recover = recent_restarts(container) < RESTARTS;
    draft.hint(see_logs(observation.component));
    Some(draft)
}

fn crashed(
    observation: &ComponentObservation,
    container: &ContainerObservation,
    end: &Ended,
) -> Draft {
    let component = observation.component;
    let how = match end.exit_code {
        0 => "keeps exiting with code 0".to_owned(),
        137 => "keeps being killed (SIGKILL)".to_owned(),
        code => format!("keeps exiting with code {code}"),
    };
    let mut draft = Draft::new(
        Failure::CrashLoop,
        format!("does not start: it {how}"),
        how_it_ended(container, end),
    );
    draft.may_recover = recent_restarts(container) < RESTARTS;
    draft.hint(Hint::run("see its full log", ours!(Logs, "{component}")));
    // The reason `OOMKilled` is sometimes lost (seen on cgroup v1).
    if end.exit_code == 137 && container.memory_limit.is_some() {
        let more = more_memory(observation, container);
        draft.hint(Hint::run("if it needs more memory", more));
    }
    draft.hint(Hint::run("check the other components", ours!(Status)));
    draft
}

/// Returns the number of restarts in a row, derived from the kubelet's back-off: the count
/// in the pod includes restarts of the node weeks ago.
fn recent_restarts(container: &ContainerObservation) -> u32 {
    let (reason, message) = match &container.state {
        ContainerState::Waiting { reason, message } => (reason, message),
        // The kubelet has not shown its back-off yet.
        ContainerState::Terminated(end) => return restarts_before(container, end),
        ContainerState::Running { .. } => return 0,
    };
    if reason != "CrashLoopBackOff" {
        return 0;
    }
    // The delay doubles from 10 s, or from 1 s if the shorter back-off is enabled.
    let steps = match back_off(message) {
        Some(seconds @ 10..) if seconds % 10 == 0 => (seconds / 10).ilog2() + 1,
        Some(seconds @ 1..) => seconds.ilog2() + 1,
        _ => container.restarts,
    };
    steps.min(container.restarts)
}

/// Returns the same for a container that has just ended, derived from the pause before its last
/// run, which will be twice as long.
fn restarts_before(container: &ContainerObservation, end: &Ended) -> u32 {
    let last = container.last.as_ref();
    let failed_before = last.filter(|last| last.exit_code == end.exit_code);
    let pause = failed_before
        .and_then(|last| Some(end.started?.duration_since(last.finished?)))
        .and_then(|pause| u32::try_from(pause.as_secs()).ok());
    let steps = match pause {
        Some(seconds @ 10..) => (seconds / 10).ilog2() + 2,
        Some(_) => 1,
        None => 0,
    };
    steps.min(container.restarts)
}

/// Parses the seconds of `back-off 1m20s restarting failed container=…`.
fn back_off(message: &str) -> Option<u64> {
    let (_, rest) = message.split_once("back-off ")?;
    let text = rest.split(' ').next()?;
    let duration: jiff::SignedDuration = text.parse().ok()?;
    u64::try_from(duration.as_secs()).ok()
}

#[cfg(test)]
mod tests;
