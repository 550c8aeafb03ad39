//! Server-side apply, with one field manager and forced ownership. Reports which objects
//! changed.

use std::collections::BTreeMap;

use ::kube::Api;
use ::kube::api::{DynamicObject, Patch, PatchParams};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Map, Value};

use super::calls::with_retries;
use super::kinds::{Identity, Resolved};
use super::{Cluster, Error, FIELD_MANAGER, replace};

/// The number of objects that are applied in parallel.
pub(super) const PARALLEL: usize = 8;

/// How an apply changed an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Unchanged,
    Updated,
    Created,
}

impl Change {
    /// Returns the word that kubectl prints.
    pub fn word(self) -> &'static str {
        match self {
            Change::Unchanged => "unchanged",
            Change::Updated => "changed",
            Change::Created => "created",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Such as `Deployment`.
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
    pub change: Change,
}

impl Applied {
    /// Returns whether it is the same object, whatever was done to it.
    pub(crate) fn is_same(&self, other: &Applied) -> bool {
        (&self.kind, &self.name, &self.namespace) == (&other.kind, &other.name, &other.namespace)
    }
}

impl Cluster {
    /// Applies objects in waves: namespaces and other cluster-scoped objects first, then
    /// claims and configuration, then workloads. The objects of a wave are applied in
    /// parallel. Objects without a namespace get the server's. `List`s are expanded and
    /// empty documents skipped, so that the node's own manifests can be passed. A
    /// workload whose change the server refuses as immutable, and that is not in the
    /// plan, is recreated: it is deleted with its pods, but without its claims.
    /// Idempotent. Returns the results in the order of `objects`.
    ///
    /// # Errors
    /// If an object is refused. Later waves are not applied then.
    pub async fn apply(&self, objects: &[Value]) -> Result<Vec<Applied>, Error> {
        let mut waves: BTreeMap<u8, Vec<(usize, Value)>> = BTreeMap::new();
        for (index, object) in expand_lists(objects).into_iter().enumerate() {
            waves
                .entry(wave(object["kind"].as_str().unwrap_or_default()))
                .or_default()
                .push((index, object));
        }
        let mut applied = Vec::new();
        for objects in waves.into_values() {
            let wave: Vec<(usize, Applied)> = stream::iter(objects)
                .map(|(index, object)| async move {
                    let applied = self.apply_one(object).await?;
                    Ok::<_, Error>((index, applied))
                })
                .buffer_unordered(PARALLEL)
                .try_collect()
                .await?;
            applied.extend(wave);
        }
        applied.sort_by_key(|(index, _)| *index);
        Ok(applied.into_iter().map(|(_, applied)| applied).collect())
    }

    async fn apply_one(&self, mut object: Value) -> Result<Applied, Error> {
        let mut identity = Identity::of(&object)?;
        let api = self.api_of(&mut identity).await?;
        prepare(&identity, &mut object)?;
        let name = &identity.name;
        let before = with_retries(&format!("read {identity}"), || api.get_opt(name)).await?;
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&object);
        let what = format!("apply {identity}");
        let apply = || api.patch(name, &parameters, &patch);
        let after = match with_retries(&what, apply).await {
            Err(error) if replace::is_needed(&identity, &error) => {
                tracing::info!(%identity, %error, "recreated");
                let uid = before
                    .as_ref()
                    .and_then(|before| before.metadata.uid.clone());
                replace::delete(&api, &identity, uid, replace::Pods::Stop).await?;
                with_retries(&what, apply).await?
            }
            answer => answer?,
        };
        let change = match before {
            None => Change::Created,
            Some(before) => difference(before, after),
        };
        Ok(Applied {
            kind: identity.kind,
            name: identity.name,
            namespace: identity.namespace,
            change,
        })
    }
}

impl Cluster {
    /// Returns the API for an object. Sets its namespace to the server's if it has none and
    /// its kind is namespaced.
    pub(super) async fn api_of(
        &self,
        identity: &mut Identity,
    ) -> Result<Api<DynamicObject>, Error> {
        let Resolved {
            resource,
            namespaced,
        } = self.resolve(identity).await?;
        Ok(if namespaced {
            let space = identity
                .namespace
                .get_or_insert_with(|| self.namespace().to_string());
            Api::namespaced_with(self.client(), space, &resource)
        } else {
            identity.namespace = None;
            Api::all_with(self.client(), &resource)
        })
    }
}

/// Converts an object to the form that is sent.
pub(super) fn prepare(identity: &Identity, object: &mut Value) -> Result<(), Error> {
    if identity.kind == "Secret" {
        encode_string_data(object)?;
    }
    Ok(())
}

/// Returns whether the desired state of an object changed. The resource version is not
/// enough: a controller may have written the status meanwhile.
fn difference(mut before: DynamicObject, mut after: DynamicObject) -> Change {
    if before.metadata.resource_version == after.metadata.resource_version {
        return Change::Unchanged;
    }
    for object in [&mut before, &mut after] {
        object.metadata.resource_version = None;
        object.metadata.managed_fields = None;
        object.metadata.generation = None;
        if let Some(data) = object.data.as_object_mut() {
            data.remove("status");
        }
    }
    match before.metadata == after.metadata && before.data == after.data {
        true => Change::Unchanged,
        false => Change::Updated,
    }
}

/// Returns in which wave a kind is applied, from 0 to 3.
pub(crate) fn wave(kind: &str) -> u8 {
    match kind {
        "Namespace" | "CustomResourceDefinition" | "PriorityClass" => 0,
        // Before the claims: Kubernetes checks a claim that waits for its volume again
        // only after some seconds.
        "PersistentVolume" | "StorageClass" | "ClusterRole" | "ClusterRoleBinding" => 1,
        // Before the ingresses: an ingress without a class gets the default class only
        // when it is created.
        "IngressClass" => 1,
        "Deployment" | "StatefulSet" | "DaemonSet" | "Pod" | "Job" | "CronJob" => 3,
        _ => 2,
    }
}

/// Expands `List`s and skips empty documents.
pub(super) fn expand_lists(objects: &[Value]) -> Vec<Value> {
    let mut expanded = Vec::with_capacity(objects.len());
    for object in objects {
        let kind = object.get("kind").and_then(Value::as_str);
        match (kind, object.get("items").and_then(Value::as_array)) {
            (Some(kind), Some(items)) if kind.ends_with("List") => {
                expanded.extend(expand_lists(items))
            }
            _ if object.is_null() || object.as_object().is_some_and(Map::is_empty) => {}
            _ => expanded.push(object.clone()),
        }
    }
    expanded
}

/// Moves the `stringData` of a Secret into `data`: the server does not store
/// `stringData`, so its fields would not be owned, and a removed key would remain.
fn encode_string_data(secret: &mut Value) -> Result<(), Error> {
    let invalid = |problem: &str| Error::Object {
        problem: format!("invalid Secret: {problem}"),
    };
    let Some(object) = secret.as_object_mut() else {
        return Err(invalid("expected a map"));
    };
    let strings = match object.shift_remove("stringData") {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(strings)) => strings,
        Some(_) => return Err(invalid("expected `stringData` to be a map")),
    };
    let data = object
        .entry("data")
        .or_insert_with(|| Value::Object(Map::new()));
    if data.is_null() {
        *data = Value::Object(Map::new());
    }
    let Some(data) = data.as_object_mut() else {
        return Err(invalid("expected `data` to be a map"));
    };
    for (key, value) in strings {
        let Some(text) = value.as_str() else {
            return Err(invalid(&format!(
                "expected `stringData.{key}` to be a string"
            )));
        };
        data.insert(key, Value::String(BASE64_STANDARD.encode(text)));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
