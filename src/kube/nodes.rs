//! Whether pods can be placed: what the node's conditions, taints and lease say.

use std::collections::BTreeMap;

use ::kube::Api;
use ::kube::api::{ListParams, ObjectList};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;

use super::client::{bounded, persistent};
use super::reports::Reports;
use super::{Cluster, Error};
use crate::diagnose::Stale;
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
        let (nodes, leases) = persistent("list nodes", || self.nodes_and_leases()).await?;
        let (nodes, leases) = (nodes.items, leases.items);
        if nodes.is_empty() {
            return Ok(Look::NotYet("its kubelet has not registered it".into()));
        }
        let reports = Reports::of(&nodes, &leases, self.node_started());
        let reason = nodes.iter().find_map(|node| {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            let stale = reports.of_node(name).map(|stale| match stale {
                Stale::BeforeStart => "its kubelet has not reported since the node started".into(),
                Stale::NoReport => "its kubelet does not report".into(),
            });
            stale.or_else(|| not_ready(node))
        });
        Ok(reason.map_or(Look::Done(()), Look::NotYet))
    }

    /// The labels of each node.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub(crate) async fn node_labels(&self) -> Result<Vec<BTreeMap<String, String>>, Error> {
        let nodes: Api<Node> = Api::all(self.client());
        let all = ListParams::default();
        let nodes = persistent("list nodes", || nodes.list(&all)).await?;
        let labels = nodes.items.into_iter().map(|node| node.metadata.labels);
        Ok(labels.map(Option::unwrap_or_default).collect())
    }

    /// What nodes and leases say of the kubelets' reports; nothing where they may not
    /// be read.
    pub(super) async fn reports(&self) -> Result<Reports, Error> {
        let started = self.node_started();
        match bounded("list nodes", self.nodes_and_leases()).await {
            Ok((nodes, leases)) => Ok(Reports::of(&nodes.items, &leases.items, started)),
            Err(Error::Refused { .. }) => Ok(Reports::default()),
            Err(error) => Err(error),
        }
    }

    async fn nodes_and_leases(
        &self,
    ) -> Result<(ObjectList<Node>, ObjectList<Lease>), ::kube::Error> {
        let all = ListParams::default();
        let nodes: Api<Node> = Api::all(self.client());
        let leases: Api<Lease> = Api::all(self.client());
        tokio::try_join!(nodes.list(&all), leases.list(&all))
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
            return Some(Reason::new(kind, format!("its kubelet reports: {message}")));
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
        assert_eq!(other, "its kubelet reports: PLEG is not healthy");
    }
}
