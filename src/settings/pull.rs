//! Where images are pulled.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// Load images that Docker has, and pull the others in the node (or with Docker, if
    /// the node cannot reach the registry)
    #[default]
    Auto,
    /// Pull with Docker and load from there: other instances can use the copy
    Engine,
    /// Pull in the node, even images that Docker has
    Node,
}

impl Pull {
    /// Returns whether it is the default, which is not saved.
    pub(super) fn is_default(&self) -> bool {
        *self == Pull::default()
    }
}

/// Formats the value as the option accepts it.
impl fmt::Display for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pull::Auto => "auto",
            Pull::Engine => "engine",
            Pull::Node => "node",
        })
    }
}
