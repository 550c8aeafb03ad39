//! The settings of an instance. Each is defined once, in its group: its type, its default, its
//! option with help, variable and key of `clearml-local.yaml`, and how it is saved.

#[macro_use]
mod definition;

mod agent;
mod arguments;
mod certificates;
mod cluster;
mod data;
mod error;
mod gpus;
mod ingress;
mod input_file;
mod listen;
mod mirror;
mod name;
mod network;
mod node;
mod pull;
mod read;
mod values;
mod variable;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::agent::{AgentOptions, AgentSettings, Amount, Cpu, Memory, Queue};
pub use self::certificates::Certificates;
pub use self::cluster::{ClusterOptions, ClusterSettings};
pub use self::data::{DataPlace, KeptData};
pub(crate) use self::definition::options;
pub use self::error::Error;
pub use self::gpus::NodeGpus;
pub use self::ingress::{Host, Hosts, Ingress, IngressOptions};
pub use self::input_file::InputFile;
pub use self::listen::Listen;
pub use self::mirror::Mirror;
pub use self::name::{DEFAULT_NAME, InstanceName, non_default};
pub use self::network::{HostPorts, NetworkOptions, NetworkSettings, PortsOptions, check_ports};
pub use self::node::{DEFAULT_NODE_IMAGE, NODE, NodeOptions, NodeSettings};
pub use self::pull::Pull;
pub use self::values::{SetOptions, ValuesOptions, ValuesSettings};
pub use self::variable::{VariableChanges, VariableOption, Variables, variables};

/// The settings of an instance. They are saved in the state directory, so that a later `up`
/// without options uses them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Instance {
    #[serde(flatten)]
    pub network: NetworkSettings,
    pub ports: HostPorts,
    #[serde(flatten)]
    pub values: ValuesSettings,
    #[serde(flatten)]
    pub node: NodeSettings,
    #[serde(default)]
    pub ingress: Ingress,
    /// The existing cluster that the server runs in; `None` for the local node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterSettings>,
}

impl Instance {
    /// Returns where its data are.
    pub(crate) fn kept_data(&self) -> KeptData {
        match &self.cluster {
            Some(cluster) => KeptData::Claims(cluster.clone()),
            None => KeptData::Place(self.node.data_dir.clone()),
        }
    }

    /// Returns the default settings.
    pub fn with_defaults(data_dir: DataPlace) -> Instance {
        Instance {
            network: NetworkSettings::with_defaults(),
            ports: HostPorts::with_defaults(),
            values: ValuesSettings::default(),
            node: NodeSettings::with_defaults(data_dir),
            ingress: Ingress::default(),
            cluster: None,
        }
    }

    /// Takes the settings that a node was created with: its image, data location, GPUs and
    /// ports.
    #[must_use]
    pub fn with_node_settings_of(self, node: Instance) -> Instance {
        let ports = match node.ingress.enabled {
            true => (node.ingress.http_port, node.ingress.https_port),
            false => (self.ingress.http_port, self.ingress.https_port),
        };
        Instance {
            network: node.network,
            ports: node.ports,
            node: NodeSettings {
                node_image: node.node.node_image,
                data_dir: node.node.data_dir,
                gpus: node.node.gpus,
                ..self.node
            },
            ingress: Ingress {
                enabled: node.ingress.enabled,
                http_port: ports.0,
                https_port: ports.1,
                ..self.ingress
            },
            ..self
        }
    }

    /// Adopts settings that were saved by another home directory, with the settings that the
    /// node was created with.
    #[must_use]
    pub fn for_this_home(self, made_with: Option<Instance>) -> Instance {
        let mut settings = match made_with {
            Some(made_with) => self.with_node_settings_of(made_with),
            None => self,
        };
        // It applies to the kubeconfig of that home directory.
        settings.node.merge_kubeconfig = false;
        settings
    }

    /// Returns the options of `up` that restore the settings `before`, except values and
    /// release, which a rollback restores.
    pub fn options_to_restore(&self, before: &Instance) -> Vec<String> {
        let mut ingress = before.ingress.clone();
        if !ingress.enabled {
            // Without a controller, its ports do not matter.
            ingress.http_port = self.ingress.http_port;
            ingress.https_port = self.ingress.https_port;
        }
        let cluster = self.cluster.as_ref().zip(before.cluster.as_ref());
        let cluster = cluster.map(|(now, before)| now.options_to_restore(before));
        [
            cluster.unwrap_or_default(),
            self.network.options_to_restore(&before.network),
            self.ports.options_to_restore(&before.ports),
            self.ingress.options_to_restore(&ingress),
            self.node.options_to_restore(&before.node),
        ]
        .concat()
    }
}

/// The settings of the first version, in the order in which it saved them. Later ones follow, so
/// that no version changes the file of an instance whose settings have not changed.
const FIRST: [&str; 8] = [
    "listen",
    "ports",
    "release",
    "releaseFile",
    "nodeImage",
    "dataDir",
    "values",
    "sets",
];

impl Serialize for Instance {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = Instance::serialize(self, serde_json::value::Serializer);
        let serde_json::Value::Object(settings) = groups.map_err(serde::ser::Error::custom)? else {
            unreachable!("a struct is an object");
        };
        let mut settings: Vec<_> = settings.into_iter().collect();
        let rank = |name: &str| FIRST.iter().position(|first| *first == name);
        settings.sort_by_key(|(name, _)| rank(name).unwrap_or(FIRST.len()));
        serializer.collect_map(settings)
    }
}

impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Instance::deserialize(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::inputs::KeptFile;

    #[test]
    fn returns_only_options_of_changed_settings() {
        let before = Instance::with_defaults(PathBuf::from("/data").into());
        assert_eq!(before.options_to_restore(&before), [""; 0]);
        let mut now = before.clone();
        now.ports.web = 9090;
        now.ingress = Ingress {
            enabled: true,
            http_port: 8080,
            ..now.ingress
        };
        now.node.registry_mirror = "mirror.corp".parse().unwrap();
        now.node.pull = Pull::Engine;
        assert_eq!(
            now.options_to_restore(&before),
            [
                "--web-port 30080",
                "--with-ingress=false",
                "--registry-mirror none",
                "--pull auto"
            ]
        );
        assert_eq!(
            before.options_to_restore(&now)[3..],
            ["--registry-mirror mirror.corp", "--pull engine"]
        );
    }

    #[test]
    fn returns_the_kubeconfig_that_was_used_before() {
        let before = Instance {
            cluster: Some(ClusterSettings::with_defaults(
                "production".parse().unwrap(),
            )),
            ..Instance::with_defaults(PathBuf::from("/data").into())
        };
        let mut now = before.clone();
        let kubeconfig: crate::path::HostPath = "/corp/config".parse().unwrap();
        now.cluster.as_mut().unwrap().kubeconfig = kubeconfig.into();
        assert_eq!(
            now.options_to_restore(&before),
            ["--kubeconfig '~/.kube/config'"]
        );
        assert_eq!(
            before.options_to_restore(&now),
            ["--kubeconfig /corp/config"]
        );
    }

    #[test]
    fn returns_the_option_of_every_setting() {
        let before = Instance::with_defaults(PathBuf::from("/data").into());
        let file = KeptFile {
            path: "/my ca.pem".into(),
            text: String::new(),
        };
        let now = Instance {
            network: NetworkSettings {
                listen: "0.0.0.0".parse().unwrap(),
            },
            ports: HostPorts {
                web: 1,
                api: 2,
                files: 3,
            },
            ingress: Ingress {
                enabled: true,
                http_port: 4,
                https_port: 5,
                hosts: Hosts::default(),
            },
            node: NodeSettings {
                ca: serde_json::from_value(serde_json::to_value(file).unwrap()).unwrap(),
                data_dir: DataPlace::Volume("v".into()),
                gpus: NodeGpus::All,
                node_image: "node:1".parse().unwrap(),
                registry_mirror: "mirror.corp".parse().unwrap(),
                pull: Pull::Node,
                autostart: false,
                merge_kubeconfig: true,
            },
            values: before.values.clone(),
            cluster: None,
        };
        let node_image = format!("--node-image {}", *DEFAULT_NODE_IMAGE);
        assert_eq!(
            now.options_to_restore(&before),
            [
                "--listen 127.0.0.1",
                "--web-port 30080",
                "--api-port 30008",
                "--files-port 30081",
                "--with-ingress=false",
                "--ca-file /dev/null",
                "--data-dir /data",
                "--gpus=none",
                &node_image,
                "--registry-mirror none",
                "--pull auto",
                "--autostart=true",
                "--merge-kubeconfig=false",
            ]
        );
        let options = before.options_to_restore(&now).join(" ");
        assert!(options.contains("--http-port 4 --https-port 5 --ca-file '/my ca.pem'"));
    }
}
