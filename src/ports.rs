//! The node ports of the three servers.

/// The node ports of the three servers. By default, they are those of the chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodePorts {
    /// Web app.
    pub web: u16,
    /// API server.
    pub api: u16,
    /// File server.
    pub files: u16,
}

impl Default for NodePorts {
    fn default() -> Self {
        NodePorts {
            web: 30080,
            api: 30008,
            files: 30081,
        }
    }
}
