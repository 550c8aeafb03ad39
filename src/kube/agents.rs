//! The agents of an instance: observing and deleting them. Their objects are not pruned by `up`,
//! because the values do not mention them.

use std::fmt::Debug;

use ::kube::api::{DeleteParams, ListParams, ObjectMeta};
use ::kube::{Api, Resource};
use jiff::Timestamp;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Node, Pod, Secret};
use serde::de::DeserializeOwned;

use super::calls::{read, with_retries};
use super::{AGENT_LABEL, AGENT_RECORD, Cluster, Error, INSTANCE_LABEL, QUEUE_ANNOTATION, convert};
use crate::diagnose::{AgentObservation, PodObservation};

impl Cluster {
    /// Observes the agents of the namespace, by name, with the pods of their latest templates. A
    /// namespace belongs to one instance.
    pub(crate) async fn observe_agents(&self) -> Result<Vec<AgentObservation>, Error> {
        let labelled = ListParams::default().labels(AGENT_LABEL);
        let sets = self.namespaced::<StatefulSet>();
        let sets = read("list statefulsets", || sets.list(&labelled))
            .await?
            .items;
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        let (pods, events) = (self.namespaced::<Pod>(), self.namespaced::<Event>());
        let all = ListParams::default();
        let (pods, events, reports) = tokio::try_join!(
            read("list pods", || pods.list(&labelled)),
            read("list events", || events.list(&all)),
            self.reports(),
        )?;
        let observed = sets.iter().map(|set| {
            let name = set.metadata.name.as_deref().unwrap_or_default();
            let mut pods: Vec<PodObservation> = pods
                .items
                .iter()
                .filter(|pod| label(&pod.metadata) == Some(name))
                .filter(|pod| pod.metadata.deletion_timestamp.is_none() && is_current(pod, set))
                .map(convert::pod)
                .collect();
            pods.iter_mut().for_each(|pod| reports.apply(pod));
            pods.sort_by(|one, other| one.name.cmp(&other.name));
            let is_about = |event: &&Event| {
                let about = &event.involved_object;
                let (about_name, uid) = (about.name.as_deref(), about.uid.as_deref());
                about_name == Some(name) || pods.iter().any(|pod| uid == Some(&*pod.uid))
            };
            let mut events: Vec<_> = events
                .items
                .iter()
                .filter(is_about)
                .map(convert::event)
                .collect();
            events.sort_by_key(|event| event.at);
            let annotations = set.metadata.annotations.as_ref();
            let queue = annotations.and_then(|all| all.get(QUEUE_ANNOTATION));
            AgentObservation {
                queue: queue.cloned().unwrap_or_default(),
                at: Timestamp::now(),
                workload: convert::stateful_set(set),
                pods,
                events,
                existing_cluster: self.is_shared(),
            }
        });
        Ok(observed.collect())
    }

    /// Returns the pods of agents that exist, also those that are terminating.
    pub(crate) async fn agent_pods(
        &self,
        instance: &str,
        agent: Option<&str>,
    ) -> Result<Vec<PodObservation>, Error> {
        let labelled = ListParams::default().labels(&of(instance, agent));
        let pods = self.namespaced::<Pod>();
        let pods = read("list pods", || pods.list(&labelled)).await?;
        Ok(pods.items.iter().map(convert::pod).collect())
    }

    /// Returns the settings of the agents of an instance, as they were saved with them.
    pub(crate) async fn agent_records(&self, instance: &str) -> Result<Vec<String>, Error> {
        let labelled = ListParams::default().labels(&of(instance, None));
        let secrets = self.namespaced::<Secret>();
        let secrets = read("list secrets", || secrets.list(&labelled)).await?;
        let records = secrets.items.into_iter().filter_map(|secret| {
            let record = secret.data?.remove(AGENT_RECORD)?;
            String::from_utf8(record.0).ok()
        });
        Ok(records.collect())
    }

    /// Deletes an agent of an instance, or all of them. Claims are kept. Returns the number of
    /// deleted agents.
    pub(crate) async fn delete_agents(
        &self,
        instance: &str,
        agent: Option<&str>,
    ) -> Result<usize, Error> {
        let labelled = &ListParams::default().labels(&of(instance, agent));
        let deleted =
            delete_all(&self.namespaced::<StatefulSet>(), "StatefulSet", labelled).await?;
        delete_all(&self.namespaced::<Secret>(), "Secret", labelled).await?;
        delete_all(&self.namespaced::<ConfigMap>(), "ConfigMap", labelled).await?;
        Ok(deleted)
    }

    /// Returns how many of a resource, such as `nvidia.com/gpu`, the nodes offer to pods; `None`
    /// if reading nodes is not allowed.
    pub(crate) async fn allocatable(&self, resource: &str) -> Result<Option<u64>, Error> {
        let nodes: Api<Node> = Api::all(self.client());
        let all = ListParams::default();
        let nodes = match read("list nodes", || nodes.list(&all)).await {
            Ok(nodes) => nodes.items,
            Err(Error::Refused { status: 403, .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(nodes.iter().map(|node| offered(node, resource)).sum()))
    }
}

fn of(instance: &str, agent: Option<&str>) -> String {
    match agent {
        Some(agent) => format!("{AGENT_LABEL}={agent},{INSTANCE_LABEL}={instance}"),
        None => format!("{AGENT_LABEL},{INSTANCE_LABEL}={instance}"),
    }
}

fn offered(node: &Node, resource: &str) -> u64 {
    let status = node.status.as_ref();
    let allocatable = status.and_then(|status| status.allocatable.as_ref());
    let quantity = allocatable.and_then(|all| all.get(resource));
    quantity.and_then(|one| one.0.parse().ok()).unwrap_or(0)
}

/// Returns whether a pod has the latest template of its set: earlier ones are being replaced.
fn is_current(pod: &Pod, set: &StatefulSet) -> bool {
    let latest = set.status.as_ref();
    let latest = latest.and_then(|status| status.update_revision.as_ref());
    let labels = pod.metadata.labels.as_ref();
    let own = labels.and_then(|labels| labels.get("controller-revision-hash"));
    latest.is_none() || own == latest
}

fn label(meta: &ObjectMeta) -> Option<&str> {
    meta.labels.as_ref()?.get(AGENT_LABEL).map(String::as_str)
}

async fn delete_all<K>(api: &Api<K>, kind: &str, labelled: &ListParams) -> Result<usize, Error>
where
    K: Resource<Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    K::DynamicType: Default,
{
    let what = format!("list {kind}s");
    let found = with_retries(&what, || api.list_metadata(labelled)).await?;
    let names: Vec<String> = found
        .items
        .into_iter()
        .filter_map(|one| one.metadata.name)
        .collect();
    for name in &names {
        let what = format!("delete {kind}/{name}");
        let parameters = DeleteParams::background();
        match with_retries(&what, || api.delete(name, &parameters)).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
    }
    Ok(names.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kube::mock::{cluster, paths};

    #[tokio::test]
    async fn only_agents_of_the_instance_are_deleted_and_no_claims() {
        let (cluster, record) = cluster(|request| {
            let items = json!([{"metadata": {"name": "clearml-local-agent"}}]);
            match request.method.as_str() {
                "GET" => (
                    200,
                    json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "items": items}),
                ),
                _ => (200, json!({"kind": "Status", "status": "Success"})),
            }
        });
        assert_eq!(cluster.delete_agents("demo", None).await.unwrap(), 1);
        for path in paths(&record, "GET") {
            assert!(
                path.contains("agent%2Cclearml-local.io%2Finstance%3Ddemo"),
                "{path}"
            );
        }
        let deleted = paths(&record, "DELETE");
        assert_eq!(deleted.len(), 3, "{deleted:?}");
        assert!(
            !deleted
                .iter()
                .any(|path| path.contains("persistentvolumeclaims"))
        );
    }

    #[tokio::test]
    async fn settings_are_read_from_the_secrets_of_the_agents() {
        let record = k8s_openapi::ByteString(b"the settings".to_vec());
        let (cluster, record) = cluster(move |_| {
            let items = json!([
                {"metadata": {"name": "clearml-local-agent"}, "data": {AGENT_RECORD: record}},
                {"metadata": {"name": "of-an-earlier-version"}, "data": {"clearml.conf": ""}},
            ]);
            let list =
                json!({"kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": items});
            (200, list)
        });
        let found = cluster.agent_records("demo").await.unwrap();
        assert_eq!(found, ["the settings"]);
        let asked = paths(&record, "GET");
        assert!(asked[0].contains("instance%3Ddemo"), "{asked:?}");
    }

    #[test]
    fn a_pod_with_an_earlier_template_is_not_current() {
        let set = |revision: serde_json::Value| -> StatefulSet {
            let status = json!({"replicas": 1, "updateRevision": revision});
            serde_json::from_value(json!({"metadata": {}, "status": status})).unwrap()
        };
        let labels = json!({"controller-revision-hash": "agent-1"});
        let pod: Pod = serde_json::from_value(json!({"metadata": {"labels": labels}})).unwrap();
        assert!(is_current(&pod, &set(json!("agent-1"))));
        assert!(!is_current(&pod, &set(json!("agent-2"))));
        assert!(
            is_current(&pod, &set(json!(null))),
            "no pod was created yet"
        );
    }

    #[test]
    fn gpus_are_counted_as_the_device_plugin_offers_them() {
        let node = |allocatable: serde_json::Value| -> Node {
            serde_json::from_value(json!({"status": {"allocatable": allocatable}})).unwrap()
        };
        let gpu = "nvidia.com/gpu";
        assert_eq!(offered(&node(json!({"cpu": "2", gpu: "4"})), gpu), 4);
        assert_eq!(offered(&node(json!({"cpu": "2"})), gpu), 0);
    }
}
