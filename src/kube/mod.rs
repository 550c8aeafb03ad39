//! The door to the Kubernetes API: connect, apply, prune, observe, open logs.
//! Only this room names the external crate (as `::kube`); what an observation
//! means is said in [`crate::diagnose`].

mod apply;
mod carry_out;
mod client;
mod compare;
mod convert;
mod error;
mod kinds;
mod leaders;
mod log;
mod nodes;
mod observe;
mod once;
mod plan;
mod pods;
mod prune;
mod records;
mod replace;
mod reports;
mod secrets;
mod volumes;

#[cfg(test)]
pub(crate) mod mock;
#[cfg(test)]
mod tests;

pub use apply::Change;
pub(crate) use apply::wave;
pub use client::{Cluster, install_crypto};
pub use compare::Compared;
#[cfg(test)]
pub(crate) use convert::{event, pod};
pub use error::Error;
pub(crate) use log::{LogReader, LogRequest};
pub use once::Once;
#[cfg(test)]
pub use plan::How;
pub use plan::{Impossible, Planned};

/// The label that names the instance; everything of ours carries it.
pub const INSTANCE_LABEL: &str = "clearml-local.io/instance";

/// The label that names the component, on workloads and their pods.
pub const COMPONENT_LABEL: &str = "clearml-local.io/component";

/// With the value `true`, prune leaves an object alone.
pub const KEEP_LABEL: &str = "clearml-local.io/keep";

const FIELD_MANAGER: &str = "clearml-local";
