//! Errors of connections with the user's kubeconfig.

use std::path::PathBuf;

use super::Source;
use crate::clock::Skew;
use crate::connection::Fault;
use crate::error::Explain;
use crate::failures::Failure;
use crate::files;
use crate::hint::Hint;
use crate::words::{count, either, listed};

/// How many contexts an error lists.
const LISTED: usize = 10;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Files(#[from] files::Error),
    #[error("cannot find your kubeconfig: there is no home directory")]
    NoHome,
    #[error("{}", no_file(searched))]
    NoFile { searched: Source },
    #[error("cannot use the kubeconfig {}: {reason}", file.display())]
    Invalid { file: PathBuf, reason: String },
    #[error("the kubeconfig {} has more than one {kind} `{name}`", file.display())]
    Duplicate {
        /// Such as `context`.
        kind: String,
        name: String,
        file: PathBuf,
    },
    #[error("unknown context `{context}`: {}", contexts(context, known, files))]
    UnknownContext {
        context: String,
        known: Vec<String>,
        files: Vec<PathBuf>,
    },
    #[error("cannot use the context `{context}` in {}: {reason}", file.display())]
    Incomplete {
        context: String,
        file: PathBuf,
        reason: String,
    },
    /// A proxy cannot be used. Does not contain its URL, which may have a password.
    #[error("cannot use the proxy of `{variable}`: {reason}")]
    Proxy { variable: String, reason: String },
    #[error("cannot read the token of the context `{context}`: {reason}")]
    Token {
        context: String,
        reason: String,
        kubectl: String,
    },
    #[error("the credential plugin `{command}` of the context `{context}` is not installed")]
    NoPlugin {
        context: String,
        command: String,
        /// What the kubeconfig says about its installation.
        install: Option<String>,
    },
    #[error("the credential plugin `{command}` of the context `{context}` failed: {reason}")]
    Plugin {
        context: String,
        command: String,
        reason: String,
        /// The last lines that it printed.
        output: Vec<String>,
        kubectl: String,
    },
    #[error(
        "the cluster of the context `{context}` refused the credentials{}{}",
        of_user(user),
        of_clock(*clock)
    )]
    Unauthorized {
        context: String,
        /// Empty if the context has no user.
        user: String,
        /// Whether new credentials may be accepted.
        renewed: bool,
        /// The clock of the cluster, if it is the likely cause.
        clock: Option<Skew>,
        kubectl: String,
    },
    #[error(
        "the cluster of the context `{context}` is unreachable{}: {fault}",
        through(proxy)
    )]
    Unreachable {
        context: String,
        proxy: Option<String>,
        fault: Fault,
        kubectl: String,
    },
}

fn no_file(source: &Source) -> String {
    match source {
        Source::Option(file) => format!("the kubeconfig {} does not exist", file.display()),
        Source::Variable(files) => {
            let files: Vec<String> = files
                .iter()
                .map(|file| file.display().to_string())
                .collect();
            let files = listed(&files);
            format!("cannot find a kubeconfig: `KUBECONFIG` names only missing files: {files}")
        }
        Source::Home(file) => format!(
            "cannot find a kubeconfig: `KUBECONFIG` is not set, and {} does not exist",
            file.display()
        ),
    }
}

/// Lists the contexts, those with a similar name first.
fn contexts(wanted: &str, known: &[String], files: &[PathBuf]) -> String {
    let files: Vec<String> = files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    if known.is_empty() {
        return format!("{} has no contexts", listed(&files));
    }
    let mut sorted: Vec<&String> = known.iter().collect();
    sorted.sort_by_key(|name| distance(wanted, name));
    let more = sorted.split_off(sorted.len().min(LISTED)).len();
    let mut names: Vec<String> = sorted.iter().map(|name| format!("`{name}`")).collect();
    if more > 0 {
        names.push(count(more as u64, "other"));
        return format!("{} has {}", listed(&files), listed(&names));
    }
    format!("expected {} ({})", either(&names), listed(&files))
}

/// Returns how different two names are; a name that contains the other is similar.
fn distance(wanted: &str, name: &str) -> usize {
    let (wanted, name) = (wanted.to_lowercase(), name.to_lowercase());
    match !wanted.is_empty() && name.contains(&wanted) {
        true => 0,
        false => strsim::levenshtein(&wanted, &name),
    }
}

fn of_clock(clock: Option<Skew>) -> String {
    clock.map_or_else(String::new, |clock| {
        let skew = clock.from("the one of this machine");
        format!("; its clock is {skew}")
    })
}

fn of_user(user: &str) -> String {
    match user {
        "" => ": it has no user".to_owned(),
        user => format!(" of the user `{user}`"),
    }
}

fn through(proxy: &Option<String>) -> String {
    let proxy = proxy.as_ref();
    proxy.map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
}

impl Error {
    /// Returns whether a retry may succeed.
    pub(in crate::kube) fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { fault, .. } => fault.is_temporary(),
            Error::Unauthorized { renewed, .. } => *renewed,
            _ => false,
        }
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Files(error) => error.failure(),
            // The certificates of a cluster are as old as the cluster.
            Error::Unreachable {
                fault: Fault::NotYetValid,
                ..
            } => Failure::ClockSkew,
            Error::Unreachable { .. } => Failure::ClusterUnreachable,
            Error::Unauthorized { clock: Some(_), .. } => Failure::ClockSkew,
            Error::Unauthorized { .. } => Failure::CredentialsRefused,
            Error::Token { .. } | Error::NoPlugin { .. } | Error::Plugin { .. } => {
                Failure::CredentialPlugin
            }
            Error::Proxy { .. } => Failure::InvalidProxy,
            Error::UnknownContext { .. } => Failure::UnknownContext,
            Error::NoHome
            | Error::NoFile { .. }
            | Error::Invalid { .. }
            | Error::Duplicate { .. }
            | Error::Incomplete { .. } => Failure::InvalidKubeconfig,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let check =
            |kubectl: &str| Hint::run("check it with kubectl", format!("{kubectl} version"));
        match self {
            Error::Files(error) => error.hints(),
            Error::NoHome | Error::NoFile { .. } => {
                vec![Hint::text("name the file with `--kubeconfig`")]
            }
            Error::UnknownContext { .. } => {
                vec![Hint::text(
                    "use one of these, or name another file with `--kubeconfig`",
                )]
            }
            Error::Duplicate { .. } => vec![Hint::text("rename or remove one of them")],
            Error::Proxy { .. } => vec![Hint::text("write it as http://proxy.corp:3128")],
            Error::NoPlugin {
                install: Some(text),
                ..
            } => vec![Hint::text(text.clone())],
            Error::NoPlugin { .. } => {
                vec![Hint::text("install it, or add its directory to `PATH`")]
            }
            Error::Unauthorized { clock: Some(_), .. }
            | Error::Unreachable {
                fault: Fault::NotYetValid,
                ..
            } => self.failure().remedies(),
            Error::Unauthorized { kubectl, .. } => vec![
                Hint::text("log in to the cluster again, as you do for kubectl"),
                check(kubectl),
            ],
            Error::Unreachable {
                kubectl,
                fault: Fault::UnknownAuthority,
                ..
            } => vec![
                Hint::text("set `certificate-authority` of the cluster in the kubeconfig"),
                check(kubectl),
            ],
            Error::Plugin { kubectl, .. }
            | Error::Token { kubectl, .. }
            | Error::Unreachable { kubectl, .. } => vec![check(kubectl)],
            Error::Incomplete { .. } | Error::Invalid { .. } => Vec::new(),
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Error::Plugin { output, .. } => output.clone(),
            _ => Vec::new(),
        }
    }
}
