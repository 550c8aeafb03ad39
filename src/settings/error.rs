//! Errors in options.

use std::convert::Infallible;
use std::path::PathBuf;

use super::HostPorts;
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::words::listed;
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
    /// The instance would have to move to another cluster.
    #[error("the server runs {here}, and cannot move to {there}: its data would stay behind")]
    Moved {
        /// Such as `in the context prod`.
        here: String,
        /// Such as `the context test`.
        there: String,
        /// The options for another instance.
        options: String,
        /// The command with which the same cluster can be used under the new name.
        rename: Option<String>,
    },
    /// Options of an existing cluster without a context.
    #[error(
        "{} {}: no context is set, and the server runs in a node in Docker",
        quoted(options),
        no_effect(options)
    )]
    NeedsContext {
        /// The options.
        options: Vec<String>,
    },
    /// Options of the local node with a context.
    #[error(
        "{} {} in the existing cluster of the context `{context}`: {}",
        quoted(options),
        no_effect(options),
        only_local(options)
    )]
    OnlyLocal {
        /// The options.
        options: Vec<String>,
        /// The context.
        context: String,
    },
}

fn quoted(options: &[String]) -> String {
    let quoted: Vec<String> = options.iter().map(|option| format!("`{option}`")).collect();
    listed(&quoted)
}

fn no_effect(options: &[String]) -> &'static str {
    match options {
        [_] => "has no effect",
        _ => "have no effect",
    }
}

fn only_local(options: &[String]) -> &'static str {
    match options {
        [_] => "it is an option of the node in Docker",
        _ => "they are options of the node in Docker",
    }
}

/// For settings that are saved as they are.
impl From<Infallible> for Error {
    fn from(never: Infallible) -> Error {
        match never {}
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Files(error) => error.failure(),
            Error::File { .. } => Failure::InvalidSettings,
            Error::NoValuesFile { .. }
            | Error::EmptyStdin
            | Error::NoSetFile { .. }
            | Error::TooLarge { .. }
            | Error::NotText { .. } => Failure::InvalidInputFile,
            Error::ReleasePath(_) | Error::NoReleaseFile { .. } => Failure::InvalidRelease,
            Error::Path { .. } => Failure::InvalidOption,
            Error::Certificates { .. } => Failure::InvalidCaFile,
            Error::SamePort { .. } | Error::IngressPort { .. } => Failure::PortConflict,
            Error::Moved { .. } => Failure::InstanceCannotMove,
            Error::NeedsContext { .. } | Error::OnlyLocal { .. } => Failure::UnsupportedHere,
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
            Error::Moved {
                options, rename, ..
            } => {
                let another = Hint::run(
                    "create another instance there",
                    ours!(Up, "{options}").of(Some("NAME")),
                );
                let rename = rename.clone().map(|command| {
                    Hint::run("if it is the same cluster, rename the context", command)
                });
                std::iter::once(another).chain(rename).collect()
            }
            Error::NeedsContext { .. } => vec![Hint::run(
                "name the context of the cluster",
                ours!(Up, "--context CONTEXT"),
            )],
            Error::OnlyLocal { options, .. } => {
                let mut hints = vec![Hint::text(format!("leave {} out", quoted(options)))];
                let is_network = |option: &String| {
                    option.ends_with("-port") || option == "--listen" || option == "--with-ingress"
                };
                if options.iter().any(is_network) {
                    hints.push(Hint::text(
                        "set `service` and `ingress` of the servers in the values instead",
                    ));
                }
                if options.iter().any(|option| option == "--data-dir") {
                    hints.push(Hint::text(
                        "set the storage classes of the claims in the values instead",
                    ));
                }
                hints
            }
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
