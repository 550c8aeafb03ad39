//! Prune: what was applied for an instance once and is no longer rendered goes.

use std::collections::HashSet;

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject, ListParams, PartialObjectMeta, Preconditions};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::Value;

use super::apply::WIDTH;
use super::client::persistent;
use super::kinds::{Identity, KINDS, Kind};
use super::{Cluster, Error, INSTANCE_LABEL, KEEP_LABEL};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Such as `ConfigMap`.
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
}

/// What is rendered, as prune compares it: group, kind, namespace, name.
type Rendered = HashSet<(String, String, Option<String>, String)>;

impl Cluster {
    /// Deletes objects that carry the instance's label and are not among
    /// `rendered` (objects without a namespace count as of `namespace`). Never
    /// volumes, claims and namespaces, never what is labelled to be kept, never
    /// what another object owns.
    pub async fn prune(
        &self,
        instance: &str,
        rendered: &[Value],
        namespace: &str,
    ) -> Result<Vec<Pruned>, Error> {
        let mut pruned = Vec::new();
        for (kind, object) in self.left_over(instance, rendered, namespace).await? {
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
                // The very object that was seen, not one that took its name since.
                preconditions: Some(Preconditions {
                    uid: object.metadata.uid,
                    resource_version: None,
                }),
                ..DeleteParams::background()
            };
            let what = format!("delete {}/{}", one.kind, one.name);
            match persistent(&what, || api.delete(&one.name, &parameters)).await {
                Ok(_) => pruned.push(one),
                // Gone in the meantime, or replaced by another.
                Err(Error::Refused {
                    status: 404 | 409, ..
                }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pruned)
    }

    /// What [`Cluster::prune`] would delete.
    pub(super) async fn left_over(
        &self,
        instance: &str,
        rendered: &[Value],
        namespace: &str,
    ) -> Result<Vec<LeftOver>, Error> {
        let mut keep = Rendered::new();
        for object in rendered.iter().filter(|object| !object.is_null()) {
            let identity = Identity::of(object)?;
            let space = identity.namespace.clone().or(Some(namespace.to_owned()));
            let group = identity.group().to_owned();
            keep.insert((group, identity.kind, space, identity.name));
        }
        let kinds = KINDS.iter().filter(|kind| kind.pruned);
        let found = kinds.map(|kind| self.left_over_of(*kind, instance, &keep, namespace));
        // All at once would open a connection for each, which costs more than it saves.
        let found: Vec<Vec<LeftOver>> = stream::iter(found).buffered(WIDTH).try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    async fn left_over_of(
        &self,
        kind: Kind,
        instance: &str,
        keep: &Rendered,
        namespace: &str,
    ) -> Result<Vec<LeftOver>, Error> {
        let resource = kind.resource();
        let everywhere: Api<DynamicObject> = Api::all_with(self.client(), &resource);
        let ours = ListParams::default()
            .labels(&format!("{INSTANCE_LABEL}={instance},{KEEP_LABEL}!=true"));
        let what = format!("list {}", resource.plural);
        let found = persistent(&what, || everywhere.list_metadata(&ours)).await?;
        let is_rendered = |object: &PartialObjectMeta<DynamicObject>| {
            let space = object.metadata.namespace.clone();
            let space = space.or(Some(namespace.to_owned()));
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
            // A pod of a StatefulSet that was made anew around it has no owner for a
            // moment.
            let set = name.rsplit_once('-').map_or("", |(set, _)| set);
            let awaited = resource.kind == "Pod" && rendered("apps", "StatefulSet", set);
            awaited || rendered(&resource.group, &resource.kind, &name)
        };
        let left = found
            .items
            .into_iter()
            .filter(|object| may_go(object) && !is_rendered(object));
        Ok(left.map(|object| (kind, object)).collect())
    }
}

/// An object that is rendered no more, and its kind.
pub(super) type LeftOver = (Kind, PartialObjectMeta<DynamicObject>);

/// Objects with an owner go with it, such as a workload's pods; what is on its
/// way out needs no second push.
fn may_go(object: &PartialObjectMeta<DynamicObject>) -> bool {
    let owned = object
        .metadata
        .owner_references
        .as_ref()
        .is_some_and(|owners| !owners.is_empty());
    !owned && object.metadata.deletion_timestamp.is_none()
}
