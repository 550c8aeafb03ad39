//! Diagnosis of a component from one observation: a short description of its state and,
//! if something is wrong, the cause, the remedies and whether waiting helps. This module
//! is pure: it takes observations and log lines and returns text. [`crate::health`]
//! collects the observations.

mod addons;
mod agent;
mod failure;
mod finding;
mod images;
mod known_logs;
mod node;
mod observation;
mod placement;
mod runs;
mod state;
mod words;

#[cfg(test)]
pub(crate) mod fixtures;

pub use addons::{Addon, AddonObservation, AddonTrouble};
pub use agent::{AgentObservation, AgentTrouble};
pub use failure::{ComponentFailed, LogTail};
#[cfg(test)]
pub use finding::diagnose;
pub use finding::{Finding, LogEnd, assess, unexplained_end};
pub(crate) use node::why_no_pods;
pub use observation::{
    ClaimObservation, ComponentObservation, ContainerObservation, ContainerState, Ended,
    EventObservation, NodeObservation, NodeReady, ObservedImage, PodObservation, Stale,
    Unscheduled, WorkloadObservation,
};
pub use state::describe;
pub(crate) use state::unfinished;
