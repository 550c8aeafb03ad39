//! Exit codes, grouped by area.

/// The exit code of a failed command. Several failures share one: the identifier of the
/// failure says which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Code {
    Unexpected = 1,
    Usage = 2,
    DockerUnreachable = 10,
    DockerRemote = 11,
    DockerUnsupported = 12,
    DockerRefused = 13,
    HostTooSmall = 20,
    PortInUse = 21,
    DiskFull = 22,
    ImageFailed = 30,
    ImageNotFound = 31,
    ImageUnauthorized = 32,
    NodeFailed = 40,
    KubeadmFailed = 41,
    NameTaken = 42,
    ClusterUnreachable = 50,
    ApplyFailed = 51,
    ClusterDenied = 52,
    ClusterUnsuitable = 53,
    NotReady = 60,
    ComponentCrashed = 61,
    ComponentOutOfMemory = 62,
    ComponentImage = 63,
    ComponentUnschedulable = 64,
    ComponentConfig = 65,
    ProbeFailed = 66,
    ExternalFailed = 67,
    DataForeign = 70,
    DataVersion = 71,
    StateBroken = 72,
    DataUnusable = 73,
    HungUp = 129,
    Interrupted = 130,
    Terminated = 143,
}

impl Code {
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Returns the meaning, for the table of the documentation.
    pub fn meaning(self) -> &'static str {
        match self {
            Code::Unexpected => "unexpected error",
            Code::Usage => "invalid options, values or settings",
            Code::DockerUnreachable => "Docker is unreachable",
            Code::DockerRemote => "Docker runs on another machine",
            Code::DockerUnsupported => {
                "Docker is too old, or its host is not supported: architecture, cgroups, clock, \
                 snap"
            }
            Code::DockerRefused => "Docker refused a request",
            Code::HostTooSmall => "too little memory or too few CPUs",
            Code::PortInUse => "a port is in use",
            Code::DiskFull => "too little disk space",
            Code::ImageFailed => "an image could not be loaded or pulled",
            Code::ImageNotFound => "an image does not exist, or is not published for this platform",
            Code::ImageUnauthorized => "the registry denied access",
            Code::NodeFailed => "the node container does not start",
            Code::KubeadmFailed => "kubeadm failed",
            Code::NameTaken => "the name belongs to another cluster",
            Code::ClusterUnreachable => "the Kubernetes API is unreachable",
            Code::ApplyFailed => "the Kubernetes API rejected an object",
            Code::ClusterDenied => {
                "the cluster refused the credentials, or a permission is missing"
            }
            Code::ClusterUnsuitable => {
                "the cluster lacks a requirement: version, storage class, ingress class, room, \
                 architecture"
            }
            Code::NotReady => "the server was not ready in time",
            Code::ComponentCrashed => "a component crashes repeatedly",
            Code::ComponentOutOfMemory => "a component was killed for using too much memory",
            Code::ComponentImage => "the image of a component is missing in the node",
            Code::ComponentUnschedulable => "a component cannot be scheduled on the node",
            Code::ComponentConfig => "a component rejects its configuration",
            Code::ProbeFailed => "the server is running, but a check (login, web app, files) fails",
            Code::ExternalFailed => "an external database cannot be used",
            Code::DataForeign => "the data directory belongs to another instance",
            Code::DataVersion => {
                "the data were written by a database version that is incompatible with the release"
            }
            Code::StateBroken => {
                "a state file is invalid or cannot be written, or the keys of an instance cannot \
                 be read"
            }
            Code::DataUnusable => {
                "the data directory cannot be used: it is not writable, is not a directory, or is \
                 on a file system that does not store owners"
            }
            Code::HungUp => "SIGHUP: the terminal was closed",
            Code::Interrupted => "Ctrl-C",
            Code::Terminated => "SIGTERM",
        }
    }
}
