//! The GPUs of the node.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// The GPUs of this machine that the node gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum NodeGpus {
    /// No GPUs
    #[default]
    None,
    /// All NVIDIA GPUs that Docker can give to containers
    All,
}

impl NodeGpus {
    /// Returns whether it is the default, which is not saved.
    pub(crate) fn is_none(&self) -> bool {
        *self == NodeGpus::None
    }
}

/// Formats the value as the option accepts it.
impl fmt::Display for NodeGpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NodeGpus::None => "none",
            NodeGpus::All => "all",
        })
    }
}
