//! Observes all components with one round of parallel lists.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt::Debug;

use ::kube::api::{ListParams, ObjectMeta};
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::core::v1::{Event, PersistentVolumeClaim, Pod};
use serde::de::DeserializeOwned;

use super::calls::read;
use super::reports::Reports;
use super::{COMPONENT_LABEL, Cluster, Error, convert};
use crate::component::Component;
use crate::diagnose::{
    ClaimObservation, ComponentObservation, EventObservation, WorkloadObservation,
};

/// The annotation with the revision of a Deployment or ReplicaSet.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// The maximum number of events per component.
const EVENTS: usize = 20;

/// All objects of the namespace that show the state of components.
struct Snapshot {
    at: Timestamp,
    pods: Vec<Pod>,
    deployments: Vec<Deployment>,
    replica_sets: Vec<ReplicaSet>,
    stateful_sets: Vec<StatefulSet>,
    claims: Vec<PersistentVolumeClaim>,
    events: Vec<Event>,
    reports: Reports,
    existing_cluster: bool,
}

impl Cluster {
    /// Observes all components, in the order in which they depend on each other.
    pub async fn observe(&self) -> Result<Vec<ComponentObservation>, Error> {
        let labelled = ListParams::default().labels(COMPONENT_LABEL);
        let all = ListParams::default();
        let lists = async {
            tokio::try_join!(
                self.list("pods", &labelled),
                self.list("deployments", &all),
                self.list("replicasets", &all),
                self.list("statefulsets", &all),
                self.list("persistentvolumeclaims", &all),
                self.list("events", &all),
                self.reports(),
            )
        };
        let (pods, deployments, replica_sets, stateful_sets, claims, events, reports) =
            Box::pin(lists).await?;
        let snapshot = Snapshot {
            at: Timestamp::now(),
            pods,
            deployments,
            replica_sets,
            stateful_sets,
            claims,
            events,
            reports,
            existing_cluster: self.is_shared(),
        };
        let observed = Component::ALL.into_iter();
        let mut observed: Vec<_> = observed
            .map(|component| snapshot.component(component))
            .collect();
        mark_address_conflicts(&mut observed);
        let ready = observed.iter().filter(|one| one.is_ready());
        let ready: Vec<Component> = ready.map(|one| one.component).collect();
        for one in &mut observed {
            one.others_ready.clone_from(&ready);
        }
        Ok(observed)
    }

    async fn list<K>(&self, what: &str, parameters: &ListParams) -> Result<Vec<K>, Error>
    where
        K: ::kube::Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
        K::DynamicType: Default,
    {
        let api = self.namespaced::<K>();
        let what = format!("list {what}");
        Ok(read(&what, || api.list(parameters)).await?.items)
    }
}

impl Snapshot {
    fn component(&self, component: Component) -> ComponentObservation {
        let (workload, revision) = match self.deployment(component) {
            (None, _) => self.stateful_set(component),
            found => found,
        };
        let name = workload.as_ref().map(|workload| workload.name.clone());
        let (current, old): (Vec<&Pod>, Vec<&Pod>) = self
            .pods
            .iter()
            .filter(|pod| label(&pod.metadata, COMPONENT_LABEL) == Some(component.name()))
            .partition(|pod| {
                pod.metadata.deletion_timestamp.is_none()
                    && revision
                        .as_deref()
                        .is_none_or(|revision| is_of(pod, revision))
            });
        let replacing = old.iter().any(gets_requests);
        // An old pod that runs until a new one is ready is not stopping.
        let stopping = |pod: &&Pod| current.is_empty() || pod.metadata.deletion_timestamp.is_some();
        let stopping = old
            .into_iter()
            .filter(stopping)
            .filter_map(|pod| pod.metadata.name.clone())
            .collect();
        let mut pods: Vec<_> = current.into_iter().map(convert::pod).collect();
        pods.iter_mut().for_each(|pod| self.reports.apply(pod));
        pods.sort_by_key(|pod| Reverse(pod.created));
        let mut claims: Vec<_> = self
            .claims
            .iter()
            .filter(|claim| is_part(&claim.metadata, component))
            .map(convert::claim)
            .collect();
        // A claim that is not bound comes first.
        claims.sort_by_key(|claim| (claim.phase == "Bound", claim.name.clone()));
        let claim = claims.into_iter().next();
        let uids: HashSet<&str> = pods.iter().map(|pod| pod.uid.as_str()).collect();
        ComponentObservation {
            component,
            at: self.at,
            events: self.events(name.as_deref(), claim.as_ref(), &uids),
            workload,
            stopping,
            replacing,
            pods,
            claim,
            others_ready: Vec::new(),
            existing_cluster: self.existing_cluster,
        }
    }

    /// Returns the Deployment, and the hash of its current ReplicaSet.
    fn deployment(&self, component: Component) -> (Option<WorkloadObservation>, Option<String>) {
        let Some(object) = self
            .deployments
            .iter()
            .find(|object| is_part(&object.metadata, component))
        else {
            return (None, None);
        };
        let revision = annotation(&object.metadata, REVISION);
        let current = self.replica_sets.iter().find(|set| {
            owned_by(&set.metadata, object.metadata.uid.as_deref())
                && annotation(&set.metadata, REVISION) == revision
        });
        let hash = current.and_then(|set| label(&set.metadata, "pod-template-hash"));
        let mut workload = convert::deployment(object);
        // The lists are not from the same moment. Without the current set, it is unknown
        // which pods are current.
        workload.observed &= hash.is_some();
        (Some(workload), hash.map(str::to_owned))
    }

    /// Returns the StatefulSet, and the name of its current revision.
    fn stateful_set(&self, component: Component) -> (Option<WorkloadObservation>, Option<String>) {
        let Some(object) = self
            .stateful_sets
            .iter()
            .find(|object| is_part(&object.metadata, component))
        else {
            return (None, None);
        };
        let status = object.status.as_ref();
        let revision = status.and_then(|status| status.update_revision.clone());
        (Some(convert::stateful_set(object)), revision)
    }

    /// Returns the events of the component's workload, claim and current pods, oldest
    /// first.
    fn events(
        &self,
        workload: Option<&str>,
        claim: Option<&ClaimObservation>,
        pods: &HashSet<&str>,
    ) -> Vec<EventObservation> {
        let sets: HashSet<&str> = self
            .replica_sets
            .iter()
            .filter_map(|set| set.metadata.name.as_deref())
            .filter(|name| {
                name.rsplit_once('-')
                    .is_some_and(|(owner, _)| Some(owner) == workload)
            })
            .collect();
        let mut events: Vec<_> = self
            .events
            .iter()
            .filter(|event| {
                let about = &event.involved_object;
                let name = about.name.as_deref().unwrap_or_default();
                match about.kind.as_deref().unwrap_or_default() {
                    "Pod" => about.uid.as_deref().is_some_and(|uid| pods.contains(uid)),
                    "Deployment" | "StatefulSet" => Some(name) == workload,
                    "ReplicaSet" => sets.contains(name),
                    "PersistentVolumeClaim" => claim.is_some_and(|claim| claim.name == name),
                    _ => false,
                }
            })
            .map(convert::event)
            .collect();
        events.sort_by_key(|event| event.at);
        events.split_off(events.len().saturating_sub(EVENTS))
    }
}

/// Marks the pods that have the address of another pod. A stale status has an earlier address.
fn mark_address_conflicts(observed: &mut [ComponentObservation]) {
    let pods = observed.iter().flat_map(|one| &one.pods);
    let present = pods.filter(|pod| pod.stale.is_none() && !pod.has_ended());
    let addresses: Vec<(String, String)> = present
        .filter_map(|pod| Some((pod.name.clone(), pod.address.clone()?)))
        .collect();
    for pod in observed.iter_mut().flat_map(|one| &mut one.pods) {
        let counts = addresses.iter().any(|(name, _)| *name == pod.name);
        let mut others = addresses.iter().filter(|(name, _)| *name != pod.name);
        let same = others.find(|(_, address)| counts && pod.address.as_ref() == Some(address));
        pod.shares_address_with = same.map(|(name, _)| name.clone());
    }
}

/// Returns whether an object belongs to a component and is not being deleted: a replaced
/// object with another name may still exist.
fn is_part(meta: &ObjectMeta, component: Component) -> bool {
    label(meta, COMPONENT_LABEL) == Some(component.name()) && meta.deletion_timestamp.is_none()
}

/// Returns whether a pod still gets requests. A pod that is being deleted gets no new
/// ones, and ours answer for some seconds more.
fn gets_requests(pod: &&Pod) -> bool {
    !convert::has_ended(pod) && pod.metadata.deletion_timestamp.is_none()
}

fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.labels.as_ref()?.get(key).map(String::as_str)
}

fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(key).map(String::as_str)
}

fn owned_by(meta: &ObjectMeta, uid: Option<&str>) -> bool {
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    owners.iter().any(|owner| Some(owner.uid.as_str()) == uid)
}

/// Returns whether a pod belongs to a revision: the template hash of a ReplicaSet or the
/// revision of a StatefulSet.
fn is_of(pod: &Pod, revision: &str) -> bool {
    label(&pod.metadata, "pod-template-hash")
        .or_else(|| label(&pod.metadata, "controller-revision-hash"))
        == Some(revision)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnose::fixtures;

    #[test]
    fn pods_with_one_address_know_of_each_other() {
        let ready = || fixtures::with_status(Component::Redis, json!({"ready": true}));
        let with_address = |name: &str, address: &str| {
            let mut one = ready();
            one.pods[0].name = name.to_owned();
            one.pods[0].address = Some(address.to_owned());
            one
        };
        let mut observed = [
            with_address("a", "10.244.0.5"),
            with_address("b", "10.244.0.5"),
            with_address("c", "10.244.0.6"),
        ];
        mark_address_conflicts(&mut observed);
        let others = observed.each_ref().map(|one| {
            let conflict = one.address_conflict();
            conflict.and_then(|pod| pod.shares_address_with.as_deref())
        });
        assert_eq!(others, [Some("b"), Some("a"), None]);
        assert!(!observed[0].is_ready());

        observed[0].pods[0].stale = Some(crate::diagnose::Stale::BeforeStart);
        mark_address_conflicts(&mut observed);
        assert!(observed.iter().all(|one| one.address_conflict().is_none()));
    }
}
