//! What a place knows of an instance, for `status` and `credentials`.

use jiff::Timestamp;

use crate::diagnose::AddonTrouble;
use crate::error::Explain;
use crate::failures::Failure;
use crate::health::{CertificateNote, Health};
use crate::hint::Hint;
use crate::image_ref::ImageRef;
use crate::kube::Cluster;
use crate::preflight::Finding;
use crate::secrets::Secrets;
use crate::settings::Instance;

/// What a place and its cluster know of an instance.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recovered {
    pub(crate) instance: Option<Instance>,
    pub(crate) secrets: Option<Secrets>,
    /// The connection to the cluster; `None` if there is none.
    pub(crate) cluster: Option<Cluster>,
    /// Set if the place belongs to another instance than the one that this home knows; the
    /// other fields then describe that instance.
    pub(crate) another: Option<Finding>,
}

impl Recovered {
    pub(crate) fn is_complete(&self) -> bool {
        self.instance.is_some() && self.secrets.is_some() && self.cluster.is_some()
    }
}

/// What was recovered from a place.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) recovered: Recovered,
    /// Whether the place runs, so that its cluster was asked.
    pub(crate) runs: bool,
}

/// What a place shows of an instance at one moment.
#[derive(Debug)]
pub(crate) struct Seen {
    /// The health of the place; the server was not checked.
    pub(crate) health: Health,
    pub(crate) recovered: Recovered,
    /// Such as that the place belongs to another program.
    pub(crate) note: Option<String>,
    /// Whether the cluster and the server can be asked.
    pub(crate) runs: bool,
    /// When the place was started, if that is known.
    pub(crate) started: Option<Timestamp>,
    /// Whether the server starts after a reboot, if that is known.
    pub(crate) autostart: Option<bool>,
    pub(crate) node_image: Option<ImageRef>,
}

/// Parts of the status that take longer.
#[derive(Debug, Default)]
pub(crate) struct Details {
    /// The version of the Docker engine.
    pub(crate) docker: Option<String>,
    /// The GPUs that the node offers, if it was created with some.
    pub(crate) gpus: Option<u64>,
    /// What is wrong with the certificates of the cluster.
    pub(crate) certificates: Option<CertificateNote>,
    /// Why add-ons of the cluster do not work.
    pub(crate) addons: Vec<AddonTrouble>,
    /// What is wrong with the host: a full disk, another clock.
    pub(crate) host: Vec<Finding>,
}

/// The place accepts connections and does not respond.
#[derive(Debug, thiserror::Error)]
#[error("the Docker engine does not answer")]
pub(crate) struct NoAnswer;

impl Explain for NoAnswer {
    fn failure(&self) -> Failure {
        Failure::DockerNoAnswer
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("check that it responds", "docker info")]
    }
}
