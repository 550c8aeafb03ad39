//! The command with which a user looks into the cluster of an instance.

use crate::component::NAMESPACE;

/// `kubectl`, with what leads it to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kubectl {
    /// Such as `docker exec`.
    runner: &'static str,
    /// Such as `demo-control-plane kubectl`.
    program: String,
}

impl Kubectl {
    /// The command in a node, which has its own kubectl.
    pub(crate) fn in_node(node: &str) -> Kubectl {
        Kubectl {
            runner: "docker exec",
            program: format!("{node} kubectl"),
        }
    }

    /// Returns the command with these arguments, in the namespace of the server.
    pub(crate) fn run(&self, arguments: &str) -> String {
        self.on_cluster(&format!("-n {NAMESPACE} {arguments}"))
    }

    /// Returns the same command for one that needs a terminal.
    pub(crate) fn run_on_terminal(&self, arguments: &str) -> String {
        let Kubectl { runner, program } = self;
        format!("{runner} -it {program} -n {NAMESPACE} {arguments}")
    }

    /// Returns the command for objects that are in no namespace.
    pub(crate) fn on_cluster(&self, arguments: &str) -> String {
        let Kubectl { runner, program } = self;
        format!("{runner} {program} {arguments}")
    }
}
