//! Pods that cannot be scheduled, and volumes that are missing or cannot be mounted.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::finding::Draft;
use super::words::{innermost, short};
use super::{ComponentObservation, PodObservation};
use crate::failures::Failure;
use crate::hint::{Hint, ours};

/// How long a pod may be unschedulable before that is a failure: a pod that frees
/// resources needs a few seconds to terminate.
const GRACE: SignedDuration = SignedDuration::from_secs(8);
/// The same in an existing cluster, where an autoscaler may decide to add a node.
const GRACE_OF_CLUSTER: SignedDuration = SignedDuration::from_secs(30);
/// The event of the cluster autoscaler about a pod for which it adds a node.
const SCALES_UP: &str = "TriggeredScaleUp";
/// Taints of nodes that become ready without help.
const STARTING: [&str; 3] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/network-unavailable",
    "node.cloudprovider.kubernetes.io/uninitialized",
];

/// Taints that a kubelet sets while its node runs out of something.
const PRESSURES: [(&str, &str); 3] = [
    ("node.kubernetes.io/disk-pressure", "disk space"),
    ("node.kubernetes.io/memory-pressure", "memory"),
    ("node.kubernetes.io/pid-pressure", "room for processes"),
];

/// Shortens the scheduler's message: `the node does not have enough memory`.
pub(crate) fn in_short(observation: &ComponentObservation, message: &str) -> String {
    match Obstacle::parse(message) {
        Obstacle::Resource(resource) if observation.existing_cluster => {
            format!("no node has enough {resource}")
        }
        Obstacle::Resource(resource) => format!("the node does not have enough {resource}"),
        Obstacle::Selector => "no node matches its node selector".to_owned(),
        Obstacle::Pressure(what) if observation.existing_cluster => {
            format!("the nodes have too little {what} left and accept no pods")
        }
        Obstacle::Pressure(what) => {
            format!("the node has too little {what} left and accepts no pods")
        }
        Obstacle::Taint(taint) if observation.existing_cluster => {
            format!("no node accepts it ({taint})")
        }
        Obstacle::Taint(taint) => format!("the node does not accept pods ({taint})"),
        Obstacle::Transient(what) => what.to_owned(),
        Obstacle::Other => short(message),
    }
}

/// Why the scheduler cannot place a pod.
enum Obstacle {
    Resource(Resource),
    Selector,
    Taint(String),
    /// The kubelet refuses pods until it has more of this again.
    Pressure(&'static str),
    /// Goes away without help.
    Transient(&'static str),
    Other,
}

/// What a node does not have enough of.
enum Resource {
    Cpu,
    Memory,
    Gpus,
    /// In words.
    Other(String),
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Cpu => "CPU",
            Resource::Memory => "memory",
            Resource::Gpus => "GPUs",
            Resource::Other(words) => words,
        })
    }
}

impl Obstacle {
    /// Reads `0/1 nodes are available: 1 Insufficient memory. preemption: …`.
    fn parse(message: &str) -> Obstacle {
        // The part about preemption does not matter: no pod here has a priority.
        let text = message.split("preemption:").next().unwrap_or(message);
        let lower = text.to_lowercase();
        // There may be several nodes, each with its own obstacle.
        if STARTING.iter().any(|taint| text.contains(taint)) {
            return Obstacle::Transient("waiting for the node to be ready");
        }
        if let Some((_, rest)) = text.split_once("Insufficient ") {
            let what = rest.split([',', ' ']).next().unwrap_or("resources");
            return Obstacle::Resource(match what.trim_end_matches('.') {
                "cpu" => Resource::Cpu,
                "memory" => Resource::Memory,
                "nvidia.com/gpu" => Resource::Gpus,
                "ephemeral-storage" => Resource::Other("disk".to_owned()),
                other => Resource::Other(other.to_owned()),
            });
        }
        if lower.contains("too many pods") {
            return Obstacle::Resource(Resource::Other("room for more pods".to_owned()));
        }
        if lower.contains("unbound immediate persistentvolumeclaims") {
            return Obstacle::Transient("waiting for its volume");
        }
        if lower.contains("no nodes available") {
            return Obstacle::Transient("waiting for the node");
        }
        let mut pressures = PRESSURES.iter();
        if let Some((_, what)) = pressures.find(|(taint, _)| text.contains(taint)) {
            return Obstacle::Pressure(what);
        }
        if let Some((_, rest)) = text.split_once("taint") {
            // `{key: value}`, or `taint(s)` without a name in newer versions.
            let taint = rest
                .split_once('{')
                .and_then(|(_, inner)| inner.split_once('}'))
                .map_or("", |(inner, _)| inner.trim().trim_end_matches(':'));
            return if taint.is_empty() {
                Obstacle::Taint("it has a taint".to_owned())
            } else {
                Obstacle::Taint(format!(
                    "taint {}",
                    taint.split(':').next().unwrap_or(taint)
                ))
            };
        }
        if lower.contains("node affinity") || lower.contains("node selector") {
            return Obstacle::Selector;
        }
        Obstacle::Other
    }
}

/// A pod that the scheduler cannot place.
pub(crate) fn unschedulable(
    observation: &ComponentObservation,
    pod: &PodObservation,
) -> Option<Draft> {
    let unscheduled = pod.unscheduled.as_ref()?;
    let obstacle = Obstacle::parse(&unscheduled.message);
    let grace = match observation.existing_cluster {
        true => GRACE_OF_CLUSTER,
        false => GRACE,
    };
    let is_lasting = unscheduled
        .since
        .or(pod.created)
        .is_some_and(|since: Timestamp| observation.at.duration_since(since) >= grace);
    let gets_node = observation.events_of(SCALES_UP).next().is_some();
    let is_permanent = matches!(
        obstacle,
        Obstacle::Resource(_) | Obstacle::Selector | Obstacle::Taint(_) | Obstacle::Pressure(_)
    );
    let component = observation.component;
    let reason = in_short(observation, &unscheduled.message);
    let failure = match &obstacle {
        Obstacle::Resource(Resource::Gpus) => Failure::GpusUnavailable,
        Obstacle::Resource(_) => Failure::NoRoom,
        Obstacle::Selector => Failure::NodeSelector,
        Obstacle::Pressure(_) => Failure::NodePressure,
        Obstacle::Taint(_) | Obstacle::Transient(_) | Obstacle::Other => Failure::Unschedulable,
    };
    let mut draft = Draft::new(failure, format!("cannot be scheduled: {reason}"), reason);
    let is_waiting = !observation.stopping.is_empty() || gets_node;
    draft.may_recover = !(is_permanent && is_lasting) || is_waiting;
    match obstacle {
        Obstacle::Resource(resource @ (Resource::Cpu | Resource::Memory)) => {
            let key = match resource {
                Resource::Memory => "memory",
                _ => "cpu",
            };
            draft.hint(Hint::run(
                "reduce its request",
                ours!(Up, "--set {component}.resources.requests.{key}=…"),
            ));
            let or = match observation.existing_cluster {
                true => "or add a node with enough room, then run",
                false => "or give Docker more resources, then run",
            };
            draft.hint(Hint::run(or, ours!(Up)));
        }
        Obstacle::Selector => draft.hint(Hint::run(
            format!("see the nodeSelector and affinity of {component}"),
            ours!(Render),
        )),
        Obstacle::Pressure(_) if observation.existing_cluster => draft.hint(Hint::run(
            "see which nodes have no space or memory left",
            "kubectl describe nodes",
        )),
        Obstacle::Pressure(_) => {
            draft.hint(Hint::run("see what fills the disk", "docker system df"));
            draft.hint(Hint::run("after freeing some", ours!(Up)));
        }
        _ => draft.hint(Hint::run("see all components", ours!(Status))),
    }
    Some(draft)
}

/// A claim whose volume no longer exists.
pub(crate) fn claim(observation: &ComponentObservation) -> Option<Draft> {
    let claim = observation.claim.as_ref()?;
    match claim.phase.as_str() {
        "Lost" => {
            let mut draft = Draft::new(
                Failure::ClaimLost,
                format!(
                    "has lost its volume: the claim {} refers to a volume that no longer exists",
                    claim.name
                ),
                "its claim has lost its volume".to_owned(),
            );
            draft.hint(match observation.existing_cluster {
                true => Hint::text(
                    "restore the volume, or ask an administrator of the cluster where it is",
                ),
                // The data are in the data directory, where a new cluster finds them.
                false => Hint::run("recreate the cluster, the data are kept", ours!(Down))
                    .then(ours!(Up)),
            });
            Some(draft)
        }
        _ => None,
    }
}

pub(crate) fn mount(observation: &ComponentObservation, pod: &PodObservation) -> Option<Draft> {
    // Only while a container waits for the mount: a mount that succeeded after a first
    // failure is no problem any more.
    let (container, _) = pod.blocking()?;
    if !matches!(container.state, super::ContainerState::Waiting { .. }) {
        return None;
    }
    let event = observation.events_of("FailedMount").next()?;
    let message = &event.message;
    let wrong_type = message.contains("hostPath type check failed")
        || message.contains("is not a directory")
        || message.contains("not a directory");
    let mut draft = if wrong_type {
        let path = path_of(message);
        Draft::new(
            Failure::VolumeNotMounted,
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
            Failure::ConfigMissing,
            format!("cannot mount its configuration: {}", innermost(message)),
            innermost(message),
        );
        // It is applied together with the workload, so it may be a moment late.
        draft.may_recover = event.count < 4;
        draft
    } else {
        let mut draft = Draft::new(
            Failure::VolumeNotMounted,
            format!("cannot mount its volume: {}", innermost(message)),
            "cannot mount its volume".to_owned(),
        );
        draft.may_recover = true;
        draft
    };
    draft.hint(Hint::run("see where the data are", ours!(Status)));
    draft.hint(Hint::run("apply everything again", ours!(Up)));
    Some(draft)
}

/// Extracts the path from `hostPath type check failed: /x is not a directory`.
fn path_of(message: &str) -> Option<String> {
    let (before, _) = message.split_once(" is not a directory")?;
    let path = before.rsplit(' ').next()?;
    path.starts_with('/').then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::component::Component::{Elasticsearch, Mongodb};
    use crate::diagnose::fixtures::{
        assert_finding, find, observation, pod, unschedulable, waiting, warning,
    };

    #[test]
    fn an_unschedulable_pod_is_permanent_after_a_few_seconds() {
        let short = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
        let finding = |message: &str, since: &str| {
            find(&observation(
                Elasticsearch,
                vec![unschedulable(message, since)],
                Vec::new(),
            ))
        };
        let (old, new) = ("2026-11-23T13:41:10Z", "2026-11-23T13:41:28Z");
        assert_finding(&finding(short, old), Failure::NoRoom, false);
        assert_eq!(
            finding(short, old).reason,
            "the node does not have enough memory"
        );
        assert!(finding(short, new).may_recover);
        let gpus = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. no new claims to deallocate, preemption: none";
        assert_finding(&finding(gpus, old), Failure::GpusUnavailable, false);
        assert_eq!(
            finding(gpus, old).reason,
            "the node does not have enough GPUs"
        );
        let mut making_room =
            observation(Elasticsearch, vec![unschedulable(short, old)], Vec::new());
        making_room.stopping.push("old".to_owned());
        assert!(find(&making_room).may_recover);

        let selector = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: none";
        assert!(!finding(selector, old).may_recover);
        let taint = "0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: none";
        assert!(!finding(taint, old).may_recover);
        assert_eq!(
            finding(taint, old).reason,
            "the node does not accept pods (taint node-role.kubernetes.io/control-plane)"
        );
        let full = "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }. preemption: none";
        let full = finding(full, old);
        assert_eq!(full.failure, Failure::NodePressure);
        assert_eq!(
            full.reason,
            "the node has too little disk space left and accepts no pods"
        );
        assert!(!full.may_recover);
        let not_ready = "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }. preemption: none";
        assert!(finding(not_ready, old).may_recover);
        let claim = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: none";
        assert!(finding(claim, old).may_recover);
    }

    #[test]
    fn an_existing_cluster_may_get_another_node() {
        let finding = |message: &str, since: &str, events: Vec<Value>| {
            let pods = vec![unschedulable(message, since)];
            find(&ComponentObservation {
                existing_cluster: true,
                ..observation(Elasticsearch, pods, events)
            })
        };
        let (old, new) = ("2026-11-23T13:40:50Z", "2026-11-23T13:41:10Z");
        let small = "0/3 nodes are available: 3 Insufficient memory. preemption: none";
        let lasting = finding(small, old, Vec::new());
        assert!(!lasting.may_recover);
        assert_eq!(lasting.reason, "no node has enough memory");
        assert_eq!(
            lasting.hints[1],
            "or add a node with enough room, then run: clearml-local up"
        );
        assert!(finding(small, new, Vec::new()).may_recover);
        let scales_up = warning(
            SCALES_UP,
            "pod triggered scale-up: [{pool 3->4 (max: 9)}]",
            1,
        );
        assert!(finding(small, old, vec![scales_up]).may_recover);
        let joining = "0/2 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }. preemption: none";
        assert!(finding(joining, old, Vec::new()).may_recover);
    }

    #[test]
    fn a_lost_volume_and_a_path_that_is_not_a_directory_are_permanent() {
        let mut lost = observation(Mongodb, Vec::new(), Vec::new());
        lost.claim.as_mut().unwrap().phase = "Lost".to_owned();
        assert_finding(&find(&lost), Failure::ClaimLost, false);

        let file = "MountVolume.SetUp failed for volume \"d\" : hostPath type check failed: /var/local-path-provisioner/x is not a directory, it's a File";
        let creating = || vec![pod(waiting("ContainerCreating", ""))];
        let finding = find(&observation(
            Mongodb,
            creating(),
            vec![warning("FailedMount", file, 1)],
        ));
        assert_finding(&finding, Failure::VolumeNotMounted, false);
        assert!(
            finding
                .cause
                .contains("/var/local-path-provisioner/x in the node is not a directory"),
            "{}",
            finding.cause
        );

        let absent = "MountVolume.SetUp failed for volume \"d\" : secret \"absent\" not found";
        assert!(
            find(&observation(
                Mongodb,
                creating(),
                vec![warning("FailedMount", absent, 2)]
            ))
            .may_recover
        );
        assert!(
            !find(&observation(
                Mongodb,
                creating(),
                vec![warning("FailedMount", absent, 4)]
            ))
            .may_recover
        );
    }
}
