//! The specification of the node container: names, labels, mounts and ports as `kind`
//! expects them, and our own labels, which are the only way in which our containers are
//! recognized.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use ipnet::IpNet;

use super::proxy;
use crate::docker::{Container, ContainerSpec, Gpus, Mount, Publish};
use crate::image_ref::ImageRef;
use crate::ports::{INGRESS_NODE_PORTS, NodePorts};
use crate::proxy::Proxies;
use crate::settings::{DataPlace, HostPorts, Ingress, Instance, InstanceName, NodeGpus};

/// The network that kind's nodes share.
pub const NETWORK: &str = "kind";
/// kind's label with the cluster of a node.
pub const KIND_CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";
/// Our label with the instance of a container or volume.
pub const INSTANCE_LABEL: &str = "clearml-local.io/instance";
/// Our label with the version of clearml-local that created a container.
const VERSION_LABEL: &str = "clearml-local.io/version";
/// Our label with the reference of the node image as the user specified it.
pub(super) const NODE_IMAGE_LABEL: &str = "clearml-local.io/node-image";
/// The path of the data directory in the node.
pub use crate::manifests::DATA_ROOT;
/// Pod addresses (kind's).
pub const POD_SUBNET: &str = "10.244.0.0/16";
/// The pod addresses of the first node of a cluster.
pub(super) const FIRST_POD_RANGE: &str = "10.244.0.0/24";
/// Service addresses (kind's).
pub const SERVICE_SUBNET: &str = "10.96.0.0/16";
/// The API server's port in the node.
pub(crate) const API_SERVER_PORT: u16 = 6443;
/// Seconds after which `docker stop` kills the node. Must be longer than systemd in the
/// node takes (see `node::prepare`), otherwise databases are killed while they flush.
const STOP_TIMEOUT: i64 = 40;

/// Returns the name of the node, of its container and of its host.
pub fn name(instance: &InstanceName) -> String {
    format!("{instance}-control-plane")
}

/// Returns the prefix of the names of an instance's image volumes.
pub fn image_volume_prefix(instance: &InstanceName) -> String {
    format!("clearml-local-{instance}-images-")
}

/// Returns the name of the volume for the data, if they are not in a directory.
pub fn data_volume(instance: &InstanceName) -> String {
    format!("clearml-local-{instance}-data")
}

/// Returns the name of the volume with the node's image store. It depends on the node
/// image, whose containerd must be able to read it.
pub fn image_volume(instance: &InstanceName, node_image_id: &str) -> String {
    let hash = node_image_id.rsplit(':').next().unwrap_or_default();
    let short: String = hash.chars().take(12).collect();
    format!("{}{short}", image_volume_prefix(instance))
}

/// Returns the labels of all containers and volumes of an instance.
pub fn labels(instance: &InstanceName) -> BTreeMap<String, String> {
    BTreeMap::from([
        (INSTANCE_LABEL.to_owned(), instance.to_string()),
        (
            VERSION_LABEL.to_owned(),
            env!("CARGO_PKG_VERSION").to_owned(),
        ),
    ])
}

/// A difference between a node and the settings: (setting, value of the node, new value).
pub type Difference = (&'static str, String, String);

#[derive(Debug, Clone)]
pub struct NodeSpec<'a> {
    pub name: &'a InstanceName,
    pub instance: &'a Instance,
    /// The node ports of the three services, which are the container ports of the
    /// published ports.
    pub node_ports: NodePorts,
    /// The ID of the node image in the engine.
    pub image_id: &'a str,
    pub proxies: &'a Proxies,
    /// The host port of the API server. It is fixed, because a port that the engine
    /// chooses changes whenever the container starts.
    pub api_server_port: u16,
    /// Whether `/dev/mapper` is needed (btrfs and zfs hosts).
    pub device_mapper: bool,
    /// How the engine gives GPUs to a container. They are used only if the instance wants them.
    pub gpus: Option<&'a Gpus>,
}

impl NodeSpec<'_> {
    /// Returns the container to create, in a network with these ranges.
    pub fn container(&self, network: &[IpNet]) -> ContainerSpec {
        let name = name(self.name);
        let mut labels = labels(self.name);
        let kind = [
            (KIND_CLUSTER_LABEL, self.name.to_string()),
            ("io.x-k8s.kind.role", "control-plane".to_owned()),
            (NODE_IMAGE_LABEL, self.instance.node.node_image.to_string()),
        ];
        labels.extend(kind.map(|(key, value)| (key.to_owned(), value)));
        let mut mounts = vec![
            Mount::Tmpfs("/tmp".into()),
            Mount::Tmpfs("/run".into()),
            // kind mounts all of /var. Docker copies the image's content into the volume,
            // which is mostly containerd's store, and that already has a volume.
            Mount::Anonymous("/var/lib/etcd".into()),
            Mount::Anonymous("/var/lib/kubelet".into()),
            Mount::Anonymous("/var/log".into()),
            Mount::System("/lib/modules".into(), true),
            Mount::Volume(
                image_volume(self.name, self.image_id),
                "/var/lib/containerd".into(),
            ),
            self.data_mount(),
        ];
        if self.device_mapper {
            mounts.push(Mount::System("/dev/mapper".into(), false));
        }
        let mut env = vec!["KUBECONFIG=/etc/kubernetes/admin.conf".to_owned()];
        let proxies = proxy::variables(self.proxies, &name, network).into_iter();
        env.extend(proxies.map(|(name, value)| format!("{name}={value}")));
        ContainerSpec {
            env,
            labels,
            mounts,
            ports: self.published_ports(),
            network: Some(NETWORK.into()),
            node: true,
            stop_timeout: Some(STOP_TIMEOUT),
            gpus: self.gpus.filter(|_| self.has_gpus()).cloned(),
            ..ContainerSpec::new(name, self.instance.node.node_image.clone())
        }
    }

    /// Returns whether the node has the GPUs of the host.
    pub fn has_gpus(&self) -> bool {
        !self.instance.node.gpus.is_none()
    }

    fn data_mount(&self) -> Mount {
        match &self.instance.node.data_dir {
            DataPlace::Directory(path) => Mount::Bind(path.to_path_buf(), DATA_ROOT.into(), false),
            DataPlace::Volume(name) => Mount::Volume(name.clone(), DATA_ROOT.into()),
        }
    }

    fn published_ports(&self) -> Vec<Publish> {
        let mut ports: Vec<Publish> = self
            .port_mappings()
            .into_iter()
            .map(|(_, host, container)| Publish {
                address: self.instance.network.listen.ip(),
                host,
                container,
            })
            .collect();
        ports.push(Publish {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            host: self.api_server_port,
            container: API_SERVER_PORT,
        });
        ports
    }

    /// Returns flag, host port and node port of the services for users.
    fn port_mappings(&self) -> Vec<(&'static str, u16, u16)> {
        let NodePorts { web, api, files } = self.node_ports;
        let servers = self.instance.ports.each().into_iter();
        let servers = servers.zip([web, api, files]);
        let ingress = self.instance.ingress.ports().into_iter();
        let ingress = ingress.zip(INGRESS_NODE_PORTS);
        let all = servers.chain(ingress);
        all.map(|((flag, host), node)| (flag, host, node)).collect()
    }

    /// Returns whether the node publishes the ports of the ingress controller. Without
    /// one, the values may assign these node ports to a service.
    fn has_ingress(&self, node: &Container) -> bool {
        let NodePorts { web, api, files } = self.node_ports;
        INGRESS_NODE_PORTS.iter().all(|port| {
            ![web, api, files].contains(port)
                && node.ports.iter().any(|(container, ..)| container == port)
        })
    }

    /// Returns the differences between the settings and an existing node.
    pub fn differences(&self, node: &Container) -> Vec<Difference> {
        let mut differences: Vec<Difference> = Vec::new();
        let mut compare = |what, current: String, wanted: String| {
            if current != wanted {
                differences.push((what, current, wanted));
            }
        };
        let (has, wants) = (self.has_ingress(node), self.instance.ingress.enabled);
        compare("--with-ingress", has.to_string(), wants.to_string());
        for (what, host, container) in self.port_mappings() {
            if INGRESS_NODE_PORTS.contains(&container) && wants && !has {
                continue;
            }
            let published = node.ports.iter().find(|(port, ..)| *port == container);
            let current = published.map_or_else(
                || format!("unpublished (node port {container})"),
                |(_, _, port)| port.to_string(),
            );
            compare(what, current, host.to_string());
            if let Some((_, address, _)) = published {
                compare(
                    "--listen",
                    address.clone(),
                    self.instance.network.listen.to_string(),
                );
            }
        }
        let gpus = gpus(node).to_string();
        compare("--gpus", gpus, self.instance.node.gpus.to_string());
        let wanted = &self.instance.node.node_image;
        if let Some(image) = node_image(node).filter(|image| image != wanted) {
            compare("--node-image", image.to_string(), wanted.to_string());
        }
        differences.dedup();
        if let Some(data) = data_dir(node).filter(|data| *data != self.instance.node.data_dir) {
            let wanted = &self.instance.node.data_dir;
            differences.push(("--data-dir", data.to_string(), wanted.to_string()));
        }
        differences
    }
}

/// Returns the settings of a node, as far as its container shows them. Returns `None` if
/// it does not publish the default node ports.
pub fn instance_of(node: &Container) -> Option<Instance> {
    let defaults = NodePorts::default();
    let published = |port| node.ports.iter().find(|(container, ..)| *container == port);
    let host = |port| published(port).map(|(_, _, host)| *host);
    let (_, address, _) = published(defaults.web)?;
    let mut instance = Instance::with_defaults(data_dir(node)?);
    instance.network.listen = address.parse().ok()?;
    instance.ports = HostPorts {
        web: host(defaults.web)?,
        api: host(defaults.api)?,
        files: host(defaults.files)?,
    };
    instance.node.node_image = node_image(node)?;
    instance.node.gpus = gpus(node);
    instance.node.autostart = node.restart_policy.as_deref() != Some("no");
    if let [Some(http), Some(https)] = INGRESS_NODE_PORTS.map(host) {
        instance.ingress = Ingress {
            enabled: true,
            http_port: http,
            https_port: https,
            ..instance.ingress
        };
    }
    Some(instance)
}

pub fn node_image(node: &Container) -> Option<ImageRef> {
    node.labels.get(NODE_IMAGE_LABEL)?.parse().ok()
}

fn gpus(node: &Container) -> NodeGpus {
    match node.gpus {
        true => NodeGpus::All,
        false => NodeGpus::None,
    }
}

/// Returns the location of a node's data.
pub fn data_dir(node: &Container) -> Option<DataPlace> {
    let mount = node.mounts.iter().find(|(_, target)| target == DATA_ROOT);
    mount.map(|(source, _)| {
        if source.starts_with('/') {
            // Docker Desktop reports the path in its virtual machine.
            let source = source.strip_prefix("/host_mnt").unwrap_or(source);
            DataPlace::Directory(Path::new(source).into())
        } else {
            DataPlace::Volume(source.clone())
        }
    })
}

/// Returns the host port of the API server of a running node.
pub fn api_server_port(node: &Container) -> Option<u16> {
    let published = node
        .ports
        .iter()
        .find(|(port, ..)| *port == API_SERVER_PORT);
    published
        .map(|(_, _, host)| *host)
        .filter(|port| *port != 0)
}

/// Returns whether clearml-local created a container for this instance.
pub fn is_ours(node: &Container, instance: &InstanceName) -> bool {
    node.labels.get(INSTANCE_LABEL).map(String::as_str) == Some(instance.as_str())
}

/// Returns whether the engine's storage driver requires `/dev/mapper` in the node.
pub fn needs_device_mapper(storage_driver: &str) -> bool {
    matches!(storage_driver, "btrfs" | "zfs") && Path::new("/dev/mapper").exists()
}

/// Returns the labels that the kubelet and kubeadm set on a control-plane node.
pub fn node_labels(name: &str, architecture: &str) -> BTreeMap<String, String> {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    BTreeMap::from([
        label("kubernetes.io/hostname", name),
        label("kubernetes.io/os", "linux"),
        label("kubernetes.io/arch", architecture),
        label("beta.kubernetes.io/os", "linux"),
        label("beta.kubernetes.io/arch", architecture),
        label("node-role.kubernetes.io/control-plane", ""),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    static NO_PROXIES: std::sync::LazyLock<Proxies> = std::sync::LazyLock::new(Proxies::default);

    fn instance() -> Instance {
        let place = DataPlace::Directory(Path::new("/home/me/data").into());
        let mut instance = Instance::with_defaults(place);
        instance.node.node_image = "node:1".parse().unwrap();
        instance
    }

    fn spec<'a>(name: &'a InstanceName, instance: &'a Instance) -> NodeSpec<'a> {
        NodeSpec {
            name,
            instance,
            node_ports: NodePorts::default(),
            image_id: "sha256:0123456789abcdef",
            proxies: &NO_PROXIES,
            api_server_port: 40000,
            device_mapper: false,
            gpus: Some(&Gpus::Nvidia),
        }
    }

    #[test]
    fn the_container_is_a_kind_node() {
        let (name, instance) = ("demo".parse().unwrap(), instance());
        insta::assert_debug_snapshot!(spec(&name, &instance).container(&[]));
    }

    /// The container that is created from a spec.
    fn created(spec: &NodeSpec<'_>) -> Container {
        let container = spec.container(&[]);
        let publishes = container.ports.into_iter();
        Container {
            labels: container.labels,
            ports: publishes
                .map(|p| (p.container, p.address.to_string(), p.host))
                .collect(),
            mounts: vec![("/home/me/data".into(), DATA_ROOT.into())],
            gpus: container.gpus.is_some(),
            ..Container::default()
        }
    }

    #[test]
    fn gpus_recreate_the_node_in_both_directions() {
        let (name, plain) = ("demo".parse().unwrap(), instance());
        let mut with = plain.clone();
        with.node.gpus = NodeGpus::All;
        let (bare, node) = (created(&spec(&name, &plain)), created(&spec(&name, &with)));
        assert_eq!(instance_of(&node), Some(with.clone()));
        let to = |wanted: &Instance, node| spec(&name, wanted).differences(node);
        let flag = |old: &str, new: &str| ("--gpus", old.to_owned(), new.to_owned());
        assert_eq!(to(&with, &bare), [flag("none", "all")]);
        assert_eq!(to(&plain, &node), [flag("all", "none")]);
        assert_eq!(to(&with, &node), []);
    }

    #[test]
    fn the_settings_are_read_back_from_the_node() {
        let (name, instance) = ("demo".parse().unwrap(), instance());
        let node = created(&spec(&name, &instance));
        assert_eq!(instance_of(&node), Some(instance));
        assert_eq!(instance_of(&Container::default()), None);
    }

    #[test]
    fn another_spelling_of_the_data_directory_does_not_recreate_the_node() {
        let (name, fits) = ("demo".parse().unwrap(), instance());
        let node = created(&spec(&name, &fits));
        // As an earlier version stored it.
        let mut kept = serde_json::to_value(&fits).unwrap();
        kept["dataDir"] = "/home/me/./data/".into();
        let kept: Instance = serde_json::from_value(kept).unwrap();
        assert_eq!(spec(&name, &kept).differences(&node), []);
        let mut elsewhere = fits.clone();
        elsewhere.node.data_dir = DataPlace::Volume("v".into());
        let differences = spec(&name, &elsewhere).differences(&node);
        let moved = ("--data-dir", "/home/me/data".into(), "volume:v".into());
        assert_eq!(differences, [moved]);
    }

    #[test]
    fn the_ports_of_the_ingress_follow_its_setting() {
        let (name, plain) = ("demo".parse().unwrap(), instance());
        let mut with = plain.clone();
        with.ingress.enabled = true;
        let (bare, node) = (created(&spec(&name, &plain)), created(&spec(&name, &with)));
        for published in [(30082, 80), (30083, 443)] {
            let found = node.ports.iter();
            let mut found = found.map(|(container, _, host)| (*container, *host));
            assert!(found.any(|port| port == published), "{:?}", node.ports);
        }
        assert_eq!(instance_of(&node), Some(with.clone()));
        let flag = |old: &str, new: &str| ("--with-ingress", old.to_owned(), new.to_owned());
        let to = |wanted: &Instance, node| spec(&name, wanted).differences(node);
        assert_eq!(to(&with, &bare), [flag("false", "true")]);
        assert_eq!(to(&plain, &node), [flag("true", "false")]);
        assert_eq!(to(&with, &node), []);
        with.ingress.http_port = 8080;
        let port = ("--http-port", "80".to_owned(), "8080".to_owned());
        assert_eq!(to(&with, &node), [port]);
    }

    #[test]
    fn a_service_on_a_port_of_the_ingress_is_not_an_ingress() {
        let (name, plain) = ("demo".parse().unwrap(), instance());
        let moved = NodeSpec {
            node_ports: NodePorts {
                web: 30082,
                api: 30083,
                files: 30081,
            },
            ..spec(&name, &plain)
        };
        assert_eq!(moved.differences(&created(&moved)), []);
    }

    #[test]
    fn differences_to_the_node_are_listed() {
        let (name, instance) = ("demo".parse().unwrap(), instance());
        let node = Container {
            ports: vec![
                (30080, "127.0.0.1".into(), 9080),
                (30008, "127.0.0.1".into(), 30008),
                (30081, "127.0.0.1".into(), 30081),
            ],
            mounts: vec![("/home/me/data".into(), DATA_ROOT.into())],
            ..Container::default()
        };
        assert_eq!(
            spec(&name, &instance).differences(&node),
            [("--web-port", "9080".to_owned(), "30080".to_owned())]
        );
    }
}
