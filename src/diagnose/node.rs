//! Whether the node accepts pods, according to the cluster.

use super::{NodeObservation, Stale};
use crate::wait::Reason;

/// The taint of a node that does not accept pods yet.
const NOT_READY: &str = "node.kubernetes.io/not-ready";

/// Returns why one of the nodes does not accept pods. A node that was just created or
/// started needs some seconds before it does.
pub(crate) fn why_no_pods(nodes: &[NodeObservation]) -> Option<Reason> {
    if nodes.is_empty() {
        return Some("its kubelet has not registered it".into());
    }
    nodes.iter().find_map(|node| match node.stale {
        Some(Stale::BeforeStart) => {
            Some("its kubelet has not reported since the node started".into())
        }
        Some(Stale::NoReport) => Some("its kubelet does not report".into()),
        None => not_ready(node),
    })
}

fn not_ready(node: &NodeObservation) -> Option<Reason> {
    let Some(ready) = &node.ready else {
        return Some("its kubelet has not reported".into());
    };
    match ready.status.as_str() {
        "True" => {}
        "Unknown" => return Some("its kubelet does not report".into()),
        _ if ready.message.contains("NetworkPluginNotReady") => {
            return Some("its pod network is not ready".into());
        }
        _ => {
            let text = format!("its kubelet reports: {}", ready.message);
            return Some(Reason::new(ready.reason.clone(), text));
        }
    }
    let tainted = node.taints.iter().any(|taint| taint == NOT_READY);
    tainted.then(|| "it is marked as not ready".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnose::NodeReady;

    fn reason(status: &str, message: &str, taints: &[&str]) -> Option<String> {
        let node = NodeObservation {
            ready: Some(NodeReady {
                status: status.into(),
                reason: "Kubelet".into(),
                message: message.into(),
            }),
            taints: taints.iter().map(|taint| (*taint).to_owned()).collect(),
            stale: None,
        };
        why_no_pods(&[node]).map(|reason| reason.to_string())
    }

    #[test]
    fn a_ready_node_without_the_not_ready_taint_accepts_pods() {
        assert_eq!(reason("True", "kubelet is posting ready status", &[]), None);
        let tainted = reason("True", "", &[NOT_READY]).unwrap();
        assert_eq!(tainted, "it is marked as not ready");
    }

    #[test]
    fn reports_why_a_node_is_not_ready() {
        let unknown = reason("Unknown", "Kubelet stopped posting node status.", &[]);
        assert_eq!(unknown.unwrap(), "its kubelet does not report");
        let network = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized";
        let network = reason("False", network, &[]).unwrap();
        assert_eq!(network, "its pod network is not ready");
        let other = reason("False", "PLEG is not healthy", &[]).unwrap();
        assert_eq!(other, "its kubelet reports: PLEG is not healthy");
    }
}
