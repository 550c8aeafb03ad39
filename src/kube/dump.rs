//! Lists objects as the API returns them, for `support-bundle`.

use std::collections::HashSet;

use ::kube::Api;
use ::kube::api::{DynamicObject, ListParams};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;

use super::apply::PARALLEL;
use super::calls::read;
use super::kinds::{Kind, kind};
use super::{Cluster, Error, INSTANCE_LABEL};

/// The maximum number of objects of a kind.
const LIMIT: u32 = 3000;

/// The kinds that others create for ours.
const CREATED: [Kind; 2] = [
    kind("apps", "v1", "ReplicaSet", "replicasets", true, false),
    kind("", "v1", "Event", "events", true, false),
];
const NODE: Kind = kind("", "v1", "Node", "nodes", false, false);

/// The objects of one kind.
#[derive(Debug)]
pub(crate) struct Dumped {
    /// Such as `Deployment`.
    pub(crate) kind: &'static str,
    /// Such as `deployments`.
    pub(crate) plural: &'static str,
    pub(crate) objects: Result<Vec<Value>, Error>,
    /// Whether there are more.
    pub(crate) more: bool,
}

impl Cluster {
    /// Lists the objects of all kinds that matter to an instance. In a cluster that has other
    /// users, lists only those of the instance and their events.
    pub(crate) async fn dump(&self, instance: &str) -> Vec<Dumped> {
        let kinds = self.kinds().chain(&CREATED).chain(match self.is_shared() {
            true => None,
            false => Some(&NODE),
        });
        let listing = kinds.map(|kind| self.dump_kind(*kind, instance));
        let all = stream::iter(listing).buffered(PARALLEL);
        let mut all: Vec<Dumped> = all.collect().await;
        if self.is_shared() {
            leave_out_events_of_others(&mut all);
        }
        all
    }

    async fn dump_kind(&self, kind: Kind, instance: &str) -> Dumped {
        let mut parameters = ListParams::default().limit(LIMIT);
        let api: Api<DynamicObject> = match self.is_shared() {
            true => self.api_of_kind(kind),
            // Nobody else uses the cluster.
            false => Api::all_with(self.client(), &kind.resource()),
        };
        if self.is_shared() && kind.kind != "Event" {
            parameters = parameters.labels(&format!("{INSTANCE_LABEL}={instance}"));
        }
        let what = format!("list {}", kind.plural);
        let listed = read(&what, || api.list(&parameters)).await;
        let more = listed.as_ref().is_ok_and(|list| {
            list.metadata
                .continue_
                .as_deref()
                .is_some_and(|next| !next.is_empty())
        });
        let resource = kind.resource();
        let objects = listed.map(|list| {
            let objects = list.items.into_iter();
            let value = |object| {
                let mut value = serde_json::to_value(object).unwrap_or_default();
                // Items of a list have no type.
                value["apiVersion"] = resource.api_version.clone().into();
                value["kind"] = resource.kind.clone().into();
                value
            };
            objects.map(value).collect()
        });
        Dumped {
            kind: kind.kind,
            plural: kind.plural,
            objects,
            more,
        }
    }
}

/// Leaves out the events about objects that were not listed.
fn leave_out_events_of_others(all: &mut [Dumped]) {
    let uid = |object: &Value, pointer: &str| {
        let uid = object.pointer(pointer).and_then(Value::as_str);
        uid.map(str::to_owned)
    };
    let listed = all.iter().filter_map(|one| one.objects.as_ref().ok());
    let known: HashSet<String> = listed
        .flatten()
        .filter_map(|object| uid(object, "/metadata/uid"))
        .collect();
    for events in all.iter_mut().filter(|one| one.kind == "Event") {
        if let Ok(events) = &mut events.objects {
            events.retain(|event| {
                uid(event, "/involvedObject/uid").is_some_and(|uid| known.contains(&uid))
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::kube::mock::{self, paths, refusal};
    use crate::namespace::Namespace;

    #[tokio::test]
    async fn a_shared_cluster_shows_only_what_belongs_to_the_instance() {
        let (cluster, record) = mock::cluster(|request| {
            let about =
                |uid: &str| json!({"metadata": {"name": uid}, "involvedObject": {"uid": uid}});
            let items = match &request.path {
                path if path.contains("/events") => json!([about("mine"), about("other")]),
                path if path.contains("/pods") => {
                    json!([{"metadata": {"name": "p", "uid": "mine"}}])
                }
                path if path.contains("/secrets") => return refusal(403, "Forbidden", "no"),
                _ => json!([]),
            };
            (
                200,
                json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items}),
            )
        });
        let namespace: Namespace = "team".parse().unwrap();
        let all = cluster.within(namespace).dump("demo").await;
        let find = |plural: &str| all.iter().find(|one| one.plural == plural).unwrap();
        assert_eq!(find("pods").objects.as_ref().unwrap()[0]["kind"], "Pod");
        let events = find("events").objects.as_ref().unwrap();
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["metadata"]["name"], "mine");
        assert!(find("secrets").objects.is_err());
        assert!(!all.iter().any(|one| one.plural == "nodes"));
        for path in paths(&record, "GET") {
            assert!(path.contains("/namespaces/team/"), "{path}");
            let is_limited = path.contains("clearml-local.io%2Finstance%3Ddemo");
            assert!(is_limited || path.contains("/events"), "{path}");
        }
    }
}
