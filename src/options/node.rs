//! Options of the node, its data, its images and its kubeconfig context.

use serde::Deserialize;

use super::arguments::ArgExt;
use crate::image_ref::ImageRef;
use crate::settings::{DataPlace, Instance, Mirror, Pull};

/// The heading in `--help`.
pub const NODE: &str = "Node";

options! {
    /// Node options.
    #[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    #[command(next_help_heading = NODE)]
    pub struct NodeOptions {
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
        pub data_dir: Option<DataPlace>,
        /// Image of the Kubernetes node
        #[arg(
            long,
            value_name = "IMAGE",
            env = "CLEARML_LOCAL_NODE_IMAGE",
            hide_short_help = true
        )]
        pub node_image: Option<ImageRef>,
        /// Pull all images from this registry
        ///
        /// `none` removes the mirror.
        #[arg(long, value_name = "HOST[/PATH]", env = "CLEARML_LOCAL_REGISTRY_MIRROR")]
        pub registry_mirror: Option<Mirror>,
        /// Where to pull missing images [default: auto]
        #[arg(
            long,
            value_name = "SOURCE",
            env = "CLEARML_LOCAL_PULL",
            hide_short_help = true
        )]
        pub pull: Option<Pull>,
        /// Start after a reboot [default: true]
        #[arg(long, switch(), env = "CLEARML_LOCAL_AUTOSTART")]
        pub autostart: Option<bool>,
        /// Add a context to your kubeconfig
        ///
        /// The context `clearml-local-NAME`, for kubectl. `down` removes it.
        #[arg(long, switch(), env = "CLEARML_LOCAL_MERGE_KUBECONFIG")]
        pub merge_kubeconfig: Option<bool>,
    }
}

impl NodeOptions {
    pub(super) fn apply(&self, to: Instance) -> Instance {
        let NodeOptions {
            data_dir,
            node_image,
            registry_mirror,
            pull,
            autostart,
            merge_kubeconfig,
        } = self.clone();
        Instance {
            data_dir: data_dir.unwrap_or(to.data_dir),
            node_image: node_image.unwrap_or(to.node_image),
            registry_mirror: registry_mirror
                .or(to.registry_mirror)
                .filter(|mirror| !mirror.is_none()),
            pull: pull.unwrap_or(to.pull),
            autostart: autostart.unwrap_or(to.autostart),
            merge_kubeconfig: merge_kubeconfig.unwrap_or(to.merge_kubeconfig),
            ..to
        }
    }
}
