//! The saved settings of an instance and their types. `options/` reads the options of the user
//! and applies them to the settings.

mod data;
mod ingress;
mod listen;
mod mirror;
mod name;
mod pull;
mod undo;

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize};

pub use self::data::DataPlace;
pub use self::ingress::{Host, Hosts, Ingress};
pub use self::listen::Listen;
pub use self::mirror::Mirror;
pub use self::name::{DEFAULT_NAME, InstanceName, non_default};
pub use self::pull::Pull;
use crate::image_ref::ImageRef;
use crate::inputs::{KeptFile, SetArgument};
use crate::ports::Ports;
use crate::release::{self, Release};

/// The node image of kind 0.33, pinned by digest.
pub static DEFAULT_NODE_IMAGE: LazyLock<ImageRef> = LazyLock::new(|| {
    let image = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";
    image.parse().expect("the reference is part of the program")
});

/// The settings of an instance. They are saved in the state directory, so that a later `up`
/// without options uses them again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    #[serde(deserialize_with = "listen::deserialize_saved")]
    pub listen: Listen,
    pub ports: Ports,
    /// Name of a release, or path of a release file.
    pub release: String,
    /// The content of the release file, so that later commands work in any directory. Versions
    /// up to 0.1.0 saved only the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_file: Option<KeptFile>,
    #[serde(deserialize_with = "deserialize_node_image")]
    pub node_image: ImageRef,
    pub data_dir: DataPlace,
    /// Values files, lowest precedence first.
    pub values: Vec<KeptFile>,
    /// Arguments of the `--set` options; within each kind, lowest precedence first.
    pub sets: Vec<SetArgument>,
    /// Certificate authorities that the node trusts in addition to the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<KeptFile>,
    /// The registry to pull all images from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_mirror: Option<Mirror>,
    /// Where to pull images that the node lacks.
    #[serde(default, skip_serializing_if = "Pull::is_default")]
    pub pull: Pull,
    /// Whether the engine starts the server after a reboot.
    #[serde(default = "default_autostart")]
    pub autostart: bool,
    /// Whether the user's kubeconfig has a context for the instance.
    #[serde(default)]
    pub merge_kubeconfig: bool,
    /// The ingress controller in the node.
    #[serde(default)]
    pub ingress: Ingress,
}

impl Instance {
    /// Returns the default settings.
    pub fn with_defaults(data_dir: DataPlace) -> Instance {
        Instance {
            listen: Listen::LOOPBACK,
            ports: Ports::default(),
            release: release::DEFAULT.to_owned(),
            release_file: None,
            node_image: DEFAULT_NODE_IMAGE.clone(),
            data_dir,
            values: Vec::new(),
            sets: Vec::new(),
            ca: None,
            registry_mirror: None,
            pull: Pull::default(),
            autostart: default_autostart(),
            merge_kubeconfig: false,
            ingress: Ingress::default(),
        }
    }

    /// Returns the name of the release, which a release file contains.
    pub fn release_name(&self) -> String {
        let file = self.release_file.as_ref();
        let named = file.and_then(|file| Release::from_file_text(&file.text, &file.path).ok());
        named.map_or_else(|| self.release.clone(), |release| release.name)
    }

    /// Takes the release and the values from another instance: the settings that a revision
    /// records and a rollback restores. Ports, data location and node are not among them.
    #[must_use]
    pub fn with_values_and_release_of(self, other: &Instance) -> Instance {
        Instance {
            release: other.release.clone(),
            release_file: other.release_file.clone(),
            values: other.values.clone(),
            sets: other.sets.clone(),
            ..self
        }
    }
}

impl Instance {
    /// Takes the settings that a node was created with: its image, data location and ports.
    #[must_use]
    pub fn with_node_settings_of(self, node: Instance) -> Instance {
        Instance {
            listen: node.listen,
            ports: node.ports,
            node_image: node.node_image,
            data_dir: node.data_dir,
            ingress: Ingress {
                enabled: node.ingress.enabled,
                http_port: match node.ingress.enabled {
                    true => node.ingress.http_port,
                    false => self.ingress.http_port,
                },
                https_port: match node.ingress.enabled {
                    true => node.ingress.https_port,
                    false => self.ingress.https_port,
                },
                ..self.ingress
            },
            ..self
        }
    }
}

/// Deserializes a saved reference. Versions up to 0.1.0 accepted any text and saved it before
/// the node was created; no node was ever created from an invalid reference.
fn deserialize_node_image<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ImageRef, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.parse().unwrap_or_else(|_| DEFAULT_NODE_IMAGE.clone()))
}

impl Instance {
    /// Adopts settings that were saved by another home directory, with the settings that the
    /// node was created with.
    #[must_use]
    pub fn for_this_home(self, made_with: Option<Instance>) -> Instance {
        let settings = match made_with {
            Some(made_with) => self.with_node_settings_of(made_with),
            None => self,
        };
        Instance {
            // It applies to the kubeconfig of that home directory.
            merge_kubeconfig: false,
            ..settings
        }
    }
}

/// Servers start after a reboot, as with ClearML's own compose file.
fn default_autostart() -> bool {
    true
}
