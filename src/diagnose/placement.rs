//! Pods without a place, and volumes that are not there.

use jiff::{SignedDuration, Timestamp};

use super::finding::{Cause, Draft};
use super::words::{innermost, short};
use super::{ComponentObservation, PodObservation};
use crate::error::Code;
use crate::hint::{Hint, ours};

/// How long the scheduler may be of one opinion before it counts: a pod that makes
/// room is on its way out for a few seconds.
const PATIENCE: SignedDuration = SignedDuration::from_secs(8);

/// What the scheduler misses, in short: `the node does not have enough memory`.
pub(crate) fn in_short(message: &str) -> String {
    match Want::of(message) {
        Want::Resource(what) => format!("the node does not have enough {what}"),
        Want::Selector => "no node matches its node selector".to_owned(),
        Want::Taint(taint) => format!("the node does not accept pods ({taint})"),
        Want::Passing(what) => what.to_owned(),
        Want::Other => short(message),
    }
}

/// Why the scheduler finds no place.
enum Want {
    Resource(String),
    Selector,
    Taint(String),
    /// Passes by itself.
    Passing(&'static str),
    Other,
}

impl Want {
    /// Reads `0/1 nodes are available: 1 Insufficient memory. preemption: …`.
    fn of(message: &str) -> Want {
        // What preemption says does not matter: nothing here has a priority.
        let said = message.split("preemption:").next().unwrap_or(message);
        let lower = said.to_lowercase();
        if let Some((_, rest)) = said.split_once("Insufficient ") {
            let what = rest.split([',', '.', ' ']).next().unwrap_or("resources");
            return Want::Resource(match what {
                "cpu" => "CPU".to_owned(),
                "ephemeral-storage" => "disk".to_owned(),
                other => other.to_owned(),
            });
        }
        if lower.contains("too many pods") {
            return Want::Resource("room for more pods".to_owned());
        }
        if lower.contains("unbound immediate persistentvolumeclaims") {
            return Want::Passing("waiting for its volume");
        }
        if lower.contains("no nodes available") {
            return Want::Passing("waiting for the node");
        }
        if let Some((_, rest)) = said.split_once("taint") {
            // `{key: value}`, or `taint(s)` without a name in newer ones.
            let taint = rest
                .split_once('{')
                .and_then(|(_, inner)| inner.split_once('}'))
                .map_or("", |(inner, _)| inner.trim().trim_end_matches(':'));
            // Both pass: a node becomes ready, kubeadm's taint is removed.
            return if taint.starts_with("node.kubernetes.io/not-ready")
                || taint.starts_with("node.kubernetes.io/network-unavailable")
                || taint.starts_with("node.cloudprovider.kubernetes.io/uninitialized")
            {
                Want::Passing("waiting for the node to be ready")
            } else if taint.is_empty() {
                Want::Taint("it has a taint".to_owned())
            } else {
                Want::Taint(format!(
                    "taint {}",
                    taint.split(':').next().unwrap_or(taint)
                ))
            };
        }
        if lower.contains("node affinity") || lower.contains("node selector") {
            return Want::Selector;
        }
        Want::Other
    }
}

/// A pod that the scheduler cannot place.
pub(crate) fn unschedulable(seen: &ComponentObservation, pod: &PodObservation) -> Option<Draft> {
    let unscheduled = pod.unscheduled.as_ref()?;
    let want = Want::of(&unscheduled.message);
    let lasts = unscheduled
        .since
        .or(pod.created)
        .is_some_and(|since: Timestamp| seen.at.duration_since(since) >= PATIENCE);
    let firm = matches!(want, Want::Resource(_) | Want::Selector | Want::Taint(_));
    let component = seen.component;
    let reason = in_short(&unscheduled.message);
    let mut draft = Draft::new(
        Cause::Unschedulable,
        Code::ComponentUnschedulable,
        format!("cannot be scheduled on the node: {reason}"),
        reason,
    );
    draft.heals = !(firm && lasts && seen.stopping.is_empty());
    match want {
        Want::Resource(what) if what == "memory" || what == "CPU" => {
            let key = if what == "memory" { "memory" } else { "cpu" };
            draft.hint(Hint::run(
                "request less",
                ours!(Up, "--set {component}.resources.requests.{key}=…"),
            ));
            draft.hint(Hint::run("or give Docker more, then run", ours!(Up)));
        }
        Want::Selector => draft.hint(Hint::run(
            format!("see the nodeSelector and affinity of {component}"),
            ours!(Render),
        )),
        _ => draft.hint(Hint::run("see all components", ours!(Status))),
    }
    Some(draft)
}

/// A claim that lost its volume, or that waits too long for one.
pub(crate) fn claim(seen: &ComponentObservation) -> Option<Draft> {
    let claim = seen.claim.as_ref()?;
    match claim.phase.as_str() {
        "Lost" => {
            let mut draft = Draft::new(
                Cause::ClaimLost,
                Code::ComponentUnschedulable,
                format!(
                    "has lost its volume: the claim {} refers to a volume that no longer exists",
                    claim.name
                ),
                "its claim has lost its volume".to_owned(),
            );
            // The data are in the data directory; a new cluster finds them there.
            draft.hint(
                Hint::run("recreate the cluster, the data are kept", ours!(Down)).then(ours!(Up)),
            );
            Some(draft)
        }
        _ => None,
    }
}

pub(crate) fn mount(seen: &ComponentObservation, pod: &PodObservation) -> Option<Draft> {
    // Only while a container waits for it: a mount that failed once and then did
    // not is history.
    let (container, _) = pod.blocking()?;
    if !matches!(container.state, super::ContainerState::Waiting { .. }) {
        return None;
    }
    let event = seen.events_of("FailedMount").next()?;
    let message = &event.message;
    let wrong_type = message.contains("hostPath type check failed")
        || message.contains("is not a directory")
        || message.contains("not a directory");
    let mut draft = if wrong_type {
        let path = path_of(message);
        Draft::new(
            Cause::VolumePath,
            Code::ComponentConfig,
            match &path {
                Some(path) => {
                    format!("cannot mount its volume: {path} in the node is not a directory")
                }
                None => {
                    "cannot mount its volume: its path in the node is not a directory".to_owned()
                }
            },
            "its volume's path is not a directory".to_owned(),
        )
    } else if message.contains("not found")
        && (message.contains("secret") || message.contains("configmap"))
    {
        let mut draft = Draft::new(
            Cause::MissingConfig,
            Code::ComponentConfig,
            format!("cannot mount its configuration: {}", innermost(message)),
            innermost(message),
        );
        // Applied at the same time as the workload: it comes.
        draft.heals = event.count < 4;
        draft
    } else {
        let mut draft = Draft::new(
            Cause::VolumePath,
            Code::ComponentConfig,
            format!("cannot mount its volume: {}", innermost(message)),
            "cannot mount its volume".to_owned(),
        );
        draft.heals = true;
        draft
    };
    draft.hint(Hint::run("see where the data are", ours!(Status)));
    draft.hint(Hint::run("apply everything again", ours!(Up)));
    Some(draft)
}

/// The path of `hostPath type check failed: /x is not a directory`.
fn path_of(message: &str) -> Option<String> {
    let (before, _) = message.split_once(" is not a directory")?;
    let path = before.rsplit(' ').next()?;
    path.starts_with('/').then(|| path.to_owned())
}
