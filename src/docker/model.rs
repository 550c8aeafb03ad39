//! Data types of requests to the engine and of its answers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;

use ipnet::IpNet;

use super::Error;
use crate::image_ref::ImageRef;
use crate::proxy::Proxies;

/// The engine's information about itself and its host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EngineInfo {
    /// Such as `28.2.2`.
    pub version: String,
    /// The negotiated API version, as (major, minor).
    pub api: (usize, usize),
    /// Architecture as Docker names it, such as `amd64`.
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
    /// The daemon's data directory, on its host.
    pub root_dir: PathBuf,
    /// The proxies that the daemon itself uses.
    pub proxies: Proxies,
    /// Security options, such as `name=rootless`.
    pub security: Vec<String>,
    /// The cgroup controllers that Kubernetes needs and the engine cannot use.
    pub missing_controllers: Vec<&'static str>,
    /// The time of the engine's clock, in RFC 3339 format.
    pub time: String,
    /// How it can give GPUs to a container; `None` if it cannot.
    pub gpus: Option<Gpus>,
}

/// How the engine gives all NVIDIA GPUs of its host to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gpus {
    /// The names of the devices in the specifications that the engine has found (Container
    /// Device Interface, CDI).
    Cdi(Vec<String>),
    /// NVIDIA's runtime is installed. Engines before Docker 28.2 know only this.
    Nvidia,
}

impl EngineInfo {
    /// Returns whether the engine runs without root.
    pub fn is_rootless(&self) -> bool {
        self.security.iter().any(|option| option == "name=rootless")
    }

    /// Returns whether the engine was installed with Ubuntu's snap, which can access only
    /// parts of the file system.
    pub fn is_from_snap(&self) -> bool {
        self.root_dir.starts_with("/var/snap/docker")
    }

    /// Returns whether the engine runs in a virtual machine, which shares directories of
    /// the host slowly and without their owners.
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Identifies the content: the config digest with a classic store, the digest of the
    /// manifest or index with a containerd store.
    pub id: String,
    /// Such as `amd64`.
    pub architecture: String,
    /// Such as `linux`.
    pub os: String,
    /// Unpacked size in bytes.
    pub size: u64,
    /// Digests of the unpacked layers, lowest first.
    pub layers: Vec<String>,
    /// The directories of these layers on the engine's host, as overlayfs mounts them.
    /// Empty unless the storage driver is `overlay2`.
    pub layer_dirs: Vec<PathBuf>,
}

impl Image {
    /// Returns `os/architecture`, such as `linux/amd64`.
    pub fn platform(&self) -> String {
        format!("{}/{}", self.os, self.architecture)
    }
}

/// A container as the engine lists it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Whether its first process is running, also while the container is paused.
    pub running: bool,
    /// Whether its processes are frozen, so that no command can run in it.
    pub paused: bool,
    pub labels: BTreeMap<String, String>,
    /// Published ports: (container port, host address, host port).
    pub ports: Vec<(u16, String, u16)>,
    /// Mounts: (source directory or volume name, path in the container).
    pub mounts: Vec<(String, String)>,
    /// Exit code of the last run, if the container has exited.
    pub exit_code: Option<i64>,
    /// The network that it was created in, such as `kind`, `host` or `container:ID`.
    pub network_mode: Option<String>,
    /// When the container was last started.
    pub started: Option<Timestamp>,
    /// Such as `unless-stopped`.
    pub restart_policy: Option<String>,
    /// Whether it was created with GPUs.
    pub gpus: bool,
}

impl Container {
    /// Returns whether commands can run in the container.
    pub fn can_exec(&self) -> bool {
        self.running && !self.paused
    }
}

/// A port of a container that is published on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    pub address: IpAddr,
    /// Host port; 0 lets the engine choose.
    pub host: u16,
    /// Container port (TCP).
    pub container: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    pub id: String,
    pub name: String,
    /// Creation time in RFC 3339 format.
    pub created: String,
    /// Such as `bridge`.
    pub driver: String,
    /// Its address ranges, of both families.
    pub subnets: Vec<IpNet>,
    /// Names of the running containers in it, with their IPv4 addresses.
    pub containers: BTreeMap<String, Option<IpAddr>>,
    pub labels: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mount {
    /// A directory of the host, which must exist (source, target, read-only).
    Bind(PathBuf, String, bool),
    /// A directory of the engine's host, mounted at the same path (path, read-only). The
    /// engine creates it if it is missing, because hosts differ.
    System(String, bool),
    /// A named volume (name, target).
    Volume(String, String),
    /// An anonymous volume (target).
    Anonymous(String),
    /// A file system in memory (target).
    Tmpfs(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Name, and host name of a node.
    pub name: String,
    pub image: ImageRef,
    /// Replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments.
    pub command: Vec<String>,
    /// Environment variables, `NAME=VALUE`.
    pub env: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
    pub ports: Vec<Publish>,
    pub network: Option<String>,
    /// Whether it is a node: privileged and unconfined, with a cgroup namespace and a
    /// terminal, restarted once on failure.
    pub node: bool,
    /// The container whose processes and mounts this container can enter. It is then
    /// privileged, and the engine removes it when it exits.
    pub enters: Option<String>,
    /// Seconds after which `docker stop` kills the container.
    pub stop_timeout: Option<i64>,
    /// Gives it the GPUs of the host.
    pub gpus: Option<Gpus>,
}

impl ContainerSpec {
    /// Creates the configuration of a container that runs the default command of its
    /// image.
    pub fn new(name: impl Into<String>, image: ImageRef) -> ContainerSpec {
        ContainerSpec {
            name: name.into(),
            image,
            entrypoint: None,
            command: Vec::new(),
            env: Vec::new(),
            labels: BTreeMap::new(),
            mounts: Vec::new(),
            ports: Vec::new(),
            network: None,
            node: false,
            enters: None,
            stop_timeout: None,
            gpus: None,
        }
    }
}

/// The result of a command in a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    pub argv: Vec<String>,
    pub code: i64,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Returns the output of a command that succeeded. Otherwise returns an error with
    /// `what` (such as `prepare the node`), the exit code and the end of the output. The
    /// command itself is shown with `-vv`.
    pub fn success(self, what: &str) -> Result<Output, Error> {
        if self.code == 0 {
            return Ok(self);
        }
        let text = if self.stderr.trim().is_empty() {
            &self.stdout
        } else {
            &self.stderr
        };
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        let tail = lines[lines.len().saturating_sub(20)..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect();
        tracing::debug!(
            what,
            code = self.code,
            command = self.argv.join(" "),
            "failed"
        );
        Err(Error::Command {
            what: what.to_owned(),
            code: self.code,
            tail,
        })
    }
}
