//! The settings of an instance, as they are kept, and the types that they are made of.
//! `options/` reads what the user asks for and changes the settings by it.

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
pub use self::name::{DEFAULT_NAME, InstanceName, to_type};
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

/// What an instance is made of. Kept in the state directory, so that a later
/// `up` without flags means the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    #[serde(deserialize_with = "listen::kept")]
    pub listen: Listen,
    pub ports: Ports,
    /// Name of a release, or the path of a file that describes one.
    pub release: String,
    /// That file as it was read, so that later commands work from any directory.
    /// Versions up to 0.1.0 kept the path only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release_file: Option<KeptFile>,
    #[serde(deserialize_with = "kept_node_image")]
    pub node_image: ImageRef,
    pub data_dir: DataPlace,
    /// Values files, weakest first.
    pub values: Vec<KeptFile>,
    /// Arguments of `--set` and its kin; of each kind the weakest first.
    pub sets: Vec<SetArgument>,
    /// Certificate authorities that the node trusts beside the public ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<KeptFile>,
    /// Where images are pulled from instead of their own registries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_mirror: Option<Mirror>,
    /// Where images are pulled that the node lacks.
    #[serde(default, skip_serializing_if = "Pull::is_default")]
    pub pull: Pull,
    /// Whether the engine starts the server again after the machine was rebooted.
    #[serde(default = "starts_again")]
    pub autostart: bool,
    /// Whether the user's own kubeconfig has a context for the instance.
    #[serde(default)]
    pub merge_kubeconfig: bool,
    /// The ingress controller in the node, if any, and who is reached through it.
    #[serde(default)]
    pub ingress: Ingress,
}

impl Instance {
    /// Returns the settings of an instance for which nothing was chosen.
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
            autostart: starts_again(),
            merge_kubeconfig: false,
            ingress: Ingress::default(),
        }
    }

    /// The name of the release: what its file says, where it comes from one.
    pub fn release_name(&self) -> String {
        let file = self.release_file.as_ref();
        let named = file.and_then(|file| Release::from_file_text(&file.text, &file.path).ok());
        named.map_or_else(|| self.release.clone(), |release| release.name)
    }

    /// This instance with the other's choice: what a revision remembers and a rollback
    /// brings back. Ports, places and the node are not part of it.
    #[must_use]
    pub fn with_choice_of(self, other: &Instance) -> Instance {
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
    /// This instance with what a node was made with: where it is, and how it is reached.
    #[must_use]
    pub fn with_place_of(self, node: Instance) -> Instance {
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

/// Reads what is kept. Versions up to 0.1.0 took any text, and kept it before the node
/// was created: no node was ever created from what is not a reference.
fn kept_node_image<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ImageRef, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.parse().unwrap_or_else(|_| DEFAULT_NODE_IMAGE.clone()))
}

impl Instance {
    /// These settings, which another home chose, as this one takes them over, with what
    /// the node was made with.
    #[must_use]
    pub fn seen_from_another_home(self, made_with: Option<Instance>) -> Instance {
        let settings = match made_with {
            Some(made_with) => self.with_place_of(made_with),
            None => self,
        };
        Instance {
            // Of that user's own kubeconfig.
            merge_kubeconfig: false,
            ..settings
        }
    }
}

/// Servers come back after a reboot, as those of ClearML's own compose file do.
fn starts_again() -> bool {
    true
}
