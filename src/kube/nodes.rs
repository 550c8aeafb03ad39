//! Whether pods can be placed: what the node's conditions, taints and lease say.

use ::kube::Api;
use ::kube::api::ListParams;
use k8s_openapi::api::core::v1::Node;

use super::client::persistent;
use super::{Cluster, Error};
use crate::wait::{Look, Reason};

/// Taints of a node that will take pods in a moment.
const PASSING: &str = "node.kubernetes.io/not-ready";

impl Cluster {
    /// Looks whether every node is ready and takes pods. One that has just been made or
    /// started does not, for some seconds.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub(crate) async fn takes_pods(&self) -> Result<Look<()>, Error> {
        let nodes: Api<Node> = Api::all(self.client());
        let listed = persistent("list nodes", || {
            let nodes = nodes.clone();
            async move { nodes.list(&ListParams::default()).await }
        });
        let listed = listed.await?.items;
        if listed.is_empty() {
            return Ok(Look::NotYet("its kubelet has not registered it".into()));
        }
        let reason = listed.iter().find_map(not_ready);
        Ok(reason.map_or(Look::Done(()), Look::NotYet))
    }
}

/// Why a node takes no pods, if it does not.
fn not_ready(node: &Node) -> Option<Reason> {
    let status = node.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_deref());
    let ready = conditions.unwrap_or_default().iter();
    let Some(ready) = ready.clone().find(|condition| condition.type_ == "Ready") else {
        return Some("its kubelet has not reported".into());
    };
    let message = ready.message.as_deref().unwrap_or_default();
    match ready.status.as_str() {
        "True" => {}
        "Unknown" => return Some("its kubelet does not report".into()),
        _ if message.contains("NetworkPluginNotReady") => {
            return Some("its pod network is not ready".into());
        }
        _ => {
            let kind = ready.reason.clone().unwrap_or_default();
            return Some(Reason::new(kind, format!("its kubelet says: {message}")));
        }
    }
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_deref());
    let mut taints = taints.unwrap_or_default().iter();
    let waits = taints.any(|taint| taint.key == PASSING);
    waits.then(|| "it is marked as not ready".into())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn reason(status: &str, message: &str, taints: Value) -> Option<String> {
        let node = serde_json::from_value(json!({
            "metadata": {"name": "n"},
            "spec": {"taints": taints},
            "status": {"conditions": [{
                "type": "Ready", "status": status, "reason": "Kubelet", "message": message,
            }]},
        }));
        not_ready(&node.unwrap()).map(|reason| reason.to_string())
    }

    #[test]
    fn a_node_is_ready_when_it_says_so_and_takes_pods() {
        assert_eq!(
            reason("True", "kubelet is posting ready status", json!([])),
            None
        );
        let passing = json!([{"key": PASSING, "effect": "NoSchedule"}]);
        let marked = reason("True", "", passing).unwrap();
        assert_eq!(marked, "it is marked as not ready");
    }

    #[test]
    fn a_node_that_is_not_ready_says_why() {
        let unknown = reason("Unknown", "Kubelet stopped posting node status.", json!([]));
        assert_eq!(unknown.unwrap(), "its kubelet does not report");
        let network = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized";
        let network = reason("False", network, json!([])).unwrap();
        assert_eq!(network, "its pod network is not ready");
        let other = reason("False", "PLEG is not healthy", json!([])).unwrap();
        assert_eq!(other, "its kubelet says: PLEG is not healthy");
    }
}
