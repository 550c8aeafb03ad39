//! Prune: what was applied for an instance once and is no longer rendered goes.

use std::collections::HashSet;

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject, ListParams, PartialObjectMeta, Preconditions};
use futures_util::future::try_join_all;
use serde_json::Value;

use super::client::persistent;
use super::kinds::{Identity, KINDS, Kind};
use super::{Cluster, Error, INSTANCE_LABEL, KEEP_LABEL};

/// One deleted object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// Such as `ConfigMap`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The object's namespace, where its kind has one.
    pub namespace: Option<String>,
}

/// What is rendered, as prune compares it: group, kind, namespace, name.
type Rendered = HashSet<(String, String, Option<String>, String)>;

impl Cluster {
    /// Deletes objects that carry the instance's label and are not among
    /// `rendered` (objects without a namespace count as of `namespace`). Never
    /// volumes, claims and namespaces, never what is labelled to be kept, never
    /// what another object owns.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn prune(
        &self,
        instance: &str,
        rendered: &[Value],
        namespace: &str,
    ) -> Result<Vec<Pruned>, Error> {
        let mut keep = Rendered::new();
        for object in rendered.iter().filter(|object| !object.is_null()) {
            let identity = Identity::of(object)?;
            let space = identity.namespace.clone().or(Some(namespace.to_owned()));
            let group = identity.group().to_owned();
            keep.insert((group, identity.kind, space, identity.name));
        }
        let kinds = KINDS.iter().filter(|kind| kind.pruned);
        let pruned =
            try_join_all(kinds.map(|kind| self.prune_kind(kind, instance, &keep, namespace)));
        Ok(pruned.await?.into_iter().flatten().collect())
    }

    async fn prune_kind(
        &self,
        kind: &Kind,
        instance: &str,
        keep: &Rendered,
        namespace: &str,
    ) -> Result<Vec<Pruned>, Error> {
        let resource = kind.resource();
        let everywhere: Api<DynamicObject> = Api::all_with(self.client(), &resource);
        let ours = ListParams::default()
            .labels(&format!("{INSTANCE_LABEL}={instance},{KEEP_LABEL}!=true"));
        let what = format!("list {}", resource.plural);
        let found = persistent(&what, || everywhere.list_metadata(&ours)).await?;
        let mut pruned = Vec::new();
        for object in found.items.into_iter().filter(may_go) {
            let name = object.metadata.name.unwrap_or_default();
            let space = object.metadata.namespace;
            let counted = space.clone().or(Some(namespace.to_owned()));
            let key = (
                resource.group.clone(),
                resource.kind.clone(),
                counted,
                name.clone(),
            );
            if keep.contains(&key) {
                continue;
            }
            let api: Api<DynamicObject> = match &space {
                Some(space) => Api::namespaced_with(self.client(), space, &resource),
                None => everywhere.clone(),
            };
            let parameters = DeleteParams {
                // The very object that was seen, not one that took its name since.
                preconditions: Some(Preconditions {
                    uid: object.metadata.uid,
                    resource_version: None,
                }),
                ..DeleteParams::background()
            };
            let what = format!("delete {}/{name}", resource.kind);
            match persistent(&what, || api.delete(&name, &parameters)).await {
                Ok(_) => pruned.push(Pruned {
                    kind: resource.kind.clone(),
                    name,
                    namespace: space,
                }),
                // Gone in the meantime, or replaced by another.
                Err(Error::Refused {
                    status: 404 | 409, ..
                }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(pruned)
    }
}

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
