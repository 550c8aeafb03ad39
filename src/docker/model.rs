//! Plain data that go to the engine and come from it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;

use jiff::Timestamp;

use ipnet::IpNet;

use super::Error;
use crate::image_ref::ImageRef;
use crate::proxy::Proxies;

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
    /// The proxies that the daemon itself uses.
    pub proxies: Proxies,
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
    /// The folders of these layers on the engine's machine, as overlayfs takes them:
    /// with the storage driver `overlay2` only, else empty.
    pub layer_folders: Vec<PathBuf>,
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
    pub id: String,
    /// Name without the leading slash.
    pub name: String,
    /// Whether its first process runs; also true where it is paused.
    pub running: bool,
    /// Whether its processes are frozen: no command can be run in it.
    pub paused: bool,
    pub labels: BTreeMap<String, String>,
    /// Published ports: (container port, host address, host port).
    pub ports: Vec<(u16, String, u16)>,
    /// Mounts: (source folder or volume name, path in the container).
    pub mounts: Vec<(String, String)>,
    /// Exit code of the last run, when it has ended.
    pub exit_code: Option<i64>,
    /// The network that it was created in, such as `kind`, `host` or `container:ID`.
    pub network_mode: Option<String>,
    /// When its first process was started the last time.
    pub started: Option<Timestamp>,
    /// When the engine starts it again by itself, such as `unless-stopped`.
    pub restart_policy: Option<String>,
}

impl Container {
    /// Whether commands can be run in it.
    pub fn is_awake(&self) -> bool {
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
    /// When it was created, as RFC 3339.
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
    /// A host folder, which must exist (source, target, read-only).
    Bind(PathBuf, String, bool),
    /// A folder of the engine's machine at the same path (path, read-only). The
    /// engine creates it where it is missing, as machines differ in what they have.
    System(String, bool),
    /// A named volume (name, target).
    Volume(String, String),
    /// An anonymous volume (target).
    Anonymous(String),
    /// Memory (target).
    Tmpfs(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Name and, where `hostname` is set, host name.
    pub name: String,
    pub image: ImageRef,
    /// Replaces the image's entrypoint.
    pub entrypoint: Option<Vec<String>>,
    /// Arguments.
    pub command: Vec<String>,
    /// Environment, `NAME=VALUE`.
    pub env: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
    pub ports: Vec<Publish>,
    pub network: Option<String>,
    /// Whether it is a node: privileged, own cgroup namespace, terminal,
    /// unconfined, restarted once on failure.
    pub node: bool,
    /// The container whose processes and mounts it may enter: privileged, and removed by
    /// the engine when it ends.
    pub enters: Option<String>,
    /// Seconds that `docker stop` waits before it kills.
    pub stop_timeout: Option<i64>,
}

impl ContainerSpec {
    /// A container that runs what its image says.
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
        }
    }
}

/// What a command in a container left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    pub argv: Vec<String>,
    pub code: i64,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// The output, or an error that says what the command was for (`prepare the node`) and
    /// keeps its exit code and the end of its output. The command itself is for `-vv`.
    pub fn success(self, what: &str) -> Result<Output, Error> {
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
