//! The node, its data, its images and its kubeconfig context.

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer};

use super::arguments::ArgExt;
use super::network::NETWORK;
use super::{Certificates, DataPlace, Mirror, NodeGpus, Pull};
use crate::image_ref::ImageRef;
use crate::path::HostPath;

/// The heading in `--help`.
pub const NODE: &str = "Node";

/// The node image of kind 0.33, pinned by digest.
pub static DEFAULT_NODE_IMAGE: LazyLock<ImageRef> = LazyLock::new(|| {
    let image = "kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5";
    image.parse().expect("the reference is part of the program")
});

settings! {
    /// The node.
    #[command(next_help_heading = NODE)]
    pub struct NodeOptions => NodeSettings(data_dir: DataPlace) {
        /// PEM file with CA certificates for the node and for agents
        ///
        /// The node and the pods of agents trust them; in an existing cluster, only these pods.
        /// Needed behind a proxy that inspects TLS, and for a registry
        /// whose certificate is signed by a private CA. Public CAs stay trusted. An empty file
        /// removes the certificates.
        #[arg(
            long,
            value_name = "FILE",
            env = "CLEARML_LOCAL_CA_FILE",
            help_heading = NETWORK,
            value_hint = clap::ValueHint::FilePath
        )]
        #[saved(default, skip_serializing_if = "Certificates::is_none")]
        pub ca_file: HostPath => ca: Certificates = Certificates::default(),
        /// Directory for the data, or volume:NAME
        ///
        /// A directory on this machine, or a Docker volume. `down` keeps it. If you change it
        /// later, the data are copied to the new directory.
        #[arg(
            long,
            value_name = "DIR",
            env = "CLEARML_LOCAL_DATA_DIR",
            value_hint = clap::ValueHint::DirPath
        )]
        pub data_dir: DataPlace = data_dir,
        /// Give the node this machine's NVIDIA GPUs
        ///
        /// For agents (`agent up --gpus`). Docker needs NVIDIA's container toolkit. If you change
        /// it later, the node is recreated, and the data are kept. `none` takes them away again.
        #[arg(
            long,
            value_name = "all|none",
            env = "CLEARML_LOCAL_GPUS",
            num_args = 0..=1,
            require_equals = true,
            default_missing_value = "all",
            hide_possible_values = true
        )]
        #[saved(default, skip_serializing_if = "NodeGpus::is_none")]
        pub gpus: NodeGpus = NodeGpus::None,
        /// Image of the Kubernetes node
        #[arg(
            long,
            value_name = "IMAGE",
            env = "CLEARML_LOCAL_NODE_IMAGE",
            hide_short_help = true
        )]
        #[saved(deserialize_with = "deserialize_node_image")]
        pub node_image: ImageRef = DEFAULT_NODE_IMAGE.clone(),
        /// Pull all images from this registry
        ///
        /// `none` removes the mirror.
        #[arg(long, value_name = "HOST[/PATH]", env = "CLEARML_LOCAL_REGISTRY_MIRROR")]
        #[saved(default, skip_serializing_if = "Mirror::is_none")]
        pub registry_mirror: Mirror = Mirror::default(),
        /// Where to pull missing images [default: auto]
        #[arg(
            long,
            value_name = "SOURCE",
            env = "CLEARML_LOCAL_PULL",
            hide_short_help = true
        )]
        #[saved(default, skip_serializing_if = "Pull::is_default")]
        pub pull: Pull = Pull::default(),
        /// Start after a reboot [default: true]
        #[arg(long, switch(), env = "CLEARML_LOCAL_AUTOSTART")]
        #[saved(default = "default_autostart")]
        pub autostart: bool = default_autostart(),
        /// Add a context to your kubeconfig
        ///
        /// The context `clearml-local-NAME`, for kubectl. `down` removes it.
        #[arg(
            long,
            switch(),
            env = "CLEARML_LOCAL_MERGE_KUBECONFIG",
            hide_short_help = true
        )]
        #[saved(default)]
        pub merge_kubeconfig: bool = false,
    }
}

/// Servers start after a reboot, as with ClearML's own compose file.
fn default_autostart() -> bool {
    true
}

/// Deserializes a saved reference. Versions up to 0.1.0 accepted any text and saved it before
/// the node was created; no node was ever created from an invalid reference.
fn deserialize_node_image<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ImageRef, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text.parse().unwrap_or_else(|_| DEFAULT_NODE_IMAGE.clone()))
}
