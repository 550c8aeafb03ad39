//! Errors of requests to the engine.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{TIMEOUT_VARIABLE, refusal};
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::words::duration;

/// Why a request to the engine failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot connect to the Docker engine at {endpoint} ({chosen_by}): {reason}")]
    Unreachable {
        endpoint: String,
        /// Which setting chose it, such as `DOCKER_HOST`.
        chosen_by: String,
        reason: String,
        hint: Hint,
    },
    /// The engine is on another machine.
    #[error(
        "the Docker engine at {endpoint} ({chosen_by}) is on another machine, so the ports would \
         be published there"
    )]
    Remote { endpoint: String, chosen_by: String },
    #[error("invalid address `{address}` of the Docker engine ({chosen_by}): {reason}")]
    Address {
        address: String,
        chosen_by: String,
        reason: String,
    },
    #[error("cannot use the TLS certificates for the Docker engine ({chosen_by}): {reason}")]
    Certificates {
        chosen_by: String,
        dir: PathBuf,
        reason: String,
    },
    /// The selected context does not exist or cannot be read.
    #[error("cannot use the Docker context `{name}`: {reason}")]
    Context { name: String, reason: String },
    #[error("the Docker engine refused to {what}: {message}")]
    Refused {
        /// What was requested.
        what: String,
        /// HTTP status.
        status: u16,
        /// The engine's message.
        message: String,
    },
    /// The connection broke, or an answer was invalid.
    #[error("the Docker engine did not {what}: {reason}")]
    Broken { what: String, reason: String },
    /// The engine accepted the request and did not answer.
    #[error("the Docker engine did not {what} within {}", duration(*limit))]
    Timeout { what: String, limit: Duration },
    /// A container ended while a command ran in it, or while something in it was in use.
    #[error("the container {container} stopped while it was in use")]
    Stopped { container: String },
    #[error(
        "invalid value `{text}` of {TIMEOUT_VARIABLE}: expected a number of seconds from 1 to 86400"
    )]
    Limit { text: String },
    /// A command in a container failed.
    #[error("cannot {what}: {}", reason(*code, tail))]
    Command {
        /// The purpose of the command, such as `prepare the node`.
        what: String,
        code: i64,
        /// The last lines of its output.
        tail: Vec<String>,
    },
}

/// Returns whether a message says that a disk is full. Go writes it in lower case, the C
/// library with a capital.
pub(crate) fn is_disk_full(line: &str) -> bool {
    line.to_lowercase().contains("no space left")
}

/// Returns the last line of a command's output, which usually says why it failed.
fn reason(code: i64, tail: &[String]) -> String {
    let last = tail.last().map(|line| line.trim().to_owned());
    last.unwrap_or_else(|| format!("exit code {code}"))
}

impl Error {
    /// Converts the error of a reader of a [`ByteStream`](super::ByteStream) back into
    /// the engine's error. `what` is what the reader did.
    pub(crate) fn from_reader(what: &str, error: io::Error) -> Error {
        let reason = error.to_string();
        let inner = error.into_inner().and_then(|inner| inner.downcast().ok());
        inner.map_or_else(
            || Error::Broken {
                what: what.to_owned(),
                reason,
            },
            |inner: Box<Error>| *inner,
        )
    }

    /// Returns whether the engine answered that the object does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Refused { status: 404, .. })
    }

    /// Returns whether the engine refused because the container's network was removed.
    pub fn is_network_missing(&self) -> bool {
        self.known() == Some(Failure::NetworkMissing)
    }

    /// Returns whether the engine could not end a container, because a process of it does not end.
    pub fn is_stuck(&self) -> bool {
        self.known() == Some(Failure::ContainerStuck)
    }

    /// Returns the failure that the engine's message is known for.
    fn known(&self) -> Option<Failure> {
        match self {
            Error::Refused { message, .. } => refusal::classify(message),
            // A stream that the engine ended, such as an import.
            Error::Broken { reason, .. } if is_disk_full(reason) => refusal::classify(reason),
            _ => None,
        }
    }

    /// Returns whether the connection broke, so that the same request may succeed later.
    pub(crate) fn is_interrupted(&self) -> bool {
        matches!(self, Error::Broken { .. }) && self.known().is_none()
    }

    pub(crate) fn stopped(container: &str) -> Error {
        Error::Stopped {
            container: container.to_owned(),
        }
    }

    /// Returns whether a container ended while a command ran in it.
    pub(crate) fn is_stopped(&self) -> bool {
        matches!(self, Error::Stopped { .. })
    }

    /// Returns whether the request conflicts with an existing object or another request.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Error::Refused { status: 409, .. })
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Unreachable { .. } => Failure::DockerUnreachable,
            Error::Address { .. } => Failure::DockerAddress,
            Error::Certificates { .. } => Failure::DockerCertificates,
            Error::Context { .. } => Failure::DockerContext,
            Error::Remote { .. } => Failure::DockerRemote,
            Error::Refused { .. } => self.known().unwrap_or(Failure::DockerRefused),
            Error::Broken { .. } => self.known().unwrap_or(Failure::DockerConnectionLost),
            Error::Timeout { .. } => Failure::DockerNoAnswer,
            Error::Stopped { .. } => Failure::NodeStopped,
            Error::Limit { .. } => Failure::InvalidOption,
            Error::Command { tail, .. } if tail.iter().any(|line| is_disk_full(line)) => {
                Failure::DockerDiskFull
            }
            Error::Command { .. } => Failure::NodeCommandFailed,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        if let Some(known) = self.known() {
            return known.remedies();
        }
        let hint = match self {
            Error::Unreachable { hint, .. } => hint.clone(),
            Error::Remote { .. } => Hint::text(
                "choose an engine on this machine: `docker context use default`, or unset \
                     DOCKER_HOST",
            ),
            Error::Address { .. } => {
                Hint::text("use an address such as unix:///var/run/docker.sock")
            }
            Error::Certificates { dir, .. } => Hint::text(format!(
                "check ca.pem, cert.pem and key.pem in {}",
                dir.display()
            )),
            Error::Context { .. } => Hint::run("list the contexts", "docker context ls"),
            other if other.failure() == Failure::DockerDiskFull => {
                Hint::run("see what fills the disk", "docker system df")
            }
            Error::Broken { .. } => Hint::run("check that the engine still runs", "docker info"),
            Error::Refused { .. } => return Failure::DockerRefused.remedies(),
            Error::Timeout { .. } => return Failure::DockerNoAnswer.remedies(),
            Error::Stopped { container } => {
                let inspect = format!("docker inspect {container}");
                return vec![
                    Hint::run("start it again", ours!(Up)),
                    Hint::run("see when and why it stopped", inspect),
                ];
            }
            Error::Limit { .. } => {
                Hint::run("use the default limit", format!("unset {TIMEOUT_VARIABLE}"))
            }
            Error::Command { .. } => return Vec::new(),
        };
        vec![hint]
    }

    fn details(&self) -> Vec<String> {
        match self {
            Error::Command { tail, .. } => tail.clone(),
            other => {
                let cause = other
                    .known()
                    .map(|known| format!("cause: {}", known.title()));
                cause.into_iter().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Output;

    #[test]
    fn the_error_of_a_command_states_its_purpose_and_the_reason() {
        let output = |stderr: &str| Output {
            argv: vec!["sh".into(), "-c".into(), "script".into()],
            code: 2,
            stderr: stderr.into(),
            ..Output::default()
        };
        let text = |stderr: &str| {
            output(stderr)
                .success("prepare the node")
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            text("warning: x\nmkdir: Read-only file system\n"),
            "cannot prepare the node: mkdir: Read-only file system"
        );
        assert_eq!(text(""), "cannot prepare the node: exit code 2");
        let full = output("mkdir: cannot create directory: No space left on device\n");
        let full = full.success("prepare the node").unwrap_err();
        assert_eq!(full.failure(), Failure::DockerDiskFull);
    }

    #[test]
    fn other_ports_are_suggested_for_a_rootless_engine() {
        let refused = Error::Refused {
            what: "start the container".into(),
            status: 500,
            message: "driver failed programming external connectivity on endpoint demo: error while calling PortManager.AddPort(): cannot expose privileged port 80, you can add 'net.ipv4.ip_unprivileged_port_start=80' to /etc/sysctl.conf (currently 1024)".into(),
        };
        assert!(
            refused.hints()[0]
                .to_string()
                .ends_with("--http-port 8080 --https-port 8443")
        );
        assert_eq!(refused.details().len(), 1, "the cause");
    }

    #[test]
    fn an_unknown_refusal_has_a_hint() {
        let refused = Error::Refused {
            what: "start the container".into(),
            status: 500,
            message: "an unknown message".into(),
        };
        assert_eq!(refused.failure(), Failure::DockerRefused);
        assert!(
            refused.hints()[0]
                .to_string()
                .contains("journalctl -u docker")
        );
    }
}
