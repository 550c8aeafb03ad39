//! The node ports of the three servers and of the ingress controller.

/// The node ports of the ingress controller, for HTTP and HTTPS. They differ from the
/// chart's, and are in the range that Kubernetes does not assign by itself (30000 to
/// 30085).
pub const INGRESS_NODE_PORTS: [u16; 2] = [30082, 30083];

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
