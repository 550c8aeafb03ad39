//! What is seen of one component in one look, as plain data.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::component::Component;
use crate::image_ref::ImageRef;

/// One component, as seen at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentObservation {
    pub component: Component,
    pub at: Timestamp,
    /// Its Deployment or StatefulSet; `None` when there is none.
    pub workload: Option<WorkloadObservation>,
    /// The pods of the workload's current revision that are meant to stay, newest
    /// first.
    pub pods: Vec<PodObservation>,
    /// The names of pods that are ending, and of former revisions.
    pub stopping: Vec<String>,
    /// Whether a pod of a former revision still gets requests: it serves until a new one
    /// is ready, and is then told to end.
    pub replacing: bool,
    /// Its claim; `None` when it has none or when that is missing.
    pub claim: Option<ClaimObservation>,
    /// What the cluster said about workload, claim and these pods, oldest first.
    pub events: Vec<EventObservation>,
    /// The components that were ready at the same look: those are not waited for.
    pub others_ready: Vec<Component>,
}

/// A component's Deployment or StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadObservation {
    pub name: String,
    /// How many pods there should be.
    pub desired: i32,
    /// How many are ready, of any revision.
    pub ready: i32,
    /// How many are of the current revision.
    pub updated: i32,
    /// Whether its controller has seen the latest change.
    pub observed: bool,
    /// The image of its first container.
    pub image: ObservedImage,
}

/// An image as the cluster names it: pods may name what is not a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedImage {
    Valid(ImageRef),
    /// Another text; empty where there is none.
    Invalid(String),
}

impl ObservedImage {
    /// Reads what the cluster has.
    pub fn read(text: Option<&str>) -> ObservedImage {
        let text = text.unwrap_or_default();
        match text.parse() {
            Ok(image) => ObservedImage::Valid(image),
            Err(_) => ObservedImage::Invalid(text.to_owned()),
        }
    }

    /// The reference, if it is one.
    pub fn reference(&self) -> Option<&ImageRef> {
        match self {
            ObservedImage::Valid(image) => Some(image),
            ObservedImage::Invalid(_) => None,
        }
    }

    /// Whether the cluster names none.
    pub fn is_empty(&self) -> bool {
        matches!(self, ObservedImage::Invalid(text) if text.is_empty())
    }
}

impl fmt::Display for ObservedImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObservedImage::Valid(image) => image.fmt(f),
            ObservedImage::Invalid(text) => f.write_str(text),
        }
    }
}

impl Serialize for ObservedImage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct PodObservation {
    pub name: String,
    /// Its identity: a StatefulSet's pods keep their name.
    pub uid: String,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// Why it is in that phase, such as `Evicted`.
    pub reason: Option<String>,
    /// The same in words.
    pub message: Option<String>,
    pub node: Option<String>,
    /// Whether it is ready; not when what the cluster says of it does not hold.
    pub ready: bool,
    /// Since when, or since when not.
    pub ready_since: Option<Timestamp>,
    /// Why what the cluster says of it does not hold any more.
    pub stale: Option<Stale>,
    /// Why it is not placed.
    pub unscheduled: Option<Unscheduled>,
    /// Containers that run before, in order.
    pub init: Vec<ContainerObservation>,
    pub containers: Vec<ContainerObservation>,
}

/// Why the cluster's word on a pod does not hold: it is only as good as the kubelet's
/// last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// It is from before the node was started.
    BeforeStart,
    /// The node's kubelet does not report any more.
    NoReport,
}

/// Why a pod is not placed on a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Unscheduled {
    /// The scheduler's words.
    pub message: String,
    /// Since when.
    pub since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ContainerObservation {
    pub name: String,
    pub image: ObservedImage,
    pub ready: bool,
    /// Whether its startup probe has passed.
    pub started: bool,
    /// How many times it was started again.
    pub restarts: u32,
    /// Whether Kubernetes asks the registry at every start, also for an image that is in
    /// the node.
    pub always_pulled: bool,
    /// Its memory limit, as written in the pod.
    pub memory_limit: Option<String>,
    /// What it does now.
    pub state: ContainerState,
    /// How it ended the last time.
    pub last: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ContainerState {
    /// It has not run, or waits to run again.
    Waiting {
        /// Such as `ContainerCreating`, `CrashLoopBackOff`; may be empty.
        reason: String,
        /// The kubelet's words; may be empty.
        message: String,
    },
    Running {
        since: Option<Timestamp>,
    },
    Terminated(Ended),
}

/// How a container ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Such as `Completed`, `Error`, `OOMKilled`, `StartError`.
    pub reason: String,
    pub exit_code: i32,
    /// The kubelet's words; may be empty.
    pub message: String,
    pub finished: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimObservation {
    pub name: String,
    /// `Pending`, `Bound` or `Lost`.
    pub phase: String,
    /// The volume that it asks for or has.
    pub volume: Option<String>,
}

/// One thing that the cluster said.
#[derive(Debug, Clone, PartialEq)]
pub struct EventObservation {
    /// About whom, such as `Pod/clearml-mongodb-…`.
    pub object: String,
    /// The container that it is about, where it is about one.
    pub container: Option<String>,
    pub warning: bool,
    pub reason: String,
    /// In words.
    pub message: String,
    /// How many times it was said.
    pub count: u32,
    /// When it was said last.
    pub at: Option<Timestamp>,
}

/// The node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeObservation {
    /// What its kubelet says of its readiness; `None` before its first report.
    pub ready: Option<NodeReady>,
    /// The keys of its taints.
    pub taints: Vec<String>,
    /// Why what the cluster says of it does not hold any more.
    pub stale: Option<Stale>,
}

/// A node's `Ready` condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReady {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word, such as `KubeletNotReady`; may be empty.
    pub reason: String,
    /// In words; may be empty.
    pub message: String,
}

impl ComponentObservation {
    /// The pod to talk about: the newest that is not ready, else the newest.
    pub fn pod(&self) -> Option<&PodObservation> {
        self.pods
            .iter()
            .find(|pod| !pod.ready)
            .or(self.pods.first())
    }

    /// Its image, if it is installed.
    pub fn image(&self) -> Option<&ObservedImage> {
        let image = self.workload.as_ref().map(|workload| &workload.image);
        image.filter(|image| !image.is_empty())
    }

    /// Since when its container runs.
    pub fn running_since(&self) -> Option<Timestamp> {
        let mut containers = self.pod()?.containers.iter();
        containers.find_map(|container| match container.state {
            ContainerState::Running { since } => since,
            _ => None,
        })
    }

    /// Whether it serves with its current revision.
    pub fn is_ready(&self) -> bool {
        let Some(workload) = &self.workload else {
            return false;
        };
        let ready = self.pods.iter().filter(|pod| pod.ready).count();
        workload.observed
            && workload.desired > 0
            && ready >= workload.desired.unsigned_abs() as usize
    }

    /// The newest event that tells of trouble, else the newest of all. Those that
    /// only repeat a container's state come last.
    pub fn last_event(&self) -> Option<&EventObservation> {
        let warnings = || self.events.iter().rev().filter(|event| event.warning);
        let telling = |event: &&EventObservation| {
            event.reason != "BackOff" && !event.message.starts_with("Error: ")
        };
        warnings()
            .find(telling)
            .or_else(|| warnings().next())
            .or(self.events.last())
    }

    /// The events of one reason, newest first.
    pub(crate) fn events_of<'a>(
        &'a self,
        reason: &'a str,
    ) -> impl Iterator<Item = &'a EventObservation> {
        self.events
            .iter()
            .rev()
            .filter(move |event| event.reason == reason)
    }
}

impl PodObservation {
    /// The container to talk about: the first one that has not done its part, init
    /// containers first, and whether it is an init container.
    pub fn blocking(&self) -> Option<(&ContainerObservation, bool)> {
        let init = self.init.iter().find(|container| !container.is_done());
        init.map(|container| (container, true)).or_else(|| {
            let main = self.containers.iter().find(|container| !container.ready);
            main.map(|container| (container, false))
        })
    }

    /// Whether the kubelet leaves it alone for minutes before the next try.
    pub fn is_in_back_off(&self) -> bool {
        let mut containers = self.init.iter().chain(&self.containers);
        containers.any(|container| {
            matches!(&container.state, ContainerState::Waiting { reason, .. }
                if reason == "CrashLoopBackOff" || reason == "ImagePullBackOff")
        })
    }

    /// How many times its containers were started again.
    pub fn restarts(&self) -> u32 {
        self.containers
            .iter()
            .map(|container| container.restarts)
            .sum()
    }
}

impl ContainerObservation {
    /// Whether an init container has done its part.
    pub fn is_done(&self) -> bool {
        match &self.state {
            ContainerState::Terminated(ended) => ended.exit_code == 0,
            // A sidecar goes on.
            ContainerState::Running { .. } => self.started && self.ready,
            ContainerState::Waiting { .. } => false,
        }
    }

    /// How it ended, now or the last time before.
    pub fn ended(&self) -> Option<&Ended> {
        match &self.state {
            ContainerState::Terminated(ended) => Some(ended),
            _ => self.last.as_ref(),
        }
    }

    /// How many times it has ended, as far as is known.
    pub fn ends(&self) -> u32 {
        match &self.state {
            ContainerState::Running { .. } => self.restarts,
            ContainerState::Terminated(_) => self.restarts + 1,
            ContainerState::Waiting { .. } => self.restarts + u32::from(self.last.is_some()),
        }
    }
}
