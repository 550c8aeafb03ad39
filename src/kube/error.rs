//! What can go wrong between us and the Kubernetes API.

use std::time::Duration;

use crate::connection::Fault;
use crate::error::{Code, Explain};
use crate::hint::{Hint, ours};
use crate::wait::Reason;
use crate::words::{duration, one_line};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the cluster's kubeconfig")]
    Kubeconfig(#[source] Box<::kube::config::KubeconfigError>),
    #[error("cannot create a client from the cluster's kubeconfig")]
    Client(#[source] Box<::kube::Error>),
    #[error("the Kubernetes API is unreachable: {fault} ({what})")]
    Unreachable {
        what: String,
        fault: Fault,
        #[source]
        source: Box<::kube::Error>,
    },
    #[error("the Kubernetes API did not answer within {} ({what})", duration(*after))]
    Timeout { what: String, after: Duration },
    #[error("the Kubernetes API refused to {what}: {message}")]
    Refused {
        /// What was asked, such as `apply Deployment/clearml-apiserver`.
        what: String,
        status: u16,
        /// The machine-readable reason, such as `Invalid`.
        reason: String,
        message: String,
    },
    #[error("cannot apply an object: {problem}")]
    Object { problem: String },
    #[error("cannot read the log of {pod}")]
    Log {
        pod: String,
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// Sorts an error of the client into ours.
    pub(crate) fn from_client(what: impl Into<String>, error: ::kube::Error) -> Self {
        let what = what.into();
        match error {
            ::kube::Error::Api(status) => Error::Refused {
                what,
                status: status.code,
                reason: status.reason,
                // Lists of what is invalid span lines.
                message: one_line(&status.message),
            },
            // Answers, not absences: another try would not change them.
            ::kube::Error::Discovery(error) => Error::Object {
                problem: format!("{what}: {error}"),
            },
            ::kube::Error::BuildRequest(error) => Error::Object {
                problem: format!("{what}: {error}"),
            },
            other => Error::Unreachable {
                what,
                fault: Fault::of(&other),
                source: Box::new(other),
            },
        }
    }

    /// Why the API does not serve, for a wait that goes on.
    pub(crate) fn reason(&self) -> Reason {
        match self {
            Error::Unreachable { fault, .. } => fault.to_string().into(),
            Error::Timeout { .. } => "no answer in time".into(),
            Error::Refused { message, .. } if message.contains("[-]") => Reason::new(
                "not ready",
                format!("not ready: {}", failed_checks(message)),
            ),
            Error::Refused { status, .. } => {
                Reason::new("refused", format!("HTTP status {status}"))
            }
            other => other.to_string().into(),
        }
    }

    /// Whether the server says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Refused { status: 404, .. })
    }

    /// Whether another try may succeed: the server is away or busy.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { fault, .. } => fault.may_pass(),
            Error::Timeout { .. } | Error::Log { .. } => true,
            // While an API server starts, it does not know everybody's rights yet; and a
            // namespace has no account in its first moment.
            Error::Refused {
                status: 403,
                message,
                ..
            } => {
                message.contains(" cannot ")
                    || message.contains("serviceaccount \"default\" not found")
            }
            // Said of an object that does not fit its kind, with status 500.
            Error::Refused { message, .. } if message.contains("typed patch object") => false,
            Error::Refused { status, .. } => *status == 429 || *status >= 500,
            Error::Kubeconfig(_) | Error::Client(_) | Error::Object { .. } => false,
        }
    }
}

/// How many failed checks are named; an API server that starts fails dozens.
const NAMED_CHECKS: usize = 3;

/// The names of the checks that failed in the answer of `/readyz`, such as
/// `[+]ping ok [-]etcd failed: reason withheld`: the first few, and how many more.
fn failed_checks(answer: &str) -> String {
    let failed = answer.split("[-]").skip(1);
    let mut names = failed.filter_map(|check| check.split_whitespace().next());
    let named: Vec<_> = names.by_ref().take(NAMED_CHECKS).collect();
    match names.count() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Error::Kubeconfig(_)
            | Error::Client(_)
            | Error::Unreachable { .. }
            | Error::Timeout { .. }
            | Error::Log { .. } => Code::ClusterUnreachable,
            Error::Refused { status, .. } if matches!(status, 401 | 429) || *status >= 500 => {
                Code::ClusterUnreachable
            }
            Error::Refused { .. } => Code::ApplyFailed,
            Error::Object { .. } => Code::Unexpected,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Unreachable {
                fault: Fault::Expired,
                ..
            } => {
                vec![Hint::run("renew the certificates", ours!(Up))]
            }
            Error::Unreachable { .. } | Error::Timeout { .. } => vec![
                Hint::run("check that the node is running", ours!(Status)),
                Hint::run("start it again", ours!(Up)),
            ],
            Error::Kubeconfig(_) | Error::Client(_) => {
                vec![Hint::run("write it again", ours!(Up))]
            }
            Error::Refused { status: 401, .. } => {
                vec![Hint::run(
                    "the kubeconfig may be for another node, update it",
                    ours!(Up),
                )]
            }
            Error::Refused { .. } => {
                vec![Hint::run("see what is applied", ours!(Render))]
            }
            Error::Object { .. } | Error::Log { .. } => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_failed_checks_the_first_are_named() {
        let answer = |failed: &[&str]| {
            let line = |name: &&str| format!("[-]{name} failed: reason withheld\n");
            "[+]ping ok\n".to_owned() + &failed.iter().map(line).collect::<String>()
        };
        assert_eq!(failed_checks(&answer(&["etcd", "log"])), "etcd, log");
        let all = answer(&["a", "b", "c", "d", "e"]);
        assert_eq!(failed_checks(&all), "a, b, c and 2 more");
    }
}
