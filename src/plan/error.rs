//! Errors of the plan.

use crate::error::{Code, Explain};
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
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::text("use 1.5.0, 2.3 or the path of a release file")]
    }
}
