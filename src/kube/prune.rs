//! Prunes objects that were applied for an instance and are no longer rendered.

use std::collections::HashSet;

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject, ListParams, PartialObjectMeta, Preconditions};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::apply::PARALLEL;
use super::calls::with_retries;
use super::kinds::{Identity, Kind};
use super::{Cluster, Error, INSTANCE_LABEL, KEEP_LABEL};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Such as `ConfigMap`.
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
}

/// The rendered objects: group, kind, namespace, name.
type Rendered = HashSet<(String, String, Option<String>, String)>;

impl Cluster {
    /// Deletes objects that have the instance's label and are not among `rendered`
    /// (objects without a namespace belong to the server's). Never deletes volumes, claims
    /// and namespaces, objects with [`KEEP_LABEL`], and objects with an owner.
    pub async fn prune(&self, instance: &str, rendered: &[Value]) -> Result<Vec<Pruned>, Error> {
        let leftovers = self.find_leftovers(instance, rendered).await?;
        self.delete_leftovers(leftovers).await
    }

    /// Deletes everything of an instance except its data, that is, volumes, claims and Secrets.
    pub(crate) async fn remove_server(&self, instance: &str) -> Result<Vec<Pruned>, Error> {
        let mut objects = self.find_leftovers(instance, &[]).await?;
        objects.retain(|(kind, _)| kind.resource().kind != "Secret");
        self.delete_leftovers(objects).await
    }

    async fn delete_leftovers(&self, leftovers: Vec<Leftover>) -> Result<Vec<Pruned>, Error> {
        let mut pruned = Vec::new();
        for (kind, object) in leftovers {
            let resource = kind.resource();
            let api: Api<DynamicObject> = match &object.metadata.namespace {
                Some(space) => Api::namespaced_with(self.client(), space, &resource),
                None => Api::all_with(self.client(), &resource),
            };
            let one = Pruned {
                kind: resource.kind.clone(),
                name: object.metadata.name.unwrap_or_default(),
                namespace: object.metadata.namespace,
            };
            let parameters = DeleteParams {
                // Exactly this object, not a new one with the same name.
                preconditions: Some(Preconditions {
                    uid: object.metadata.uid,
                    resource_version: None,
                }),
                ..DeleteParams::background()
            };
            let what = format!("delete {}/{}", one.kind, one.name);
            match with_retries(&what, || api.delete(&one.name, &parameters)).await {
                Ok(_) => pruned.push(one),
                // The answer to an earlier attempt may be lost.
                Err(error) if error.is_not_found() => pruned.push(one),
                // Replaced by another.
                Err(Error::Refused { status: 409, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pruned)
    }

    /// Returns the objects that [`Cluster::prune`] would delete.
    pub(super) async fn find_leftovers(
        &self,
        instance: &str,
        rendered: &[Value],
    ) -> Result<Vec<Leftover>, Error> {
        let mut keep = Rendered::new();
        for object in rendered.iter().filter(|object| !object.is_null()) {
            let identity = Identity::of(object)?;
            let space = identity
                .namespace
                .clone()
                .or_else(|| Some(self.namespace().to_string()));
            let group = identity.group().to_owned();
            keep.insert((group, identity.kind, space, identity.name));
        }
        let kinds = self.kinds().filter(|kind| kind.pruned);
        let found = kinds.map(|kind| self.find_leftovers_of(*kind, instance, &keep));
        // Without a limit, each request would open a connection, which costs more than it
        // saves.
        let found: Vec<Vec<Leftover>> =
            stream::iter(found).buffered(PARALLEL).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn find_leftovers_of(
        &self,
        kind: Kind,
        instance: &str,
        keep: &Rendered,
    ) -> Result<Vec<Leftover>, Error> {
        let resource = kind.resource();
        let api = self.api_of_kind(kind);
        let ours = ListParams::default()
            .labels(&format!("{INSTANCE_LABEL}={instance},{KEEP_LABEL}!=true"));
        let what = format!("list {}", resource.plural);
        let found = with_retries(&what, || api.list_metadata(&ours)).await?;
        let is_rendered = |object: &PartialObjectMeta<DynamicObject>| {
            let space = object.metadata.namespace.clone();
            let space = space.or_else(|| Some(self.namespace().to_string()));
            let name = object.metadata.name.clone().unwrap_or_default();
            let rendered = |group: &str, kind: &str, name: &str| {
                let key = (
                    group.to_owned(),
                    kind.to_owned(),
                    space.clone(),
                    name.into(),
                );
                keep.contains(&key)
            };
            // A pod whose StatefulSet is recreated around it has no owner for a moment.
            let set = name.rsplit_once('-').map_or("", |(set, _)| set);
            let is_orphan = resource.kind == "Pod" && rendered("apps", "StatefulSet", set);
            is_orphan || rendered(&resource.group, &resource.kind, &name)
        };
        let leftovers = found
            .items
            .into_iter()
            .filter(|object| is_prunable(object) && !is_rendered(object));
        Ok(leftovers.map(|object| (kind, object)).collect())
    }
}

/// An object that is no longer rendered, and its kind.
pub(super) type Leftover = (Kind, PartialObjectMeta<DynamicObject>);

/// Returns whether an object may be deleted. Objects with an owner are deleted with it,
/// such as the pods of a workload, and objects that are being deleted are skipped.
fn is_prunable(object: &PartialObjectMeta<DynamicObject>) -> bool {
    let owned = object
        .metadata
        .owner_references
        .as_ref()
        .is_some_and(|owners| !owners.is_empty());
    !owned && object.metadata.deletion_timestamp.is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kube::mock::{Request, cluster, object, paths};

    /// A server with leftover ConfigMaps and pods.
    fn with_leftovers(request: &Request) -> (u16, Value) {
        let meta = |name: &str, owners: Value| {
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": {
                "name": name, "namespace": "clearml", "uid": format!("uid-{name}"), "ownerReferences": owners}})
        };
        let items = match request.path.split('?').next().unwrap() {
            _ if request.method == "DELETE" => {
                return (200, json!({"kind": "Status", "status": "Success"}));
            }
            "/api/v1/namespaces/clearml/configmaps" => {
                vec![meta("rendered", json!([])), meta("old", json!([]))]
            }
            "/api/v1/namespaces/clearml/pods" => vec![
                meta(
                    "of-a-set",
                    json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u"}]),
                ),
                // Its StatefulSet was recreated, and has not adopted it yet.
                meta("redis-0", json!([])),
            ],
            _ => Vec::new(),
        };
        (
            200,
            json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadataList", "metadata": {}, "items": items}),
        )
    }

    #[tokio::test]
    async fn prune_deletes_objects_that_are_no_longer_rendered() {
        let (cluster, record) = cluster(with_leftovers);
        let rendered = [
            object("ConfigMap", "v1", "rendered"),
            object("StatefulSet", "apps/v1", "redis"),
        ];
        let pruned = cluster.prune("clearml", &rendered).await.unwrap();
        assert_eq!(pruned.len(), 1);
        assert_eq!(
            (pruned[0].kind.as_str(), pruned[0].name.as_str()),
            ("ConfigMap", "old")
        );
        assert_eq!(
            paths(&record, "DELETE"),
            ["/api/v1/namespaces/clearml/configmaps/old?"]
        );
        let record = record.lock().unwrap();
        let delete = record
            .iter()
            .find(|request| request.method == "DELETE")
            .unwrap();
        assert_eq!(delete.body["preconditions"]["uid"], "uid-old");
        assert_eq!(delete.body["propagationPolicy"], "Background");
        for request in record.iter().filter(|request| request.method == "GET") {
            assert!(request.path.contains("labelSelector=clearml-local.io%2Finstance%3Dclearml%2Cclearml-local.io%2Fkeep%21%3Dtrue"), "{}", request.path);
            for kept in ["persistentvolume", "namespaces?"] {
                assert!(!request.path.contains(kept), "{}", request.path);
            }
        }
    }

    #[tokio::test]
    async fn only_objects_in_the_namespace_are_considered() {
        let (cluster, record) = cluster(with_leftovers);
        let cluster = cluster.within("team-a".parse().unwrap());
        cluster.prune("clearml", &[]).await.unwrap();
        let listed = paths(&record, "GET");
        let pods = "/api/v1/namespaces/team-a/pods?";
        assert!(listed.iter().any(|path| path.starts_with(pods)));
        for path in listed {
            let outside = ["classes?", "clusterroles?", "clusterrolebindings?"];
            let is_outside = outside.iter().any(|plural| path.contains(plural));
            assert_eq!(path.contains("/namespaces/team-a/"), !is_outside, "{path}");
        }
    }
}
