//! The Kubernetes node: a kind node that is created without kind.

mod addons;
mod bootstrap;
mod certificates;
mod container;
mod end;
mod gpus;
mod inspect;
mod kubeadm;
mod kubeconfig;
mod manifests;
mod network;
mod prepare;
mod proxy;
mod services;
pub mod spec;
mod stop;

use std::path::PathBuf;

use semver::Version;

pub use self::addons::install_addons;
pub use self::bootstrap::{bootstrap, is_bootstrapped, mark_provisioned, wait_for_containerd};
pub use self::certificates::{certificates, renew_certificates};
pub use self::container::{create, start};
pub use self::end::{remove, stop};
pub(crate) use self::gpus::RUNTIME as GPU_RUNTIME;
pub use self::inspect::{Inspection, inspect};
pub use self::kubeconfig::kubeconfig;
pub use self::manifests::{network_objects, storage_objects};
pub use self::prepare::trust;
pub use self::services::ensure_services;
pub use self::stop::{finish_interrupted_stop, stop_components, stop_in_order};
use crate::docker;
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::version;
use crate::wait::TimedOut;
use crate::yaml;

/// The oldest Kubernetes whose kubeadm supports our configuration (v1beta4).
const MIN_KUBERNETES_VERSION: Version = Version::new(1, 31, 0);

/// The first Kubernetes whose kubelet verifies the credentials of images that are already
/// in the node (`KubeletEnsureSecretPulledImages`). Earlier kubelets refuse the setting.
const MIN_VERSION_TO_VERIFY_PULLS: Version = Version::new(1, 35, 0);

/// Parses the Kubernetes version of the node image, such as `v1.37.0`. Returns it without
/// the `v`.
fn kubernetes_version(text: &str) -> Result<String, Error> {
    let version = match text.trim_start_matches('v') {
        "" => "unknown".to_owned(),
        version => version.to_owned(),
    };
    match version::parse(&version) {
        Some(found) if found >= MIN_KUBERNETES_VERSION => Ok(version),
        _ => Err(Error::Version { version }),
    }
}

/// Returns whether the kubelet of this version requires credentials for images that it
/// may have pulled, and has a setting for that.
fn verifies_pulls(version: &str) -> bool {
    version::parse(version).is_some_and(|found| found >= MIN_VERSION_TO_VERIFY_PULLS)
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Docker(#[from] docker::Error),
    /// The node's Kubernetes is too old, or unknown.
    #[error(
        "unsupported node image: it contains Kubernetes `{version}`, but 1.31 or newer is \
        required"
    )]
    Version { version: String },
    /// A container with the node's name does not belong to this instance.
    #[error(
        "the container name {container} is in use by a container that clearml-local did not create \
         for this instance"
    )]
    NameTaken { container: String },
    /// The node container exited.
    #[error("the node {node} stopped unexpectedly with exit code {code}")]
    Exited {
        node: String,
        code: i64,
        tail: Vec<String>,
    },
    #[error("the node {node} did not start: {timeout}")]
    NoContainerd {
        node: String,
        timeout: TimedOut,
        tail: Vec<String>,
    },
    #[error("cannot start {unit} in the node {node}")]
    Service {
        node: String,
        unit: String,
        tail: Vec<String>,
    },
    #[error("Docker gave the node {node} no GPU: it has no device such as /dev/nvidia0")]
    NoGpus { node: String },
    #[error("cannot renew the certificates of the node {node}: {reason}")]
    Renewal {
        node: String,
        reason: String,
        /// The whole output.
        tail: Vec<String>,
    },
    #[error("kubeadm could not create a cluster in the node {node}: {reason}")]
    Kubeadm {
        node: String,
        /// The line with the error.
        reason: String,
        /// Other relevant lines.
        tail: Vec<String>,
        /// The output of kubeadm and the journal of the kubelet.
        log: String,
    },
    /// Like [`Error::Kubeadm`], with the log in a file.
    #[error("kubeadm could not create a cluster in the node: {reason}")]
    KubeadmLogged {
        /// The line that matters.
        reason: String,
        /// Other relevant lines.
        tail: Vec<String>,
        /// The file with the log.
        log: PathBuf,
        /// The proxies of the node, without their passwords.
        proxies: Vec<String>,
    },
    /// A file in the node is invalid.
    #[error("cannot use the node's {what}: {reason}")]
    Manifest { what: &'static str, reason: String },
}

impl From<(&'static str, yaml::Error)> for Error {
    fn from((what, error): (&'static str, yaml::Error)) -> Self {
        Error::Manifest {
            what,
            reason: error.to_string(),
        }
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Docker(error) => error.failure(),
            Error::NameTaken { .. } => Failure::NameTaken,
            Error::Kubeadm { .. } | Error::KubeadmLogged { .. } => Failure::KubeadmFailed,
            Error::Version { .. } | Error::Manifest { .. } => Failure::NodeImage,
            Error::Exited { .. } | Error::NoContainerd { .. } => Failure::NodeExited,
            Error::Service { .. } => Failure::NodeServiceFailed,
            Error::Renewal { .. } => Failure::CertificatesNotRenewed,
            Error::NoGpus { .. } => Failure::GpuDriverBroken,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Docker(error) => error.hints(),
            Error::NameTaken { container } => vec![
                Hint::run(
                    "inspect the container",
                    format!("docker inspect {container}"),
                ),
                Hint::run("or use another name", ours!(Up).of(Some("NAME"))),
            ],
            Error::Version { .. } | Error::Manifest { .. } => {
                vec![Hint::text("use the default node image: omit --node-image")]
            }
            Error::Exited { node, .. } | Error::NoContainerd { node, .. } => vec![
                Hint::run("see its log", format!("docker logs {node}")),
                Hint::run("try again, which recreates the node", ours!(Up)),
            ],
            Error::Service { .. } => vec![Hint::run("see why", ours!(Logs, "--node"))],
            Error::NoGpus { .. } => Failure::GpuDriverBroken.remedies(),
            Error::Renewal { .. } => {
                vec![Hint::run("recreate the node, its data are kept", ours!(Down)).then(ours!(Up))]
            }
            Error::Kubeadm { node, .. } => {
                vec![Hint::run("see its log", format!("docker logs {node}"))]
            }
            Error::KubeadmLogged { log, proxies, .. } => {
                let proxies = proxies.iter().map(|proxy| {
                    Hint::run(
                        format!("check whether the proxy {proxy} is the cause; unset it, then run"),
                        ours!(Up),
                    )
                });
                let others = [
                    Hint::text(format!("see the full log: {}", log.display())),
                    Hint::run("keep the node to inspect it", ours!(Up, "--retain")),
                ];
                proxies.chain(others).collect()
            }
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Error::Docker(error) => error.details(),
            Error::Exited { tail, .. }
            | Error::NoContainerd { tail, .. }
            | Error::Service { tail, .. }
            | Error::Renewal { tail, .. }
            | Error::Kubeadm { tail, .. }
            | Error::KubeadmLogged { tail, .. } => tail.clone(),
            _ => Vec::new(),
        }
    }
}
