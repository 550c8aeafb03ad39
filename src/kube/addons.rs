//! Observes the add-ons of a node's cluster, which run in `kube-system`.

use ::kube::Api;
use ::kube::api::ListParams;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::Pod;

use super::calls::read;
use super::{Cluster, Error, convert};
use crate::diagnose::{Addon, AddonObservation};

impl Cluster {
    /// Observes the add-ons that kubeadm and kind install.
    pub(crate) async fn addons(&self) -> Result<Vec<AddonObservation>, Error> {
        let all = ListParams::default();
        let deployments: Api<Deployment> = Api::namespaced(self.client(), "kube-system");
        let daemon_sets: Api<DaemonSet> = Api::namespaced(self.client(), "kube-system");
        let pods: Api<Pod> = Api::namespaced(self.client(), "kube-system");
        let lists = async {
            tokio::try_join!(
                read("list deployments", || deployments.list(&all)),
                read("list daemon sets", || daemon_sets.list(&all)),
                read("list pods", || pods.list(&all)),
            )
        };
        let (deployments, daemon_sets, pods) = Box::pin(lists).await?;
        let counts = deployments.items.iter().map(of_deployment);
        let counts: Vec<_> = counts
            .chain(daemon_sets.items.iter().map(of_daemon_set))
            .collect();
        let observed = Addon::ALL.into_iter().map(|addon| {
            let count = counts.iter().find(|(name, ..)| *name == addon.workload());
            AddonObservation {
                addon,
                desired: count.map(|(_, desired, _)| *desired),
                ready: count.map_or(0, |(_, _, ready)| *ready),
                pods: pods_of(addon, &pods.items).map(convert::pod).collect(),
            }
        });
        Ok(observed.collect())
    }
}

/// Returns name, desired pods and ready pods.
fn of_deployment(object: &Deployment) -> (&str, i32, i32) {
    let desired = object.spec.replicas;
    let ready = object.status.as_ref().and_then(|it| it.ready_replicas);
    let name = object.metadata.name.as_deref().unwrap_or_default();
    (name, desired.unwrap_or(1), ready.unwrap_or(0))
}

/// Returns name, desired pods and ready pods. A new one has no status yet.
fn of_daemon_set(object: &DaemonSet) -> (&str, i32, i32) {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    match &object.status {
        Some(status) if status.observed_generation.is_some() => {
            (name, status.desired_number_scheduled, status.number_ready)
        }
        _ => (name, 1, 0),
    }
}

fn pods_of(addon: Addon, pods: &[Pod]) -> impl Iterator<Item = &Pod> {
    pods.iter().filter(move |pod| {
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        name.strip_prefix(addon.workload())
            .is_some_and(|rest| rest.starts_with('-'))
    })
}
