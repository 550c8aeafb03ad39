//! The interface to the Kubernetes API: connect, apply, prune, observe, open logs. Only
//! this module uses the external crate (as `::kube`). [`crate::diagnose`] interprets the
//! observations.

mod addons;
mod agents;
mod apply;
mod calls;
mod client;
mod clock;
mod compare;
mod context;
mod convert;
mod dump;
mod error;
mod execute_plan;
mod exposure;
mod forward;
mod kinds;
mod leaders;
mod log;
mod namespaces;
mod nodes;
mod observe;
mod plan;
mod pods;
mod prune;
mod records;
mod replace;
mod reports;
mod restart;
mod run_pod;
mod secrets;
mod survey;
mod volumes;

#[cfg(test)]
pub(crate) mod faulty;
#[cfg(test)]
pub(crate) mod mock;

pub(crate) use apply::wave;
pub use apply::{Applied, Change};
pub use client::{Cluster, install_crypto};
pub use compare::Compared;
pub use context::{Error as ContextError, UserConfig};
#[cfg(test)]
pub(crate) use convert::{event, pod};
pub(crate) use dump::Dumped;
pub use error::Error;
#[cfg(test)]
pub(crate) use exposure::Route;
pub(crate) use exposure::{ExposedService, Exposure};
pub(crate) use forward::{Forward, Notice};
#[cfg(test)]
pub(crate) use kinds::resources_in_shared_clusters;
pub(crate) use log::{LogReader, LogRequest};
#[cfg(test)]
pub use plan::Action;
pub(crate) use plan::claims_of_pods;
pub use plan::{ImpossibleChange, PlannedChange};
pub use run_pod::PodResult;
pub(crate) use survey::{Observed, Permission, Survey};

/// The label with the instance, which all our objects have.
pub const INSTANCE_LABEL: &str = "clearml-local.io/instance";

/// The label with the component, on workloads and their pods.
pub const COMPONENT_LABEL: &str = "clearml-local.io/component";

/// The label of the objects of an agent; its value is the name of its objects.
pub(crate) const AGENT_LABEL: &str = "clearml-local.io/agent";

/// The annotation with the queue of an agent.
pub(crate) const QUEUE_ANNOTATION: &str = "clearml-local.io/queue";
/// The key of an agent's Secret with its settings, from which other homes know it.
pub(crate) const AGENT_RECORD: &str = "agent.json";

/// With the value `true`, prune does not delete an object.
pub const KEEP_LABEL: &str = "clearml-local.io/keep";

const FIELD_MANAGER: &str = "clearml-local";
