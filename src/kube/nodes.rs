//! Whether pods can be placed.

use ::kube::Api;
use ::kube::api::ListParams;
use k8s_openapi::api::core::v1::Node;

use super::client::persistent;
use super::{Cluster, Error};

/// Taints of a node that will take pods in a moment.
const PASSING: &str = "node.kubernetes.io/not-ready";

impl Cluster {
    /// Whether every node says that it is ready and takes pods. A node that has just
    /// been made or started does not, for some seconds.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn nodes_ready(&self) -> Result<bool, Error> {
        let nodes: Api<Node> = Api::all(self.client());
        let listed = persistent("list the nodes", || {
            let nodes = nodes.clone();
            async move { nodes.list(&ListParams::default()).await }
        });
        let listed = listed.await?.items;
        Ok(!listed.is_empty() && listed.iter().all(is_ready))
    }
}

fn is_ready(node: &Node) -> bool {
    let conditions = node
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = conditions.is_some_and(|conditions| {
        let mut conditions = conditions.iter();
        conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
    });
    let taints = node.spec.as_ref().and_then(|spec| spec.taints.as_ref());
    let waits = taints.is_some_and(|taints| taints.iter().any(|taint| taint.key == PASSING));
    ready && !waits
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(ready: &str, taints: serde_json::Value) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": "n"},
            "spec": {"taints": taints},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    #[test]
    fn a_node_is_ready_when_it_says_so_and_takes_pods() {
        assert!(is_ready(&node("True", json!([]))));
        assert!(!is_ready(&node("False", json!([]))));
        let passing = json!([{"key": PASSING, "effect": "NoSchedule"}]);
        assert!(!is_ready(&node("True", passing)));
    }
}
