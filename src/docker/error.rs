//! What goes wrong between us and the engine.

use crate::error::{Code, Explain};

/// What can go wrong between us and the engine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing answers.
    #[error("no Docker engine answers at {endpoint} ({chosen_by}): {reason}")]
    Unreachable {
        /// The address.
        endpoint: String,
        /// What named it, such as `DOCKER_HOST`.
        chosen_by: String,
        /// Why it failed.
        reason: String,
        /// What to try.
        hint: String,
    },
    /// The engine is on another machine.
    #[error(
        "the Docker engine at {endpoint} ({chosen_by}) is on another machine; its ports would be published there"
    )]
    Remote {
        /// The address.
        endpoint: String,
        /// What named it.
        chosen_by: String,
    },
    /// The context named does not exist or cannot be read.
    #[error("the Docker context `{name}` cannot be used: {reason}")]
    Context {
        /// The context's name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The engine refused a request.
    #[error("the Docker engine refused to {what}: {message}")]
    Refused {
        /// What was asked for.
        what: String,
        /// HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// The connection broke, or an answer made no sense.
    #[error("the Docker engine did not {what}: {reason}")]
    Broken {
        /// What was asked for.
        what: String,
        /// Why.
        reason: String,
    },
    /// A command in a container failed.
    #[error("`{command}` ended with exit code {code} in the node")]
    Command {
        /// The command line.
        command: String,
        /// Its exit code.
        code: i64,
        /// The last lines that it wrote.
        tail: Vec<String>,
    },
}

impl Error {
    /// Whether the engine said that the thing does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Refused { status: 404, .. })
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        match self {
            Error::Unreachable { .. } | Error::Context { .. } => Code::DockerUnreachable,
            Error::Remote { .. } => Code::DockerRemote,
            Error::Refused { message, .. }
            | Error::Broken {
                reason: message, ..
            } if message.contains("no space left") => Code::DiskFull,
            Error::Refused { .. } | Error::Broken { .. } => Code::DockerRefused,
            Error::Command { tail, .. } if tail.iter().any(|l| l.contains("no space left")) => {
                Code::DiskFull
            }
            Error::Command { .. } => Code::NodeFailed,
        }
    }

    fn hints(&self) -> Vec<String> {
        let hint = match self {
            Error::Unreachable { hint, .. } => hint.clone(),
            Error::Remote { .. } => {
                "choose an engine on this machine: `docker context use default`, or unset DOCKER_HOST".into()
            }
            Error::Context { .. } => "see what is there: docker context ls".into(),
            other if other.code() == Code::DiskFull => {
                "see what fills the disk: docker system df".into()
            }
            // Docker's words of both its old and its new address allocator.
            Error::Refused { message, .. }
                if message.contains("address pool") || message.contains("fully subnetted") =>
            {
                "Docker has no network addresses left; drop unused networks: docker network prune".into()
            }
            Error::Refused { message, .. } if is_low_port(message) => {
                "the engine may not open a port so low, use others: clearml-local up --http-port 8080 --https-port 8443".into()
            }
            Error::Broken { .. } => "is the engine still there? docker info".into(),
            _ => return Vec::new(),
        };
        vec![hint]
    }

    fn details(&self) -> Vec<String> {
        match self {
            Error::Command { tail, .. } => tail.clone(),
            _ => Vec::new(),
        }
    }
}

/// Whether the engine says that a port is for root, which it is not: rootless engines
/// and those in some virtual machines.
fn is_low_port(message: &str) -> bool {
    message.contains("privileged port")
        || (message.contains("bind") && message.contains("permission denied"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_without_root_is_given_other_ports() {
        let refused = Error::Refused {
            what: "start the container".into(),
            status: 500,
            message: "driver failed programming external connectivity on endpoint demo: error while calling PortManager.AddPort(): cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to /etc/sysctl.conf (currently 1024)".into(),
        };
        assert!(refused.hints()[0].ends_with("--http-port 8080 --https-port 8443"));
    }
}
