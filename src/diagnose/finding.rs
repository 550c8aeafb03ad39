//! The rules that turn the observation of a component into a finding, in their order.

use super::state::describe;
use super::words::short;
use super::{ComponentObservation, ContainerState, EventObservation};
use super::{images, known_logs, placement, runs};
use crate::component::{Component, State, StateKind};
use crate::failures::Failure;
use crate::hint::{Hint, ours};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub component: Component,
    pub failure: Failure,
    /// A sentence such as `elasticsearch does not start: the kernel killed it …`.
    pub cause: String,
    /// The cause in a few words.
    pub reason: String,
    /// The last event of the cluster about the component.
    pub last_event: Option<String>,
    /// The remedies, most useful first.
    pub hints: Vec<Hint>,
    /// Whether the component may recover without help.
    pub may_recover: bool,
}

/// A finding without the parts that are the same for every rule.
pub(crate) struct Draft {
    pub(crate) failure: Failure,
    /// The sentence after the component's name.
    pub(crate) predicate: String,
    pub(crate) short: String,
    pub(crate) hints: Vec<Hint>,
    pub(crate) may_recover: bool,
}

impl Draft {
    /// Creates a draft of a problem that needs help.
    pub(crate) fn new(failure: Failure, predicate: String, short: String) -> Self {
        Draft {
            failure,
            predicate,
            short,
            hints: Vec::new(),
            may_recover: false,
        }
    }

    pub(crate) fn hint(&mut self, hint: Hint) {
        self.hints.push(hint);
    }

    pub(crate) fn finish(self, observation: &ComponentObservation) -> Finding {
        Finding {
            component: observation.component,
            failure: self.failure,
            cause: format!("{} {}", observation.component, self.predicate),
            reason: short(&self.short),
            last_event: observation.last_event().map(event_line),
            hints: self.hints,
            may_recover: self.may_recover,
        }
    }
}

/// The hint to read the logs of a component.
pub(crate) fn see_logs(component: Component) -> Hint {
    Hint::run("see its logs", ours!(Logs, "{component}"))
}

/// `FailedMount: … (3 times)`.
fn event_line(event: &EventObservation) -> String {
    let message = short(&event.message);
    let message = message.trim_end_matches([':', ' ']);
    match event.count {
        0 | 1 => format!("{}: {message}", event.reason),
        times => format!("{}: {message} ({times} times)", event.reason),
    }
}

/// Returns what is wrong with a component; `None` if nothing is, or if it only needs more
/// time. `log` holds the last lines of the container that [`ComponentObservation::pod`]
/// and its `blocking` select; without them, causes that only a log reveals are not found.
pub fn diagnose(observation: &ComponentObservation, log: &[String]) -> Option<Finding> {
    draft(observation, log).map(|draft| draft.finish(observation))
}

/// One termination of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogEnd {
    pod_uid: String,
    container: String,
    /// How many times it had terminated by then, this one included.
    count: u32,
}

/// Returns the termination that only the log of the container may explain, if there is
/// one; [`assess`] takes that log.
pub fn unexplained_end(observation: &ComponentObservation) -> Option<LogEnd> {
    let pod = observation.pod()?;
    let (container, _) = pod.blocking()?;
    let unexplained = container.ends() > 0 && diagnose(observation, &[]).is_some();
    unexplained.then(|| LogEnd {
        pod_uid: pod.uid.clone(),
        container: container.name.clone(),
        count: container.ends(),
    })
}

/// Returns the state and the finding. A finding that needs help makes the state `failed`
/// and sets its reason.
pub fn assess(observation: &ComponentObservation, log: &[String]) -> (State, Option<Finding>) {
    let mut state = describe(observation);
    let finding = diagnose(observation, log);
    if let Some(finding) = finding
        .as_ref()
        .filter(|finding| !finding.may_recover && !state.is_ready())
    {
        state.kind = StateKind::Failed;
        state.reason.clone_from(&finding.reason);
    }
    (state, finding)
}

fn draft(observation: &ComponentObservation, log: &[String]) -> Option<Draft> {
    let workload = observation.workload.as_ref()?;
    if workload.desired == 0 || !workload.observed {
        return None;
    }
    if let Some(pod) = observation.address_conflict() {
        return Some(runs::shared_address(pod));
    }
    if observation.is_ready() {
        return known_logs::while_running(observation, log);
    }
    if let Some(draft) = placement::claim(observation) {
        return Some(draft);
    }
    let Some(pod) = observation.pod().filter(|pod| !pod.ready) else {
        return runs::refused(observation);
    };
    if pod.stale.is_some() {
        return None;
    }
    if pod.phase == "Failed" {
        return Some(runs::evicted(observation, pod));
    }
    if let Some(draft) = placement::unschedulable(observation, pod) {
        return Some(draft);
    }
    let (container, init) = pod.blocking()?;
    placement::mount(observation, pod)
        .or_else(|| images::image(observation, container))
        .or_else(|| runs::not_created(observation, container))
        .or_else(|| runs::ended(observation, container, init, log))
        .or_else(|| match container.state {
            ContainerState::Running { .. } if !init => known_logs::while_running(observation, log),
            _ => None,
        })
}
