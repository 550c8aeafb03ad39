//! The catalogue of failures: everything that the program can report has an entry here,
//! with a stable identifier, an exit code, and a page that says what happened, why, and
//! what to do. Errors and findings name an entry; their messages have the details.

mod agent;
mod code;
mod command;
mod component;
mod data;
mod engine;
mod external;
mod host;
mod image;
mod kubernetes;
mod lookup;
mod node;
mod reference;
mod refused;

use serde::{Serialize, Serializer};

pub use self::code::Code;
pub use self::lookup::{Query, find};
pub use self::reference::{exit_codes, reference};
use crate::hint::Hint;

/// What `clearml-local explain` prints about a failure.
pub struct Page {
    /// A short sentence such as `a port is in use`.
    title: &'static str,
    what: &'static str,
    why: &'static str,
    /// Most useful first. None deletes data. Names in capitals are placeholders.
    remedies: fn() -> Vec<Hint>,
    heals: Heals,
}

/// Whether a failure goes away without the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heals {
    /// Not before the user removes the cause.
    No,
    /// The next `up` repairs it.
    NextUp,
    /// Waiting may be enough.
    Waiting,
}

impl Heals {
    pub fn sentence(self) -> &'static str {
        match self {
            Heals::No => "No. It stays until you remove the cause.",
            Heals::NextUp => "No, but the next `up` repairs it and keeps the data.",
            Heals::Waiting => "Often. `up` waits for it and reports it only if it stays.",
        }
    }
}

/// Declares the catalogue: the layers, and for each failure its identifier, its exit code
/// and its page in the module of the layer. An identifier never changes.
macro_rules! catalogue {
    ($($layer:ident $title:literal $module:ident {
        $($failure:ident $id:literal $code:ident $page:ident;)+
    })+) => {
        /// The part of the system that a failure is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Layer { $($layer,)+ }

        impl Layer {
            pub const ALL: &[Layer] = &[$(Layer::$layer,)+];

            pub fn title(self) -> &'static str {
                match self { $(Layer::$layer => $title,)+ }
            }
        }

        /// A failure that the program can report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Failure { $($($failure,)+)+ }

        impl Failure {
            pub const ALL: &[Failure] = &[$($(Failure::$failure,)+)+];

            /// Returns the stable identifier, such as `port-in-use`.
            pub const fn id(self) -> &'static str {
                match self { $($(Failure::$failure => $id,)+)+ }
            }

            /// Returns the exit code of a command that ends with this failure.
            pub const fn code(self) -> Code {
                match self { $($(Failure::$failure => Code::$code,)+)+ }
            }

            pub const fn layer(self) -> Layer {
                match self { $($(Failure::$failure)|+ => Layer::$layer,)+ }
            }

            fn page(self) -> &'static Page {
                match self { $($(Failure::$failure => &$module::$page,)+)+ }
            }
        }
    };
}

catalogue! {
    Command "The command" command {
        Unexpected "unexpected" Unexpected UNEXPECTED;
        OutputFailed "output-failed" Unexpected OUTPUT_FAILED;
        ForwardFailed "forward-failed" Unexpected FORWARD_FAILED;
        InvalidOption "invalid-option" Usage INVALID_OPTION;
        InvalidSettings "invalid-settings-file" Usage INVALID_SETTINGS;
        InvalidInputFile "invalid-input-file" Usage INVALID_INPUT_FILE;
        InvalidValues "invalid-values" Usage INVALID_VALUES;
        InvalidRelease "invalid-release" Usage INVALID_RELEASE;
        InvalidCaFile "invalid-ca-file" Usage INVALID_CA_FILE;
        InvalidSdkConf "invalid-sdk-configuration" Usage INVALID_SDK_CONF;
        InvalidProxy "invalid-proxy" Usage INVALID_PROXY;
        PortConflict "port-conflict" Usage PORT_CONFLICT;
        AddressUnavailable "address-unavailable" Usage ADDRESS_UNAVAILABLE;
        InstanceCannotMove "instance-cannot-move" Usage INSTANCE_CANNOT_MOVE;
        DataCannotMove "data-cannot-move" Usage DATA_CANNOT_MOVE;
        UnsupportedHere "unsupported-here" Usage UNSUPPORTED_HERE;
        NotInstalled "not-installed" Usage NOT_INSTALLED;
        NotRestartable "not-restartable" Usage NOT_RESTARTABLE;
        FileExists "file-exists" Usage FILE_EXISTS;
        UnknownRevision "unknown-revision" Usage UNKNOWN_REVISION;
        UnknownFailure "unknown-failure" Usage UNKNOWN_FAILURE;
        NotConfirmed "not-confirmed" Usage NOT_CONFIRMED;
        UntrustedFile "untrusted-file" Usage UNTRUSTED_FILE;
        DirectoryInUse "directory-in-use" Usage DIRECTORY_IN_USE;
        ForwardRunning "forward-running" Usage FORWARD_RUNNING;
        InvalidKubeconfig "invalid-kubeconfig" Usage INVALID_KUBECONFIG;
        UnknownContext "unknown-context" Usage UNKNOWN_CONTEXT;
        HungUp "terminal-closed" HungUp HUNG_UP;
        Interrupted "interrupted" Interrupted INTERRUPTED;
        Terminated "terminated" Terminated TERMINATED;
    }
    Engine "Docker" engine {
        DockerUnreachable "docker-unreachable" DockerUnreachable UNREACHABLE;
        DockerNoAnswer "docker-no-answer" DockerUnreachable NO_ANSWER;
        DockerAddress "docker-address-invalid" DockerUnreachable ADDRESS;
        DockerCertificates "docker-certificates-unusable" DockerUnreachable CERTIFICATES;
        DockerContext "docker-context-unusable" DockerUnreachable CONTEXT;
        DockerRemote "docker-remote" DockerRemote REMOTE;
        InContainer "runs-in-container" DockerRemote IN_CONTAINER;
        DockerTooOld "docker-too-old" DockerUnsupported TOO_OLD;
        DockerArchitecture "docker-architecture-unsupported" DockerUnsupported ARCHITECTURE;
        RootlessCgroupV1 "rootless-cgroup-v1" DockerUnsupported ROOTLESS_CGROUP_V1;
        CgroupControllers "cgroup-controllers-missing" DockerUnsupported CGROUP_CONTROLLERS;
        DockerFromSnap "docker-from-snap" DockerUnsupported FROM_SNAP;
        ClockSkew "clock-skew" DockerUnsupported CLOCK_SKEW;
        NetworkOverlap "network-overlap" DockerUnsupported NETWORK_OVERLAP;
        NetworkAmbiguous "network-ambiguous" DockerUnsupported NETWORK_AMBIGUOUS;
        DockerWithoutGpus "docker-without-gpus" DockerUnsupported WITHOUT_GPUS;
    }
    Refused "Requests that Docker refuses" refused {
        UsersRemapped "docker-remaps-users" DockerUnsupported USERS_REMAPPED;
        AppArmor "apparmor-broken" DockerUnsupported APPARMOR;
        Seccomp "seccomp-unsupported" DockerUnsupported SECCOMP;
        RuntimeMissing "container-runtime-missing" DockerUnsupported RUNTIME_MISSING;
        LogDriver "log-driver-broken" DockerUnsupported LOG_DRIVER;
        GpuDriverBroken "gpu-driver-broken" DockerUnsupported GPU_DRIVER;
        DockerCgroups "docker-cgroups-unusable" DockerUnsupported CGROUPS;
        PrivilegedPort "privileged-port" DockerRefused PRIVILEGED_PORT;
        DockerLacksAddress "docker-lacks-address" DockerRefused LACKS_ADDRESS;
        AddressPools "address-pools-exhausted" DockerRefused ADDRESS_POOLS;
        NetworkMissing "network-missing" DockerRefused NETWORK_MISSING;
        ContainerExists "container-exists" DockerRefused CONTAINER_EXISTS;
        ContainerStuck "container-does-not-end" DockerRefused CONTAINER_STUCK;
        PathNotShared "path-not-shared" DockerRefused PATH_NOT_SHARED;
        PathWithColon "path-with-colon" DockerRefused PATH_WITH_COLON;
        PathInaccessible "path-inaccessible" DockerRefused PATH_INACCESSIBLE;
        FirewallRules "firewall-rules-missing" DockerRefused FIREWALL_RULES;
        DockerNotPermitted "docker-not-permitted" DockerRefused NOT_PERMITTED;
        DockerConnectionLost "docker-connection-lost" DockerRefused CONNECTION_LOST;
        DockerRefused "docker-refused" DockerRefused REFUSED;
    }
    Host "Memory, ports and disks" host {
        TooLittleMemory "too-little-memory" HostTooSmall TOO_LITTLE_MEMORY;
        TooFewCpus "too-few-cpus" HostTooSmall TOO_FEW_CPUS;
        MaxMapCount "max-map-count-too-low" HostTooSmall MAX_MAP_COUNT;
        PortInUse "port-in-use" PortInUse PORT_IN_USE;
        NoFreePort "no-free-port" PortInUse NO_FREE_PORT;
        DockerDiskFull "docker-disk-full" DiskFull DOCKER_DISK_FULL;
        DataDiskFull "data-disk-full" DiskFull DATA_DISK_FULL;
        StateDiskFull "state-disk-full" DiskFull STATE_DISK_FULL;
        InodesExhausted "inodes-exhausted" DiskFull INODES_EXHAUSTED;
    }
    Image "Images and registries" image {
        RegistryUnreachable "registry-unreachable" ImageFailed UNREACHABLE;
        RegistryProxy "registry-proxy-refused" ImageFailed PROXY;
        RegistryCertificate "registry-certificate-untrusted" ImageFailed CERTIFICATE;
        RegistryPlainHttp "registry-without-tls" ImageFailed PLAIN_HTTP;
        ImageRateLimited "image-rate-limited" ImageFailed RATE_LIMITED;
        ImagePullFailed "image-pull-failed" ImageFailed PULL_FAILED;
        ImageDigestMismatch "image-digest-mismatch" ImageFailed DIGEST_MISMATCH;
        ImageLoadFailed "image-load-failed" ImageFailed LOAD_FAILED;
        ImageNotFound "image-not-found" ImageNotFound NOT_FOUND;
        ImagePlatform "image-not-for-platform" ImageNotFound PLATFORM;
        ImageUnauthorized "image-unauthorized" ImageUnauthorized UNAUTHORIZED;
        RegistryCredentials "registry-credentials-unreadable" ImageUnauthorized CREDENTIALS;
        PodsLackLogin "pods-lack-registry-login" ImageUnauthorized PODS_LACK_LOGIN;
        NodeCannotPull "node-cannot-pull" ComponentImage NODE_CANNOT_PULL;
        ImageMissing "image-missing-in-node" ComponentImage MISSING;
        InvalidImageName "invalid-image-name" ComponentImage INVALID_NAME;
    }
    Node "The node" node {
        NodeImage "node-image-unsuitable" NodeFailed IMAGE;
        NodeExited "node-exited" NodeFailed EXITED;
        NodeStopped "node-stopped" NodeFailed STOPPED;
        NodeServiceFailed "node-service-failed" NodeFailed SERVICE_FAILED;
        NodeCommandFailed "node-command-failed" NodeFailed COMMAND_FAILED;
        KubeletSilent "kubelet-not-reporting" NodeFailed KUBELET_SILENT;
        NodeNotReady "node-not-ready" NodeFailed NOT_READY;
        CertificatesNotRenewed "certificates-not-renewed" NodeFailed CERTIFICATES_NOT_RENEWED;
        KubeadmFailed "kubeadm-failed" KubeadmFailed KUBEADM_FAILED;
        NameTaken "name-taken" NameTaken NAME_TAKEN;
        AnotherInstance "another-instance" NameTaken ANOTHER_INSTANCE;
        NodeNotRunning "node-not-running" ClusterUnreachable NOT_RUNNING;
        PublishedPortsRefused "published-ports-refused" ClusterUnreachable PORTS_REFUSED;
        ApiNotReady "api-not-ready" ClusterUnreachable API_NOT_READY;
        ClusterDns "cluster-dns-down" ClusterUnreachable CLUSTER_DNS;
        ClusterNetwork "cluster-network-down" ClusterUnreachable CLUSTER_NETWORK;
        CertificatesExpired "certificates-expired" ClusterUnreachable CERTIFICATES_EXPIRED;
        StaleKubeconfig "stale-kubeconfig" ClusterUnreachable STALE_KUBECONFIG;
    }
    Kubernetes "Kubernetes" kubernetes {
        PortOfOtherService "port-of-other-service" PortInUse PORT_OF_OTHER_SERVICE;
        NamespaceInUse "namespace-in-use" NameTaken NAMESPACE_IN_USE;
        HelmReleasePresent "helm-release-present" NameTaken HELM_RELEASE_PRESENT;
        ObjectsOfOthers "objects-of-others" NameTaken OBJECTS_OF_OTHERS;
        ApiUnreachable "api-unreachable" ClusterUnreachable API_UNREACHABLE;
        ClusterUnreachable "cluster-unreachable" ClusterUnreachable UNREACHABLE;
        ObjectRejected "object-rejected" ApplyFailed OBJECT_REJECTED;
        ChangeImpossible "change-impossible" ApplyFailed CHANGE_IMPOSSIBLE;
        PermissionMissing "permission-missing" ClusterDenied PERMISSION_MISSING;
        CredentialsRefused "credentials-refused" ClusterDenied CREDENTIALS_REFUSED;
        CredentialPlugin "credential-plugin-failed" ClusterDenied CREDENTIAL_PLUGIN;
        NamespaceMissing "namespace-missing" ClusterDenied NAMESPACE_MISSING;
        NamespaceTerminating "namespace-terminating" ClusterUnsuitable NAMESPACE_TERMINATING;
        KubernetesTooOld "kubernetes-too-old" ClusterUnsuitable TOO_OLD;
        ClusterArchitecture "cluster-architecture-unsupported" ClusterUnsuitable ARCHITECTURE;
        IngressClassMissing "ingress-class-missing" ClusterUnsuitable INGRESS_CLASS_MISSING;
        StorageClassMissing "storage-class-missing" ClusterUnsuitable STORAGE_CLASS_MISSING;
        StorageDriverMissing "storage-driver-missing" ClusterUnsuitable STORAGE_DRIVER_MISSING;
        NodePortOutOfRange "node-port-out-of-range" ClusterUnsuitable NODE_PORT_OUT_OF_RANGE;
        QuotaExceeded "quota-exceeded" ClusterUnsuitable QUOTA_EXCEEDED;
        QuotaNeedsResources "quota-needs-resources" ClusterUnsuitable QUOTA_NEEDS_RESOURCES;
        LimitRangeExceeded "limit-range-exceeded" ClusterUnsuitable LIMIT_RANGE_EXCEEDED;
        PodSecurity "pod-security-level" ClusterUnsuitable POD_SECURITY;
    }
    Component "Components" component {
        ComponentNotReady "component-not-ready" NotReady NOT_READY;
        CrashLoop "component-crashes" ComponentCrashed CRASH_LOOP;
        StartError "component-start-error" ComponentCrashed START_ERROR;
        ProbeKilled "component-probe-failed" ComponentCrashed PROBE_KILLED;
        Evicted "component-evicted" ComponentCrashed EVICTED;
        DependencyUnavailable "dependency-unavailable" ComponentCrashed DEPENDENCY_UNAVAILABLE;
        DataCorrupt "data-corrupt" ComponentCrashed DATA_CORRUPT;
        OutOfMemory "component-out-of-memory" ComponentOutOfMemory OUT_OF_MEMORY;
        HeapTooSmall "heap-too-small" ComponentOutOfMemory HEAP_TOO_SMALL;
        Unschedulable "component-unschedulable" ComponentUnschedulable UNSCHEDULABLE;
        NodePressure "node-under-pressure" ComponentUnschedulable NODE_PRESSURE;
        NoRoom "no-room-for-pod" ComponentUnschedulable NO_ROOM;
        NodeSelector "node-selector-unmatched" ComponentUnschedulable NODE_SELECTOR;
        ClaimLost "claim-lost" ComponentUnschedulable CLAIM_LOST;
        ConfigMissing "component-config-missing" ComponentConfig CONFIG_MISSING;
        ContainerNotCreated "container-not-created" ComponentConfig CONTAINER_NOT_CREATED;
        PodRefused "pod-refused" ComponentConfig POD_REFUSED;
        VolumeNotMounted "volume-not-mounted" ComponentConfig VOLUME_NOT_MOUNTED;
        ComponentSettings "component-settings-invalid" ComponentConfig SETTINGS;
        NameNotResolved "name-not-resolved" ComponentConfig NAME_NOT_RESOLVED;
        PodAddress "pod-address-conflict" ComponentConfig POD_ADDRESS;
        CheckFailed "server-check-failed" ProbeFailed CHECK_FAILED;
        ServerCertificate "server-certificate-untrusted" ProbeFailed SERVER_CERTIFICATE;
        IngressCheckFailed "ingress-check-failed" ProbeFailed INGRESS_CHECK_FAILED;
        ExperimentFailed "experiment-failed" ProbeFailed EXPERIMENT_FAILED;
        ExperimentNotRemoved "experiment-not-removed" ProbeFailed EXPERIMENT_NOT_REMOVED;
    }
    Agent "Agents and queues" agent {
        AgentNotReady "agent-not-ready" NotReady NOT_READY;
        QueueWithoutAgent "queue-without-agent" NotReady QUEUE_WITHOUT_AGENT;
        AgentLost "agent-lost" ComponentCrashed LOST;
        AgentCertificate "agent-certificate-untrusted" ComponentCrashed CERTIFICATE;
        AgentNameUnknown "agent-name-unknown" ComponentCrashed NAME_UNKNOWN;
        GpusUnavailable "gpus-unavailable" ClusterUnsuitable GPUS_UNAVAILABLE;
    }
    External "External databases" external {
        ExternalUnreachable "external-unreachable" ExternalFailed UNREACHABLE;
        ExternalName "external-name-not-resolved" ExternalFailed NAME;
        ExternalLocalhost "external-localhost" ExternalFailed LOCALHOST;
        ExternalLogin "external-login-refused" ExternalFailed LOGIN;
        ExternalStarting "external-starting" ExternalFailed STARTING;
        ExternalSecret "external-secret-missing" ExternalFailed SECRET;
        ExternalCheck "external-check-failed" ExternalFailed CHECK;
    }
    Data "Data and state" data {
        DataOfOther "data-of-other-instance" DataForeign OF_OTHER;
        DataForeign "data-foreign" DataForeign FOREIGN;
        DataOwner "data-owner" DataForeign OWNER;
        DataLocked "data-locked" DataForeign LOCKED;
        DataVersion "data-version" DataVersion VERSION;
        StateInvalid "state-file-invalid" StateBroken STATE_INVALID;
        StateNewer "state-file-newer" StateBroken STATE_NEWER;
        StateNotWritable "state-not-writable" StateBroken STATE_NOT_WRITABLE;
        HomeMissing "home-missing" StateBroken HOME_MISSING;
        KeysLost "keys-lost" StateBroken KEYS_LOST;
        DataCopyFailed "data-copy-failed" StateBroken COPY_FAILED;
        DataNotRemoved "data-not-removed" StateBroken NOT_REMOVED;
        DataMissing "data-missing" DataUnusable MISSING;
        DataDirectory "data-directory-unusable" DataUnusable DIRECTORY;
        OwnersNotStored "owners-not-stored" DataUnusable OWNERS_NOT_STORED;
        DataNotShared "data-directory-not-shared" DataUnusable NOT_SHARED;
    }
}

impl Failure {
    pub fn title(self) -> &'static str {
        self.page().title
    }

    /// Returns what happened.
    pub fn what(self) -> &'static str {
        self.page().what
    }

    pub fn why(self) -> &'static str {
        self.page().why
    }

    /// Returns what the user can do in general; an error has more exact hints.
    pub fn remedies(self) -> Vec<Hint> {
        (self.page().remedies)()
    }

    pub fn heals(self) -> Heals {
        self.page().heals
    }

    /// Whether `up` may repair it without other settings.
    pub fn is_repairable(self) -> bool {
        self.heals() != Heals::No
    }
}

/// Returns the failures in their order, each of them once.
pub(crate) fn distinct(failures: impl IntoIterator<Item = Failure>) -> Vec<Failure> {
    let mut distinct = Vec::new();
    for failure in failures {
        if !distinct.contains(&failure) {
            distinct.push(failure);
        }
    }
    distinct
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

#[cfg(test)]
mod tests;
