//! Observes the nodes of the cluster.

use std::collections::BTreeMap;

use ::kube::Api;
use ::kube::api::{ListParams, ObjectList};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;

use super::calls::{read, with_retries};
use super::reports::Reports;
use super::{Cluster, Error, convert};
use crate::diagnose::NodeObservation;

impl Cluster {
    /// Observes the conditions, taints and leases of the nodes.
    pub(crate) async fn observe_nodes(&self) -> Result<Vec<NodeObservation>, Error> {
        let (nodes, leases) = with_retries("list nodes", || self.nodes_and_leases()).await?;
        let (nodes, leases) = (nodes.items, leases.items);
        let reports = Reports::of(&nodes, &leases, self.node_started());
        let observed = nodes.iter().map(|node| {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            NodeObservation {
                stale: reports.of_node(name),
                ..convert::node(node)
            }
        });
        Ok(observed.collect())
    }

    pub(crate) async fn node_labels(&self) -> Result<Vec<BTreeMap<String, String>>, Error> {
        let nodes: Api<Node> = Api::all(self.client());
        let all = ListParams::default();
        let nodes = with_retries("list nodes", || nodes.list(&all)).await?;
        let labels = nodes.items.into_iter().map(|node| node.metadata.labels);
        Ok(labels.map(Option::unwrap_or_default).collect())
    }

    /// Reads the reports of kubelets from nodes and leases. Returns none if reading them
    /// is not allowed.
    pub(super) async fn reports(&self) -> Result<Reports, Error> {
        let started = self.node_started();
        match read("list nodes", || self.nodes_and_leases()).await {
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
