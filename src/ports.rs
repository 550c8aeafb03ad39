//! The ports of the three servers.

use serde::{Deserialize, Serialize};

/// The host ports, or the node ports, of the three servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Web app.
    pub web: u16,
    /// API server.
    pub api: u16,
    /// File server.
    pub files: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Ports {
            web: 30080,
            api: 30008,
            files: 30081,
        }
    }
}

impl Ports {
    /// Returns whether the web app can derive the URLs of the API server and the file server
    /// from these ports: its code contains only two sets of ports.
    pub fn known_to_web_app(self) -> bool {
        let known = |web, api, files| self == Ports { web, api, files };
        known(30080, 30008, 30081) || known(8080, 8008, 8081)
    }
}
