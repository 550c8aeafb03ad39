//! The rules in their order: from one component's observation to one finding.

use serde::Serialize;

use super::state::describe;
use super::words::short;
use super::{ComponentObservation, ContainerState, EventObservation};
use super::{images, known_logs, placement, runs};
use crate::component::{Component, State, StateKind};
use crate::error::Code;
use crate::hint::{Hint, ours};

/// What is wrong: one value per row of `docs/failures.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The kernel killed it for memory.
    OutOfMemory,
    Heap,
    CrashLoop,
    StartError,
    /// It did not answer its probe in time and was stopped.
    ProbeKilled,
    /// The kubelet put its pod out.
    Evicted,
    /// Its image is not in the node and may not be pulled.
    ImageMissing,
    /// Its image's name is none.
    ImageName,
    ImagePull,
    /// A Secret or ConfigMap that it names, or a key of one, is missing.
    MissingConfig,
    /// The node has no place for it.
    Unschedulable,
    /// Its pod is refused.
    PodRefused,
    /// Its claim has lost its volume.
    ClaimLost,
    /// Its volume cannot be mounted.
    VolumePath,
    /// `vm.max_map_count` is too low.
    MaxMapCount,
    /// Its data directory is in use, or of another owner.
    DataLocked,
    DataOwner,
    DataVersion,
    DataBroken,
    DiskFull,
    Settings,
    Dependency,
    /// Nothing is known to be wrong, and the time is up.
    Timeout,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub component: Component,
    pub kind: Cause,
    /// One sentence, such as `elasticsearch does not start: the kernel killed it …`.
    pub cause: String,
    /// The same in a few words.
    pub reason: String,
    /// What the cluster said last.
    pub last_event: Option<String>,
    pub code: Code,
    /// What to type next, most useful first.
    pub hints: Vec<Hint>,
    /// Whether it may pass by itself.
    pub heals: bool,
}

/// A finding as a rule writes it.
pub(crate) struct Draft {
    pub(crate) cause: Cause,
    pub(crate) code: Code,
    /// What follows the component's name in the sentence.
    pub(crate) says: String,
    pub(crate) short: String,
    pub(crate) hints: Vec<Hint>,
    pub(crate) heals: bool,
}

impl Draft {
    /// A draft of something that does not heal.
    pub(crate) fn new(cause: Cause, code: Code, says: String, short: String) -> Self {
        Draft {
            cause,
            code,
            says,
            short,
            hints: Vec::new(),
            heals: false,
        }
    }

    pub(crate) fn hint(&mut self, hint: Hint) {
        self.hints.push(hint);
    }

    pub(crate) fn finish(self, seen: &ComponentObservation) -> Finding {
        Finding {
            component: seen.component,
            kind: self.cause,
            cause: format!("{} {}", seen.component, self.says),
            reason: short(&self.short),
            last_event: seen.last_event().map(event_line),
            code: self.code,
            hints: self.hints,
            heals: self.heals,
        }
    }
}

/// How to see what a component wrote.
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

/// Finds what is wrong with a component; `None` where nothing is, or nothing more
/// than that it takes its time. `log` are the last lines of the container that
/// [`ComponentObservation::pod`] and its `blocking` name; without them, what only
/// a log can tell stays unknown.
pub fn diagnose(seen: &ComponentObservation, log: &[String]) -> Option<Finding> {
    draft(seen, log).map(|draft| draft.finish(seen))
}

/// One end of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogEnd {
    /// The uid of its pod.
    pod: String,
    container: String,
    /// How many times it had ended by then.
    ends: u32,
}

/// The end of a container that only the end of its log may explain, if there is one: the
/// log to give to [`assess`].
pub fn unexplained_end(seen: &ComponentObservation) -> Option<LogEnd> {
    let pod = seen.pod()?;
    let (container, _) = pod.blocking()?;
    let unexplained = container.ends() > 0 && diagnose(seen, &[]).is_some();
    unexplained.then(|| LogEnd {
        pod: pod.uid.clone(),
        container: container.name.clone(),
        ends: container.ends(),
    })
}

/// State and finding at once; a finding that does not heal makes the state
/// `failed` and gives it its reason.
pub fn assess(seen: &ComponentObservation, log: &[String]) -> (State, Option<Finding>) {
    let mut state = describe(seen);
    let finding = diagnose(seen, log);
    if let Some(finding) = finding
        .as_ref()
        .filter(|finding| !finding.heals && !state.is_ready())
    {
        state.kind = StateKind::Failed;
        state.reason.clone_from(&finding.reason);
    }
    (state, finding)
}

fn draft(seen: &ComponentObservation, log: &[String]) -> Option<Draft> {
    let workload = seen.workload.as_ref()?;
    if workload.desired == 0 || !workload.observed {
        return None;
    }
    if seen.is_ready() {
        return known_logs::while_running(seen, log);
    }
    if let Some(draft) = placement::claim(seen) {
        return Some(draft);
    }
    let Some(pod) = seen.pod().filter(|pod| !pod.ready) else {
        return runs::refused(seen);
    };
    if pod.stale.is_some() {
        return None;
    }
    if pod.phase == "Failed" {
        return Some(runs::evicted(seen, pod));
    }
    if let Some(draft) = placement::unschedulable(seen, pod) {
        return Some(draft);
    }
    let (container, init) = pod.blocking()?;
    placement::mount(seen, pod)
        .or_else(|| images::image(seen, container))
        .or_else(|| runs::not_created(seen, container))
        .or_else(|| runs::ended(seen, container, init, log))
        .or_else(|| match container.state {
            ContainerState::Running { .. } if !init => known_logs::while_running(seen, log),
            _ => None,
        })
}
