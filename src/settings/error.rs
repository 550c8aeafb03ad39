//! Errors in options.

use std::convert::Infallible;
use std::path::PathBuf;

use super::HostPorts;
use crate::error::{Code, Explain};
use crate::hint::{Hint, ours};
use crate::{files, path};

/// Invalid options, or invalid files that they name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// The settings file is invalid.
    #[error("invalid settings in {}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A values file is missing.
    #[error("values file {path} does not exist")]
    NoValuesFile {
        /// The path that was given.
        path: String,
    },
    /// Standard input, as a values file, is empty.
    #[error("no values on standard input: `-f -` read nothing")]
    EmptyStdin,
    /// The path of a release file cannot be resolved.
    #[error("invalid value for --release: {0}")]
    ReleasePath(crate::path::Error),
    /// A release file is missing.
    #[error("release file {path} does not exist")]
    NoReleaseFile {
        /// The path that was given.
        path: String,
    },
    /// A file of a `--set-file` argument is missing.
    #[error("file {path} does not exist ({argument})")]
    NoSetFile {
        /// The path that was given.
        path: String,
        /// The option and its argument.
        argument: String,
    },
    /// A path in an argument cannot be resolved.
    #[error("invalid path: {reason} ({argument})")]
    Path {
        /// Why.
        reason: path::Error,
        /// The option and its argument.
        argument: String,
    },
    /// A file of the user is too large.
    #[error("cannot read {path}: it is larger than {} MiB", helm_values::MAX_BYTES >> 20)]
    TooLarge {
        /// The file.
        path: String,
    },
    /// A file of the user is not UTF-8 text.
    #[error("cannot read {path}: line {line} is not valid UTF-8")]
    NotText {
        /// The file.
        path: String,
        /// The line of the first invalid byte.
        line: usize,
    },
    /// The file contains no certificates.
    #[error("invalid certificates in {}: {reason}", path.display())]
    Certificates {
        /// The path that was given.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// Two servers with the same host port.
    #[error("the ports of web, API and files must be different, got {}, {} and {}", ports.web, ports.api, ports.files)]
    SamePort {
        /// The requested ports.
        ports: HostPorts,
    },
    /// A host port of the ingress controller is the port of something else.
    #[error("{one} and {other} cannot both be {port}")]
    IngressPort {
        /// An option.
        one: &'static str,
        /// Another option.
        other: &'static str,
        /// The port.
        port: u16,
    },
}

/// For settings that are saved as they are.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Error {
        match never {}
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Error::Files(error) => error.code(),
            _ => Code::Usage,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Files(error) => error.hints(),
            Error::File { .. } => vec![Hint::run("see all settings", ours!(Up, "--help"))],
            Error::SamePort { .. } => vec![Hint::text(
                "set different ports: --web-port, --api-port, --files-port",
            )],
            Error::IngressPort { one, .. } => {
                vec![Hint::run("use another port", ours!(Up, "{one} PORT"))]
            }
            Error::Certificates { .. } => vec![Hint::text(
                "ask the administrator of your proxy for a file that starts with -----BEGIN \
                 CERTIFICATE-----",
            )],
            Error::EmptyStdin => vec![
                Hint::text("check the output of the command before the pipe"),
                Hint::run(
                    "to discard the values of earlier runs",
                    ours!(Up, "--reset-values"),
                ),
            ],
            Error::NoReleaseFile { .. } | Error::ReleasePath(_) => {
                vec![Hint::text("use 1.5.0, 2.3 or the path of a release file")]
            }
            Error::NoValuesFile { .. }
            | Error::NoSetFile { .. }
            | Error::Path { .. }
            | Error::TooLarge { .. }
            | Error::NotText { .. } => Vec::new(),
        }
    }
}
