//! Who pulls the images that the node lacks.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Where images are pulled that the node lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Pull {
    /// Load what Docker has, and pull the rest in the node; into Docker what the node
    /// cannot reach
    #[default]
    Auto,
    /// Pull into Docker and load from there: a copy stays for other instances
    Engine,
    /// Pull in the node, also what Docker has
    Node,
}

impl Pull {
    /// Whether it is the default, which no file needs to hold.
    pub(super) fn is_default(&self) -> bool {
        *self == Pull::default()
    }
}

/// As the flag takes it.
impl fmt::Display for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pull::Auto => "auto",
            Pull::Engine => "engine",
            Pull::Node => "node",
        })
    }
}
