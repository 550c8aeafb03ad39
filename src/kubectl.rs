//! The command with which a user looks into the cluster of an instance.

use crate::namespace::Namespace;
use crate::path::{HostPath, quoted};

/// `kubectl`, with what leads it to the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kubectl {
    /// The command that runs it, if it is not on this machine, and the same on a terminal.
    runner: Option<[&'static str; 2]>,
    /// Such as `demo-control-plane kubectl` or `kubectl --context production`.
    program: String,
    /// The option of the namespace.
    option: &'static str,
    namespace: Namespace,
}

impl Kubectl {
    /// The command in a node, which has its own kubectl.
    pub(crate) fn in_node(node: &str) -> Kubectl {
        Kubectl {
            runner: Some(["docker exec", "docker exec -it"]),
            program: format!("{node} kubectl"),
            option: "-n",
            namespace: Namespace::default(),
        }
    }

    /// The user's kubectl with a context and, if it is not in a usual place, its file.
    pub(crate) fn with_context(
        context: &str,
        kubeconfig: Option<&HostPath>,
        namespace: &Namespace,
    ) -> Kubectl {
        let file = kubeconfig.map(|file| format!(" --kubeconfig {}", quoted(file)));
        let file = file.unwrap_or_default();
        Kubectl {
            runner: None,
            program: format!("kubectl{file} --context {}", quoted(context)),
            option: "--namespace",
            namespace: namespace.clone(),
        }
    }

    /// Whether the cluster is that of a node that belongs to the instance.
    pub(crate) fn is_in_node(&self) -> bool {
        self.runner.is_some()
    }

    /// The namespace of the server.
    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Returns the command with these arguments, in the namespace of the server.
    pub(crate) fn run(&self, arguments: &str) -> String {
        self.command(false, &self.in_namespace(arguments))
    }

    /// Returns the same command for one that needs a terminal.
    pub(crate) fn run_on_terminal(&self, arguments: &str) -> String {
        self.command(true, &self.in_namespace(arguments))
    }

    /// Returns the command for objects that are in no namespace.
    pub(crate) fn on_cluster(&self, arguments: &str) -> String {
        self.command(false, arguments)
    }

    fn in_namespace(&self, arguments: &str) -> String {
        let Kubectl {
            option, namespace, ..
        } = self;
        format!("{option} {namespace} {arguments}")
    }

    fn command(&self, on_terminal: bool, arguments: &str) -> String {
        let program = &self.program;
        match self.runner {
            Some(runners) => {
                format!(
                    "{} {program} {arguments}",
                    runners[usize::from(on_terminal)]
                )
            }
            None => format!("{program} {arguments}"),
        }
    }
}
