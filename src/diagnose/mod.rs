//! From what is observed to what it means: a component's state in a few words,
//! and, where something is wrong, its cause, what to type next and whether
//! waiting helps. Pure: observations and log lines in, sentences out. Shared by
//! the waits of `up`, by `status` and by whoever else explains.

mod failure;
mod finding;
mod images;
mod known_logs;
mod observation;
mod placement;
mod runs;
mod state;
mod words;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod tests;

pub use failure::{Failure, LogTail};
pub use finding::{Cause, Finding, assess, diagnose};
pub use observation::{
    ClaimObservation, ComponentObservation, ContainerObservation, ContainerState, Ended,
    EventObservation, ObservedImage, PodObservation, Stale, Unscheduled, WorkloadObservation,
};
pub use state::{State, StateKind, describe};
