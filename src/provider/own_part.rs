//! The parts of a support bundle that only the place itself has.

/// A part of a support bundle that the place reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OwnPart {
    /// The engine with its warnings.
    Engine,
    /// The container of the node, as the engine inspects it.
    Container,
    /// What the node printed when it started.
    Console,
    /// The memory, disks, processes, addresses and containers of the node.
    Inside,
    /// The ends of the logs of the cluster itself, such as etcd.
    ClusterLogs,
}

impl OwnPart {
    pub(crate) const OF_NODE: [OwnPart; 5] = [
        OwnPart::Engine,
        OwnPart::Container,
        OwnPart::Console,
        OwnPart::Inside,
        OwnPart::ClusterLogs,
    ];

    /// Returns the path of the part in the bundle.
    pub(crate) fn path(self) -> &'static str {
        match self {
            OwnPart::Engine => "engine/info.json",
            OwnPart::Container => "node/container.json",
            OwnPart::Console => "node/console.log",
            OwnPart::Inside => "node/inside.txt",
            OwnPart::ClusterLogs => "node/cluster.log",
        }
    }
}
