//! The Kubernetes node: a kind node, made without kind.

mod bootstrap;
mod certificates;
mod container;
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

pub use self::bootstrap::{await_containerd, bootstrap, is_bootstrapped, note_furnished};
pub use self::certificates::{Certificates, certificates, renew_certificates};
pub use self::container::{make, start};
pub use self::inspect::{Inspection, inspect};
pub use self::kubeconfig::kubeconfig;
pub use self::manifests::{network_objects, storage_objects};
pub use self::prepare::trust;
pub use self::services::ensure_services;
pub use self::stop::{end_in_order, finish_interrupted_stop, stop_in_order};
use crate::docker;
use crate::error::{Code, Explain};
use crate::hint::{Hint, ours};
use crate::wait::TimedOut;
use crate::yaml;

/// The oldest Kubernetes whose kubeadm reads our configuration (v1beta4).
const OLDEST_KUBERNETES: (u32, u32) = (1, 31);

/// The first Kubernetes whose kubelet verifies credentials of images that are there
/// (`KubeletEnsureSecretPulledImages`). Before, it refuses the setting.
const FIRST_TO_VERIFY_PULLS: (u32, u32) = (1, 35);

/// The Kubernetes version as the node's image tells it, without its `v`.
fn kubernetes_version(told: &str) -> Result<String, Error> {
    let version = match told.trim_start_matches('v') {
        "" => "unknown".to_owned(),
        version => version.to_owned(),
    };
    match minor(&version) {
        Some(found) if found >= OLDEST_KUBERNETES => Ok(version),
        _ => Err(Error::Version { version }),
    }
}

/// Major and minor version of `1.37.0`.
fn minor(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// Whether the kubelet of that version asks for credentials for images that it
/// believes to have pulled, and has a setting for it.
fn verifies_pulls(version: &str) -> bool {
    minor(version).is_some_and(|found| found >= FIRST_TO_VERIFY_PULLS)
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
    /// A container of the node's name is somebody else's.
    #[error(
        "the container name {container} is in use by a container that clearml-local did not create \
         for this instance"
    )]
    NameTaken { container: String },
    #[error("the node {node} stopped unexpectedly with exit code {code}")]
    Ended {
        node: String,
        code: i64,
        tail: Vec<String>,
    },
    #[error("the node {node} did not start: {late}")]
    NoContainerd {
        node: String,
        late: TimedOut,
        tail: Vec<String>,
    },
    #[error("cannot start {unit} in the node {node}")]
    Service {
        node: String,
        unit: String,
        tail: Vec<String>,
    },
    #[error("cannot renew the certificates of the node {node}: {reason}")]
    Renewal {
        node: String,
        reason: String,
        /// Everything that was said.
        tail: Vec<String>,
    },
    #[error("kubeadm could not create a cluster in the node {node}: {reason}")]
    Kubeadm {
        node: String,
        /// The line that matters.
        reason: String,
        /// The lines that matter next.
        tail: Vec<String>,
        /// Everything that kubeadm and the kubelet said.
        log: String,
    },
    /// As [`Error::Kubeadm`], with the log kept in a file.
    #[error("kubeadm could not create a cluster in the node: {reason}")]
    KubeadmKept {
        /// The line that matters.
        reason: String,
        /// The lines that matter next.
        tail: Vec<String>,
        /// Where the whole is.
        log: PathBuf,
        /// The proxies that the node had, without their passwords.
        proxies: Vec<String>,
    },
    /// A file of the node makes no sense.
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
    fn code(&self) -> Code {
        match self {
            Error::Docker(error) => error.code(),
            Error::NameTaken { .. } => Code::NameTaken,
            Error::Kubeadm { .. } | Error::KubeadmKept { .. } => Code::KubeadmFailed,
            _ => Code::NodeFailed,
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
            Error::Ended { node, .. } | Error::NoContainerd { node, .. } => vec![
                Hint::run("see its log", format!("docker logs {node}")),
                Hint::run("try again, which recreates the node", ours!(Up)),
            ],
            Error::Service { .. } => vec![Hint::run("see why", ours!(Logs, "--node"))],
            Error::Renewal { .. } => {
                vec![Hint::run("recreate the node, its data are kept", ours!(Down)).then(ours!(Up))]
            }
            Error::Kubeadm { node, .. } => {
                vec![Hint::run("see its log", format!("docker logs {node}"))]
            }
            Error::KubeadmKept { log, proxies, .. } => {
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
            Error::Ended { tail, .. }
            | Error::NoContainerd { tail, .. }
            | Error::Service { tail, .. }
            | Error::Renewal { tail, .. }
            | Error::Kubeadm { tail, .. }
            | Error::KubeadmKept { tail, .. } => tail.clone(),
            _ => Vec::new(),
        }
    }
}
