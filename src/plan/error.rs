//! Errors of the plan.

use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::Hint;
use crate::path::{self, HostPath};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("release file {path} does not exist")]
    NoReleaseFile { path: HostPath },
    #[error("invalid value for --release: {0}")]
    ReleasePath(path::Error),
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        Failure::InvalidRelease
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::text("use 1.5.0, 2.3 or the path of a release file")]
    }
}
