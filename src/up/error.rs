//! Errors of `up` and `start`.

use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::values::keys::registry;
use crate::wait::TimedOut;

/// An error of `up` or `start`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The node is running, but the server was not installed completely.
    #[error("the node is running, but the server was not installed completely")]
    NotInstalled,
    #[error(transparent)]
    NodeNotReady(TimedOut),
    /// Pods must pull with a login that does not exist.
    #[error("{}", no_login(registry, *token))]
    NoRegistryLogin {
        registry: String,
        /// Whether there is a login with a token, which pods cannot use.
        token: bool,
    },
}

fn no_login(registry: &str, token: bool) -> String {
    let why = match token {
        true => "your `docker login` contains a token, which pods cannot use",
        false => "there is no `docker login` for it",
    };
    format!("`imageCredentials` has no user for {registry}, and {why}")
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::NoRegistryLogin { .. } => Failure::PodsLackLogin,
            Error::NodeNotReady(_) => Failure::NodeNotReady,
            Error::NotInstalled => Failure::NotInstalled,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::NodeNotReady(_) => {
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
            Error::NotInstalled => vec![Hint::run("install what is missing", ours!(Up))],
        }
    }
}
