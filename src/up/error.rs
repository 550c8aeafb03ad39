//! Errors of `up` and `start`.

use crate::error::{Code, Explain};
use crate::hint::{Hint, ours};
use crate::path::{self, HostPath, quoted};
use crate::settings::DataPlace;
use crate::values::keys::registry;
use crate::wait::TimedOut;

/// An error of `up` or `start`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no server to start")]
    NothingToStart,
    /// The node is running, but the server was not installed completely.
    #[error("the node is running, but the server was not installed completely")]
    NotInstalled,
    #[error("release file {path} does not exist")]
    NoReleaseFile { path: HostPath },
    #[error("invalid value for --release: {0}")]
    ReleasePath(path::Error),
    #[error(transparent)]
    ApiUnreachable(TimedOut),
    #[error(transparent)]
    NodeNotReady(TimedOut),
    #[error("no space left in the data directory {place}")]
    DataDiskFull { place: DataPlace },
    #[error("cannot copy the data in {from} to {to}: {reason}")]
    CopyFailed {
        from: HostPath,
        to: HostPath,
        /// The last line of the output.
        reason: String,
    },
    /// Pods must pull with a login that does not exist.
    #[error("{}", no_login(registry, *token))]
    NoRegistryLogin {
        registry: String,
        /// Whether there is a login with a token, which pods cannot use.
        token: bool,
    },
    /// The host has no free port for the Kubernetes API.
    #[error("no free port for the Kubernetes API on 127.0.0.1: {0}")]
    NoPort(#[source] std::io::Error),
}

fn no_login(registry: &str, token: bool) -> String {
    let why = match token {
        true => "your `docker login` contains a token, which pods cannot use",
        false => "there is no `docker login` for it",
    };
    format!("`imageCredentials` has no user for {registry}, and {why}")
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Error::NoPort(_) => Code::PortInUse,
            Error::DataDiskFull { .. } => Code::DiskFull,
            Error::CopyFailed { reason, .. } if reason.contains("No space left") => Code::DiskFull,
            Error::CopyFailed { .. } => Code::StateBroken,
            Error::NoRegistryLogin { .. } => Code::ImageUnauthorized,
            Error::ApiUnreachable(_) => Code::ClusterUnreachable,
            Error::NodeNotReady(_) => Code::NodeFailed,
            Error::NoReleaseFile { .. }
            | Error::ReleasePath(_)
            | Error::NothingToStart
            | Error::NotInstalled => Code::Usage,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::NoPort(_) => Vec::new(),
            Error::DataDiskFull { place } => vec![match place {
                DataPlace::Directory(dir) => {
                    Hint::run("see how full the disk is", format!("df -h {}", quoted(dir)))
                }
                DataPlace::Volume(_) => Hint::run("see what fills the disk", "docker system df"),
            }],
            Error::CopyFailed { from, to, .. } => {
                let mut hints = vec![Hint::run(
                    "keep the data where they are",
                    ours!(Up, "--data-dir {dir}", dir = quoted(from)),
                )];
                if self.code() == Code::DiskFull {
                    hints.push(Hint::run(
                        "see what fills the disk",
                        format!("df -h {}", quoted(to)),
                    ));
                }
                hints
            }
            Error::ApiUnreachable(_) | Error::NodeNotReady(_) => {
                vec![Hint::run("recreate the node, its data are kept", ours!(Down)).then(ours!(Up))]
            }
            Error::NoRegistryLogin { registry, .. } => vec![
                Hint::run(
                    "log in, then run the command again",
                    format!("docker login {registry}"),
                ),
                Hint::run(
                    "or set the user",
                    ours!(
                        Up,
                        "--set {user}=USER,{password}=PASSWORD",
                        user = registry::USERNAME,
                        password = registry::PASSWORD,
                    ),
                ),
            ],
            Error::NothingToStart => vec![Hint::run("create it", ours!(Up))],
            Error::NotInstalled => vec![Hint::run("install what is missing", ours!(Up))],
            Error::NoReleaseFile { .. } | Error::ReleasePath(_) => {
                vec![Hint::text("use 1.5.0, 2.3 or the path of a release file")]
            }
        }
    }
}
