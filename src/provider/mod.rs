//! The places where a server can run. Commands are written once, against [`Provider`]: what
//! a command may ask of such a place.

mod access;
pub(crate) mod existing;
mod gpus;
pub(crate) mod local;
mod own_part;
mod place;
mod previous;
mod status;

use std::path::Path;
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub(crate) use self::access::Access;
pub(crate) use self::gpus::{GPU, GPU_RUNTIME, GpuSource};
pub(crate) use self::local::{Journal, JournalOptions};
pub(crate) use self::own_part::OwnPart;
pub(crate) use self::place::{Connected, Place};
pub(crate) use self::previous::{ClusterState, NoCluster, NothingToStart, Previous, Unavailable};
pub(crate) use self::status::{Details, NoAnswer, Recovered, Recovery, Seen};
use crate::error::Result;
use crate::image_ref::ImageRef;
use crate::images::{Identities, Loaded};
use crate::kube::Cluster;
use crate::kubectl::Kubectl;
use crate::logs::{LogOptions, Opened};
use crate::path::HostPath;
use crate::plan::{Plan, Request};
use crate::preflight::Finding;
use crate::recovery::Found;
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, KeptData};

/// The place where the server of one instance runs.
#[async_trait(?Send)]
pub(crate) trait Provider {
    /// Returns what a plan depends on, as it is now.
    async fn facts(&self) -> Result<Facts>;

    /// Returns whether the cluster has one node, which exists only for this instance: then its
    /// state is part of the state of the server.
    fn has_own_node(&self) -> bool;

    /// Returns what gives GPUs to pods.
    async fn gpus(&self) -> Result<GpuSource>;

    /// Returns the command with which a user looks into the cluster, for hints.
    fn kubectl(&self) -> Kubectl;

    /// Returns how the server is reached with these settings.
    async fn access(&self, settings: &Instance) -> Result<Access>;

    /// Returns what is known of the instance. Starts nothing.
    async fn previous(&self) -> Result<Previous>;

    /// Returns the state of the cluster. Starts nothing, and waits for nothing.
    async fn cluster(&self) -> Result<ClusterState>;

    /// Returns the keys of the instance, if it has any.
    async fn keys(&self, search: KeySearch<'_>) -> Result<Found>;

    /// Returns what the place provides before `until`; `None` if there is none. `stored` and
    /// `home` are the settings and keys that this home has.
    async fn recover(
        &self,
        stored: Option<&Instance>,
        home: Option<&Secrets>,
        until: Instant,
    ) -> Result<Option<Recovery>>;

    /// Starts the cluster because only it has the settings or the keys.
    async fn start_to_read(&self) -> Result<()>;

    /// Returns warnings about the plan that precede the preflight checks.
    async fn warnings(&self, plan: &Plan) -> Vec<String>;

    /// Runs the checks of `up`. Changes nothing.
    async fn check(&self, plan: &Plan, request: &Request) -> Result<Checked>;

    /// Checks only whether the server would be reachable with these settings.
    async fn check_reachable(&self, settings: &Instance) -> Result<Vec<Finding>>;

    /// Compares the plan with the place itself. Changes nothing.
    async fn compare(&self, plan: &Plan) -> Result<Differences>;

    /// Returns the identities that the plan's images would have, as far as they are known.
    async fn identities(&self, plan: &Plan) -> Result<Identities>;

    /// Fetches what a change of a running server needs, before it is stopped.
    ///
    /// # Errors
    /// Something cannot be fetched. Nothing was changed then.
    async fn fetch(&self, plan: &Plan, request: &Request) -> Result<Fetched>;

    /// Provides an image for pods that are not part of the plan. Returns its identity, as far as
    /// it is known.
    ///
    /// # Errors
    /// It cannot be fetched. Nothing was changed then.
    async fn provide_image(
        &self,
        image: &ImageRef,
        settings: &Instance,
        request: &Request,
    ) -> Result<Identities>;

    /// Moves the data to another place, if the plan says so. Returns whether it did.
    async fn move_data(&self, plan: &Plan, request: &Request) -> Result<bool>;

    /// Ensures that the place exists and runs.
    async fn ensure<'p>(
        &'p self,
        plan: &'p Plan,
        request: &'p Request,
    ) -> Result<Box<dyn Place + 'p>>;

    /// Starts a place that was stopped. Refuses an incomplete one.
    async fn start<'p>(
        &'p self,
        plan: &'p Plan,
        request: &'p Request,
    ) -> Result<Box<dyn Place + 'p>>;

    /// Stops the server. Returns whether it was running.
    async fn stop(&self) -> Result<bool>;

    /// Returns what `purge` would delete, such as claims, if it can be named.
    async fn data(&self) -> Result<Vec<String>>;

    /// Removes the server; with `purge`, everything of the instance.
    async fn remove(&self, removal: Removal<'_>) -> Result<Removed>;

    /// Returns how long `status` may ask the place, its cluster and the server.
    fn patience(&self) -> Duration;

    /// Returns what the place itself knows of the instance, for `status`, which must end soon
    /// after `began`. `stored` are the settings that this home has.
    async fn look(&self, stored: Option<&Instance>, began: Instant) -> Result<Seen>;

    /// Returns further parts of the status, without those that are not known at `until`.
    async fn details(&self, cluster: Option<&Cluster>, until: Instant) -> Details;

    /// Opens the logs of the components where the stored connection to the cluster does not
    /// work.
    async fn logs(&self, options: &LogOptions) -> Result<Opened>;

    /// Opens the journal of the node; returns the name of the node too.
    async fn journal(&self, options: JournalOptions) -> Result<(String, Journal)>;

    /// Returns the parts of a support bundle that only the place has.
    fn own_parts(&self) -> &'static [OwnPart];

    /// Reads one of these parts, which may contain secrets.
    async fn own_part(&self, part: OwnPart) -> Result<String>;
}

/// What a plan depends on in the place where the server runs.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The memory in bytes, which determines the profile.
    pub(crate) memory: u64,
    /// The place in words, such as `Docker 29.1 with 2 cores and 8 GB: profile small`.
    pub(crate) summary: String,
    /// The settings of a new instance.
    pub(crate) defaults: Instance,
}

/// Where keys are searched for.
#[derive(Debug)]
pub(crate) struct KeySearch<'a> {
    /// The cluster, if its API is ready.
    pub(crate) cluster: Option<&'a Cluster>,
    /// Whether there is a cluster that cannot be read.
    pub(crate) unreadable: bool,
    pub(crate) settings: &'a Instance,
    /// The data location of an earlier `up`, if any.
    pub(crate) former_data_dir: Option<&'a DataPlace>,
    /// The keys in this home.
    pub(crate) home: Option<Secrets>,
}

/// The result of preflight checks.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Checked {
    pub(crate) findings: Vec<Finding>,
    /// Shown if there are no findings.
    pub(crate) warnings: Vec<String>,
}

/// How the place itself would change.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    /// The location of the data, if it would be created.
    pub(crate) data_dir: Option<DataPlace>,
    /// Why the node would be recreated; empty if it would not.
    pub(crate) node: Vec<String>,
}

/// What was fetched before a change.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// The images that were loaded, if they were loaded already.
    pub(crate) images: Option<Loaded>,
    /// Whether the plan needs a new place. Its settings are saved before it is created.
    pub(crate) creates: bool,
}

/// What `down` removes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Removal<'a> {
    /// Whether to remove data, keys and settings too.
    pub(crate) purge: bool,
    /// The user's kubeconfig, from which the context is removed.
    pub(crate) user_kubeconfig: Option<&'a Path>,
}

/// The result of `down`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Removed {
    /// Whether there was anything to remove.
    pub(crate) changed: bool,
    /// The location of the data, if they still exist.
    pub(crate) data: Option<KeptData>,
    /// What was removed besides the server, in words.
    pub(crate) purged: &'static str,
    /// The size of the data in bytes, if it could be measured.
    pub(crate) data_bytes: Option<u64>,
    /// Directories that were not removed.
    pub(crate) remaining: Vec<Remaining>,
}

/// A directory that was not removed, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remaining {
    pub(crate) path: HostPath,
    /// Such as `it is a mount point`.
    pub(crate) why: String,
}
