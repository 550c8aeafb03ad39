//! Errors of calls to the Kubernetes API.

use std::time::Duration;

use super::client::Unusable;
use crate::connection::Fault;
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::wait::Reason;
use crate::words::{duration, one_line};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot use the cluster's kubeconfig")]
    Kubeconfig(#[source] Box<Unusable>),
    /// The cluster of the user's context cannot be used.
    #[error(transparent)]
    Context(Box<super::ContextError>),
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
    /// The answer has another form, such as a page of a proxy.
    #[error("the Kubernetes API returned an unexpected answer: {problem} ({what})")]
    Unexpected { what: String, problem: String },
    #[error("the Kubernetes API refused to {what}: {message}")]
    Refused {
        /// The request, such as `apply Deployment/clearml-apiserver`.
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
    /// Converts an error of the client.
    pub(crate) fn from_client(what: impl Into<String>, error: ::kube::Error) -> Self {
        let what = what.into();
        match error {
            ::kube::Error::Api(status) => Error::Refused {
                what,
                // The API server always says which; something between it and here does not.
                status: if status.code == 0 { 500 } else { status.code },
                reason: status.reason,
                // Lists of invalid fields span several lines.
                message: one_line(&status.message),
            },
            // The server has answered, so a retry would not help.
            ::kube::Error::Discovery(error) => Error::Object {
                problem: format!("{what}: {error}"),
            },
            ::kube::Error::BuildRequest(error) => Error::Object {
                problem: format!("{what}: {error}"),
            },
            ::kube::Error::SerdeError(error) => Error::Unexpected {
                what,
                problem: error.to_string(),
            },
            ::kube::Error::FromUtf8(error) => Error::Unexpected {
                what,
                problem: error.to_string(),
            },
            ::kube::Error::Service(error) if error.is::<super::ContextError>() => {
                let error = error.downcast().expect("the guard has checked the type");
                Error::Context(error)
            }
            other => Error::Unreachable {
                what,
                fault: Fault::of(&other),
                source: Box::new(other),
            },
        }
    }

    /// Returns why the API is not available, for a wait that continues.
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

    /// Returns whether the server answered that the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Refused { status: 404, .. })
    }

    /// Returns whether a retry may succeed: the server is unavailable or busy.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { fault, .. } => fault.is_temporary(),
            Error::Context(error) => error.is_transient(),
            Error::Timeout { .. } | Error::Log { .. } => true,
            // An API server of a node that starts does not know all permissions of its
            // administrator yet, and a new namespace does not have its service account yet.
            Error::Refused {
                status: 403,
                message,
                ..
            } => {
                message.contains("User \"kubernetes-admin\" cannot ")
                    || message.contains("serviceaccount \"default\" not found")
            }
            // The answer for an object that is invalid for its kind, with status 500.
            Error::Refused { message, .. } if message.contains("typed patch object") => false,
            Error::Refused { status, .. } => *status == 429 || *status >= 500,
            Error::Kubeconfig(_)
            | Error::Client(_)
            | Error::Unexpected { .. }
            | Error::Object { .. } => false,
        }
    }
}

/// How many failed checks are listed; dozens fail while an API server starts.
const LISTED_CHECKS: usize = 3;

/// Returns the failed checks in the answer of `/readyz`, such as `[+]ping ok [-]etcd
/// failed: reason withheld`: the first few, and the number of others.
fn failed_checks(answer: &str) -> String {
    let failed = answer.split("[-]").skip(1);
    let mut names = failed.filter_map(|check| check.split_whitespace().next());
    let listed: Vec<_> = names.by_ref().take(LISTED_CHECKS).collect();
    match names.count() {
        0 => listed.join(", "),
        more => format!("{} and {more} more", listed.join(", ")),
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Context(error) => error.failure(),
            Error::Kubeconfig(_) | Error::Client(_) | Error::Refused { status: 401, .. } => {
                Failure::StaleKubeconfig
            }
            Error::Unreachable {
                fault: Fault::Expired,
                ..
            } => Failure::CertificatesExpired,
            // The certificates of a cluster are as old as the cluster.
            Error::Unreachable {
                fault: Fault::NotYetValid,
                ..
            } => Failure::ClockSkew,
            Error::Unreachable { .. }
            | Error::Timeout { .. }
            | Error::Unexpected { .. }
            | Error::Log { .. } => Failure::ApiUnreachable,
            Error::Refused { status, .. } if *status == 429 || *status >= 500 => {
                Failure::ApiUnreachable
            }
            Error::Refused { status: 403, .. } => Failure::PermissionMissing,
            Error::Refused { .. } => Failure::ObjectRejected,
            Error::Object { .. } => Failure::Unexpected,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Context(error) => error.hints(),
            Error::Unreachable {
                fault: Fault::Expired,
                ..
            } => {
                vec![Hint::run("renew the certificates", ours!(Up))]
            }
            Error::Unreachable { .. }
            | Error::Timeout { .. }
            | Error::Unexpected { .. }
            | Error::Log { .. } => self.failure().remedies(),
            Error::Kubeconfig(_) | Error::Client(_) => {
                vec![Hint::run("write it again", ours!(Up))]
            }
            Error::Refused { status: 401, .. } => {
                vec![Hint::run(
                    "the kubeconfig may be for another node, update it",
                    ours!(Up),
                )]
            }
            Error::Refused { status: 403, .. } => self.failure().remedies(),
            Error::Refused { .. } if self.failure() == Failure::ApiUnreachable => {
                self.failure().remedies()
            }
            Error::Refused { .. } => {
                vec![Hint::run("see what is applied", ours!(Render))]
            }
            Error::Object { .. } => Vec::new(),
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Error::Context(error) => error.details(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_status_is_trouble_of_the_api_and_repeated() {
        let mut status = ::kube::core::Status::failure("injected", "");
        let error = |status: &::kube::core::Status| {
            Error::from_client("get Pod/x", ::kube::Error::Api(status.clone().boxed()))
        };
        assert!(error(&status).is_transient());
        assert_eq!(error(&status).failure(), Failure::ApiUnreachable);
        status.code = 422;
        assert!(!error(&status).is_transient());
        assert_eq!(error(&status).failure(), Failure::ObjectRejected);
    }

    #[test]
    fn only_the_first_of_many_failed_checks_are_listed() {
        let answer = |failed: &[&str]| {
            let line = |name: &&str| format!("[-]{name} failed: reason withheld\n");
            "[+]ping ok\n".to_owned() + &failed.iter().map(line).collect::<String>()
        };
        assert_eq!(failed_checks(&answer(&["etcd", "log"])), "etcd, log");
        let all = answer(&["a", "b", "c", "d", "e"]);
        assert_eq!(failed_checks(&all), "a, b, c and 2 more");
    }
}
