//! The door to the Docker engine: a trait with the calls that are used, plain
//! data in and out, one real implementation and one fake.

mod bollard;
mod config;
mod context;
mod credentials;
pub mod fake;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use self::bollard::Docker;
pub use self::config::ClientConfig;
pub use self::context::{Endpoint, find_endpoint};
pub use self::credentials::Credentials;
use crate::error::{Code, Explain};

/// Bytes on their way, with the error that may cut them short.
pub type ByteStream = BoxStream<'static, Result<Bytes, Error>>;

/// What the engine says of itself and its machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineInfo {
    /// Version, such as `28.2.2`.
    pub version: String,
    /// API version in force after negotiation, as (major, minor).
    pub api: (usize, usize),
    /// Architecture in Docker's words, such as `amd64`.
    pub architecture: String,
    /// The daemon's operating system, such as `Docker Desktop`.
    pub operating_system: String,
    /// Memory in bytes, as the daemon sees it.
    pub memory: u64,
    /// Processors, as the daemon sees them.
    pub cpus: u32,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// Storage driver, such as `overlay2` or `overlayfs`.
    pub storage_driver: String,
    /// The daemon's root folder, on the daemon's machine.
    pub root_dir: PathBuf,
    /// Proxy variables that the daemon itself uses.
    pub proxy: Vec<(String, String)>,
    /// What its security options say, such as `name=rootless`.
    pub security: Vec<String>,
    /// Cgroup controllers that it cannot use, of those that Kubernetes needs.
    pub missing_controllers: Vec<&'static str>,
    /// Its own clock, as RFC 3339.
    pub time: String,
}

impl EngineInfo {
    /// Whether it runs without root.
    pub fn is_rootless(&self) -> bool {
        self.security.iter().any(|option| option == "name=rootless")
    }

    /// Whether it is Ubuntu's snap, which sees little of the file system.
    pub fn is_from_snap(&self) -> bool {
        self.root_dir.starts_with("/var/snap/docker")
    }

    /// Whether the engine lives in a virtual machine, so that host folders are shared slowly and without owners.
    pub fn in_virtual_machine(&self) -> bool {
        let system = self.operating_system.to_lowercase();
        [
            "docker desktop",
            "colima",
            "orbstack",
            "rancher desktop",
            "lima",
        ]
        .iter()
        .any(|name| system.contains(name))
    }
}

/// An image in the engine's store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What names the content: the config digest on classic stores, the
    /// manifest's or index's digest on containerd stores.
    pub id: String,
    /// Such as `amd64`.
    pub architecture: String,
    /// Such as `linux`.
    pub os: String,
    /// Unpacked size in bytes.
    pub size: u64,
    /// The digests of its unpacked layers, lowest first.
    pub layers: Vec<String>,
}

impl Image {
    /// Such as `linux/amd64`.
    pub fn platform(&self) -> String {
        format!("{}/{}", self.os, self.architecture)
    }
}

/// A container as the engine lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// The engine's identifier.
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Whether its first process runs.
    pub running: bool,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Published ports: (container port, host address, host port).
    pub ports: Vec<(u16, String, u16)>,
    /// Mounts: (source folder or volume name, path in the container).
    pub mounts: Vec<(String, String)>,
    /// Exit code of the last run, when it has ended.
    pub exit_code: Option<i64>,
    /// When the engine starts it again by itself, such as `unless-stopped`.
    pub restart_policy: Option<String>,
}

/// A port of a container that is published on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// Host address.
    pub address: IpAddr,
    /// Host port; 0 lets the engine choose.
    pub host: u16,
    /// Container port (TCP).
    pub container: u16,
}

/// What is mounted in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A host folder (source, target, read-only).
    Bind(PathBuf, String, bool),
    /// A named volume (name, target).
    Volume(String, String),
    /// An anonymous volume (target).
    Anonymous(String),
    /// Memory (target).
    Tmpfs(String),
}

/// A container to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ContainerSpec {
    /// Name and, where `hostname` is set, host name.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// Replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments.
    pub command: Vec<String>,
    /// Environment, `NAME=VALUE`.
    pub env: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Mounts.
    pub mounts: Vec<Mount>,
    /// Published ports.
    pub ports: Vec<Publish>,
    /// The network to join.
    pub network: Option<String>,
    /// Whether it is a node: privileged, own cgroup namespace, terminal,
    /// unconfined, restarted once on failure.
    pub node: bool,
    /// Seconds that `docker stop` waits before it kills.
    pub stop_timeout: Option<i64>,
}

/// What a command in a container left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// The command.
    pub argv: Vec<String>,
    /// Exit code.
    pub code: i64,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Output {
    /// The output, or an error that keeps command, exit code and the end of what
    /// it said.
    pub fn success(self) -> Result<Output, Error> {
        if self.code == 0 {
            return Ok(self);
        }
        let said = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        let lines: Vec<&str> = said.lines().filter(|l| !l.trim().is_empty()).collect();
        let tail = lines[lines.len().saturating_sub(20)..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect();
        Err(Error::Command {
            command: self.argv.join(" "),
            code: self.code,
            tail,
        })
    }
}

/// Progress of a pull: bytes so far and in all, as far as they are known.
pub type PullProgress<'a> = &'a (dyn Fn(u64, Option<u64>) + Send + Sync);

/// The calls to the engine that are used.
#[async_trait]
pub trait Engine: Send + Sync {
    /// What the engine says of itself.
    async fn info(&self) -> Result<EngineInfo, Error>;

    /// The image of that reference, if the engine has it.
    async fn image(&self, reference: &str) -> Result<Option<Image>, Error>;
    /// Pulls an image; `platform` as `os/architecture`.
    async fn pull(
        &self,
        reference: &str,
        platform: &str,
        credentials: Option<&Credentials>,
        progress: PullProgress<'_>,
    ) -> Result<(), Error>;
    /// Names an image that is there `repository:tag` as well.
    async fn tag(&self, reference: &str, repository: &str, tag: &str) -> Result<(), Error>;
    /// Images in one archive, layers that they share once, and only the platform
    /// (`os/architecture`) of each.
    fn export(&self, references: &[&str], platform: &str) -> ByteStream;

    /// The container of that name or identifier.
    async fn container(&self, name: &str) -> Result<Option<Container>, Error>;
    /// Containers, stopped ones too, that carry the label (`key` or `key=value`).
    async fn containers(&self, label: &str) -> Result<Vec<Container>, Error>;
    /// The running container that publishes a host port, by name.
    async fn container_publishing(&self, port: u16) -> Result<Option<String>, Error>;
    /// Makes a container; returns its identifier.
    async fn create(&self, spec: &ContainerSpec) -> Result<String, Error>;
    /// Starts a container; fine when it runs already.
    async fn start(&self, name: &str) -> Result<(), Error>;
    /// Stops a container, killing it after `seconds`.
    async fn stop(&self, name: &str, seconds: u32) -> Result<(), Error>;
    /// Says when the engine starts a container again by itself: a restart policy
    /// such as `unless-stopped` or `no`.
    async fn set_restart(&self, name: &str, policy: &str) -> Result<(), Error>;
    /// Removes a container by force, with its anonymous volumes; fine when absent.
    async fn remove(&self, name: &str) -> Result<(), Error>;
    /// Waits until a container has ended; returns its exit code.
    async fn wait(&self, name: &str) -> Result<i64, Error>;
    /// What a container has written so far, the last `tail` lines.
    async fn log(&self, name: &str, tail: usize) -> Result<String, Error>;
    /// Runs a command in a container, with `input` on its standard input.
    async fn exec(
        &self,
        name: &str,
        argv: &[&str],
        input: Option<ByteStream>,
    ) -> Result<Output, Error>;

    /// Runs a command in a container that has a shell, and gives its standard output
    /// as it comes. A command that fails ends the stream with an error; dropping the
    /// stream ends the command.
    async fn exec_stream(&self, name: &str, argv: &[&str]) -> Result<ByteStream, Error>;

    /// A file or folder of a container, also of a stopped one, as an archive (tar).
    fn archive(&self, name: &str, path: &str) -> ByteStream;

    /// Makes a bridge network unless it is there.
    async fn ensure_network(&self, name: &str) -> Result<(), Error>;
    /// Makes a named volume unless it is there.
    async fn ensure_volume(
        &self,
        name: &str,
        labels: &BTreeMap<String, String>,
    ) -> Result<(), Error>;
    /// The labels of a volume, if it is there.
    async fn volume_labels(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error>;
    /// Names of the volumes that carry the label.
    async fn volumes(&self, label: &str) -> Result<Vec<String>, Error>;
    /// Removes a volume; fine when absent.
    async fn remove_volume(&self, name: &str) -> Result<(), Error>;
}

/// Runs a command in a container and demands that it succeeds.
///
/// # Errors
/// [`Error::Command`] with the end of its output when it does not.
pub async fn exec_ok(engine: &dyn Engine, name: &str, argv: &[&str]) -> Result<String, Error> {
    Ok(engine.exec(name, argv, None).await?.success()?.stdout)
}

/// Runs a container to its end and removes it. Returns its exit code and what it
/// wrote at the end.
///
/// # Errors
/// When the engine refuses.
pub async fn run_once(engine: &dyn Engine, spec: &ContainerSpec) -> Result<(i64, String), Error> {
    engine.create(spec).await?;
    let ran = async {
        engine.start(&spec.name).await?;
        let code = engine.wait(&spec.name).await?;
        Ok((code, engine.log(&spec.name, 20).await?))
    }
    .await;
    engine.remove(&spec.name).await?;
    ran
}

/// A small text as a command's input.
pub fn bytes_of(text: &str) -> ByteStream {
    let bytes = Bytes::copy_from_slice(text.as_bytes());
    Box::pin(futures_util::stream::iter([Ok(bytes)]))
}

/// Writes a small file in a container, readable by its owner only.
///
/// # Errors
/// As [`exec_ok`].
pub async fn write_file(
    engine: &dyn Engine,
    name: &str,
    path: &str,
    text: &str,
) -> Result<(), Error> {
    let input = bytes_of(text);
    let script = "umask 077; mkdir -p \"${1%/*}\" && cat > \"$1\"";
    engine
        .exec(name, &["sh", "-c", script, "sh", path], Some(input))
        .await?
        .success()?;
    Ok(())
}

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
