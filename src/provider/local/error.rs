//! Errors of the steps that create and start a node.

use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::path::{HostPath, quoted};
use crate::settings::DataPlace;
use crate::wait::TimedOut;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(transparent)]
    ApiUnreachable(TimedOut),
    #[error("no space left in the data directory {place}")]
    DataDiskFull { place: DataPlace },
    #[error("cannot copy the data in {from} to {to}: {reason}")]
    CopyFailed {
        from: HostPath,
        to: HostPath,
        /// The last line of the output.
        reason: String,
    },
    /// The host has no free port for the Kubernetes API.
    #[error("no free port for the Kubernetes API on 127.0.0.1: {0}")]
    NoPort(#[source] std::io::Error),
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::NoPort(_) => Failure::NoFreePort,
            Error::DataDiskFull { .. } => Failure::DataDiskFull,
            Error::CopyFailed { reason, .. } if reason.contains("No space left") => {
                Failure::DataDiskFull
            }
            Error::CopyFailed { .. } => Failure::DataCopyFailed,
            Error::ApiUnreachable(_) => Failure::ApiNotReady,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::NoPort(_) => self.failure().remedies(),
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
                if self.failure() == Failure::DataDiskFull {
                    hints.push(Hint::run(
                        "see what fills the disk",
                        format!("df -h {}", quoted(to)),
                    ));
                }
                hints
            }
            Error::ApiUnreachable(_) => {
                vec![Hint::run("recreate the node, its data are kept", ours!(Down)).then(ours!(Up))]
            }
        }
    }
}
