//! From what is observed to what it means: a component's state in a few words,
//! and, where something is wrong, its cause, what to type next and whether
//! waiting helps. Pure: observations and log lines in, sentences out. [`crate::health`]
//! observes for it.

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
#[cfg(test)]
mod tests;

pub use failure::{Failure, LogTail};
#[cfg(test)]
pub use finding::{Cause, diagnose};
pub use finding::{Finding, LogEnd, assess, unexplained_end};
pub(crate) use node::accepts_pods;
pub use observation::{
    ClaimObservation, ComponentObservation, ContainerObservation, ContainerState, Ended,
    EventObservation, NodeObservation, NodeReady, ObservedImage, PodObservation, Stale,
    Unscheduled, WorkloadObservation,
};
pub use state::describe;
pub(crate) use state::unfinished;
