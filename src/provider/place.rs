//! A place that exists and runs, so that a server can be installed in it.

use async_trait::async_trait;

use crate::diagnose::Addon;
use crate::error::{Error, Result};
use crate::health::Stuck;
use crate::images::{ArrivalSender, Loaded};
use crate::kube::Cluster;
use crate::secrets::Secrets;

/// A connection to the cluster of a place.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) cluster: Cluster,
    /// Whether it was created just now, so that it contains no objects of the server.
    pub(crate) is_new: bool,
}

/// A place that runs.
#[async_trait(?Send)]
pub(crate) trait Place {
    /// Returns whether creating or starting it changed anything.
    fn changed(&self) -> bool;

    /// Waits until the place stops, which it does only if something else stops it, and returns
    /// the error for that.
    async fn stopped(&self) -> Error;

    /// Checks whether the place runs, after a step has failed that needs it. What runs it may
    /// notice its end only a moment later.
    async fn check_running(&self) -> Result<()>;

    /// Ensures that its Kubernetes API answers.
    async fn connect(&self) -> Result<Connected>;

    /// Returns the add-ons that the server needs and the cluster lacks.
    async fn missing_addons(&self, cluster: &Cluster) -> Result<Vec<Addon>>;

    /// Installs add-ons. Those that were installed again work at the end; those of a new cluster
    /// become ready while the server is installed.
    async fn install_addons(&self, cluster: &Cluster, missing: &[Addon]) -> Result<()>;

    /// Loads the images of the plan, and reports each that has arrived.
    async fn load_images(&self, arrived: ArrivalSender) -> Result<Loaded>;

    /// Removes what cannot be continued after this error of a step. Called when no other step
    /// uses the place: otherwise, an error about the missing place could hide the cause.
    async fn after_failure(&self, error: &Error) -> Result<()>;

    /// Keeps keys and settings with the instance. Called when the server's objects have been
    /// applied.
    async fn keep(&self, secrets: &Secrets, cluster: &Cluster) -> Result<()>;

    /// Called when a stopped place has started and its cluster answers.
    async fn started(&self) -> Result<()>;

    /// Returns the checks of the place during the waits for the server.
    async fn stuck<'p>(&'p self, cluster: &'p Cluster) -> Result<Box<dyn Stuck + 'p>>;

    /// Finishes the place. Called when the server is ready. Returns whether anything changed.
    async fn finish(&self) -> Result<bool>;
}
