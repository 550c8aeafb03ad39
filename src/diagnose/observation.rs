//! The observation of one component at one time, as plain data.

use std::fmt;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::component::Component;
use crate::image_ref::ImageRef;

/// One component as observed at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct ComponentObservation {
    pub component: Component,
    pub at: Timestamp,
    /// Its Deployment or StatefulSet; `None` if it does not exist.
    pub workload: Option<WorkloadObservation>,
    /// The pods of the workload's current revision that are not terminating, newest first.
    pub pods: Vec<PodObservation>,
    /// The names of the pods that are terminating, and of those of earlier revisions.
    pub stopping: Vec<String>,
    /// Whether a pod of an earlier revision still receives requests: it serves until a new
    /// pod is ready, and is terminated then.
    pub replacing: bool,
    /// Its claim; `None` if it has none or if the claim is missing.
    pub claim: Option<ClaimObservation>,
    /// The events about the workload, the claim and these pods, oldest first.
    pub events: Vec<EventObservation>,
    /// The components that were ready at the same time: nothing waits for those.
    pub others_ready: Vec<Component>,
    /// Whether it runs in an existing cluster. Advice about Docker and about the node is
    /// for our own node only.
    pub existing_cluster: bool,
}

/// A component's Deployment or StatefulSet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadObservation {
    pub name: String,
    /// The desired number of pods.
    pub desired: i32,
    /// The number of ready pods of any revision.
    pub ready: i32,
    /// The number of pods of the current revision.
    pub updated: i32,
    /// Whether its controller has observed the latest change.
    pub observed: bool,
    /// The image of its first container.
    pub image: ObservedImage,
}

/// An image as the cluster reports it: a pod may contain an invalid reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedImage {
    Valid(ImageRef),
    /// Not a reference; empty if there is no image.
    Invalid(String),
}

impl ObservedImage {
    pub fn parse(text: Option<&str>) -> ObservedImage {
        let text = text.unwrap_or_default();
        match text.parse() {
            Ok(image) => ObservedImage::Valid(image),
            Err(_) => ObservedImage::Invalid(text.to_owned()),
        }
    }

    pub fn reference(&self) -> Option<&ImageRef> {
        match self {
            ObservedImage::Valid(image) => Some(image),
            ObservedImage::Invalid(_) => None,
        }
    }

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
    /// Its identity: the pods of a StatefulSet keep their names.
    pub uid: String,
    pub created: Option<Timestamp>,
    /// `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
    pub phase: String,
    /// The reason for the phase, such as `Evicted`.
    pub reason: Option<String>,
    /// The reason as a sentence.
    pub message: Option<String>,
    pub node: Option<String>,
    /// Its own address, once it has one.
    pub address: Option<String>,
    /// The name of another pod that has the same address.
    pub shares_address_with: Option<String>,
    /// Whether it is ready; `false` if its status is stale.
    pub ready: bool,
    /// The last change of `ready`.
    pub ready_since: Option<Timestamp>,
    /// Why its status is stale.
    pub stale: Option<Stale>,
    /// Why it is not scheduled.
    pub unscheduled: Option<Unscheduled>,
    /// Its init containers, in order.
    pub init: Vec<ContainerObservation>,
    pub containers: Vec<ContainerObservation>,
}

/// Why a status is stale: it is only as current as the kubelet's last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// The report is from before the node was started.
    BeforeStart,
    /// The node's kubelet no longer reports.
    NoReport,
}

/// Why a pod is not scheduled.
#[derive(Debug, Clone, PartialEq)]
pub struct Unscheduled {
    /// The message of the scheduler.
    pub message: String,
    pub since: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ContainerObservation {
    pub name: String,
    pub image: ObservedImage,
    pub ready: bool,
    /// Whether its startup probe has passed.
    pub started: bool,
    pub restarts: u32,
    /// Whether the kubelet pulls the image at every start, even if it is in the node.
    pub always_pulled: bool,
    /// Its memory limit as a Kubernetes quantity.
    pub memory_limit: Option<String>,
    pub state: ContainerState,
    /// Its previous termination.
    pub last: Option<Ended>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ContainerState {
    /// It has not run yet, or waits for its restart.
    Waiting {
        /// A reason such as `ContainerCreating` or `CrashLoopBackOff`; may be empty.
        reason: String,
        /// The message of the kubelet; may be empty.
        message: String,
    },
    Running {
        since: Option<Timestamp>,
    },
    Terminated(Ended),
}

/// The termination of a container.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// A reason such as `Completed`, `Error`, `OOMKilled` or `StartError`.
    pub reason: String,
    pub exit_code: i32,
    /// The message of the kubelet; may be empty.
    pub message: String,
    pub started: Option<Timestamp>,
    pub finished: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimObservation {
    pub name: String,
    /// `Pending`, `Bound` or `Lost`.
    pub phase: String,
    /// The volume that it requests or is bound to.
    pub volume: Option<String>,
}

/// An event of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct EventObservation {
    /// The object that it is about, such as `Pod/clearml-mongodb-…`.
    pub object: String,
    /// The container that it is about, if any.
    pub container: Option<String>,
    pub warning: bool,
    pub reason: String,
    pub message: String,
    /// How often it occurred.
    pub count: u32,
    /// When it occurred last.
    pub at: Option<Timestamp>,
}

/// The node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeObservation {
    /// The `Ready` condition; `None` before the first report of the kubelet.
    pub ready: Option<NodeReady>,
    /// The keys of its taints.
    pub taints: Vec<String>,
    /// Why its status is stale.
    pub stale: Option<Stale>,
}

/// A node's `Ready` condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeReady {
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A reason such as `KubeletNotReady`; may be empty.
    pub reason: String,
    /// The reason as a sentence; may be empty.
    pub message: String,
}

impl ComponentObservation {
    /// Returns the newest pod that is not ready, or the newest if all are ready.
    pub fn pod(&self) -> Option<&PodObservation> {
        self.pods
            .iter()
            .find(|pod| !pod.ready)
            .or(self.pods.first())
    }

    /// Returns a pod whose address another pod has too.
    pub fn address_conflict(&self) -> Option<&PodObservation> {
        let mut pods = self.pods.iter();
        pods.find(|pod| pod.shares_address_with.is_some())
    }

    pub fn image(&self) -> Option<&ObservedImage> {
        let image = self.workload.as_ref().map(|workload| &workload.image);
        image.filter(|image| !image.is_empty())
    }

    /// Returns when its running container was started.
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
            && self.address_conflict().is_none()
            && ready >= workload.desired.unsigned_abs() as usize
    }

    /// Returns the newest warning, or the newest event if there is no warning. Warnings
    /// that only repeat the state of a container are considered last.
    pub fn last_event(&self) -> Option<&EventObservation> {
        let warnings = || self.events.iter().rev().filter(|event| event.warning);
        let informative = |event: &&EventObservation| {
            event.reason != "BackOff" && !event.message.starts_with("Error: ")
        };
        warnings()
            .find(informative)
            .or_else(|| warnings().next())
            .or(self.events.last())
    }

    /// Returns why the workload's controller could not create the last pod that it tried to
    /// create. Events of earlier attempts stay for an hour.
    pub(crate) fn refused_pod(&self) -> Option<&EventObservation> {
        let attempts = ["FailedCreate", "SuccessfulCreate"];
        let mut newest = self.events.iter().rev();
        let last = newest.find(|event| attempts.contains(&event.reason.as_str()));
        last.filter(|event| event.reason == "FailedCreate")
    }

    /// Returns the events with this reason, newest first.
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
    /// Returns the first container that is not done or not ready, init containers first,
    /// and whether it is an init container.
    pub fn blocking(&self) -> Option<(&ContainerObservation, bool)> {
        let init = self.init.iter().find(|container| !container.is_done());
        init.map(|container| (container, true)).or_else(|| {
            let main = self.containers.iter().find(|container| !container.ready);
            main.map(|container| (container, false))
        })
    }

    /// Whether it has ended, so that it no longer has its address.
    pub fn has_ended(&self) -> bool {
        matches!(self.phase.as_str(), "Succeeded" | "Failed")
    }

    /// Whether the kubelet delays the next attempt, which may take minutes.
    pub fn is_in_back_off(&self) -> bool {
        let mut containers = self.init.iter().chain(&self.containers);
        containers.any(|container| {
            matches!(&container.state, ContainerState::Waiting { reason, .. }
                if reason == "CrashLoopBackOff" || reason == "ImagePullBackOff")
        })
    }

    /// The number of restarts of its containers.
    pub fn restarts(&self) -> u32 {
        self.containers
            .iter()
            .map(|container| container.restarts)
            .sum()
    }
}

impl ContainerObservation {
    /// Whether it no longer blocks the containers after it, as an init container.
    pub fn is_done(&self) -> bool {
        match &self.state {
            ContainerState::Terminated(ended) => ended.exit_code == 0,
            // A sidecar keeps running.
            ContainerState::Running { .. } => self.started && self.ready,
            ContainerState::Waiting { .. } => false,
        }
    }

    /// Returns its last termination.
    pub fn ended(&self) -> Option<&Ended> {
        match &self.state {
            ContainerState::Terminated(ended) => Some(ended),
            _ => self.last.as_ref(),
        }
    }

    /// The known number of terminations.
    pub fn ends(&self) -> u32 {
        match &self.state {
            ContainerState::Running { .. } => self.restarts,
            ContainerState::Terminated(_) => self.restarts + 1,
            ContainerState::Waiting { .. } => self.restarts + u32::from(self.last.is_some()),
        }
    }
}
