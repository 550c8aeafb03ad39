//! Compares each object with the result of an apply, by a dry run on the server.

use ::kube::Api;
use ::kube::api::{DynamicObject, Patch, PatchParams};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};

use super::apply::{PARALLEL, expand_lists, prepare};
use super::calls::with_retries;
use super::execute_plan::identity_of;
use super::kinds::Identity;
use super::plan::{Action, PlannedChange};
use super::{Cluster, Error, FIELD_MANAGER};
use crate::redact::mask_objects;

/// An object before and after an apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Such as `Deployment`.
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
    /// The current object, or `None` if it would be created. Without the fields that
    /// Kubernetes maintains, and with masked secrets.
    pub before: Option<Value>,
    /// The object after an apply, or `None` if it would be deleted.
    pub after: Option<Value>,
}

impl Compared {
    /// Returns the comparison for a cluster without any of these objects.
    pub fn all_new(objects: &[Value]) -> Result<Vec<Compared>, Error> {
        let new = |mut object: Value| {
            let identity = Identity::of(&object)?;
            prepare(&identity, &mut object)?;
            let space = identity.namespace.clone();
            Ok(Compared::of(identity, space, None, Some(object)))
        };
        expand_lists(objects).into_iter().map(new).collect()
    }

    /// Returns whether the object would change.
    pub fn differs(&self) -> bool {
        self.before != self.after
    }

    fn of(
        identity: Identity,
        namespace: Option<String>,
        mut before: Option<Value>,
        mut after: Option<Value>,
    ) -> Compared {
        for object in [&mut before, &mut after].into_iter().flatten() {
            strip(object);
        }
        mask_objects(&identity.kind, before.as_mut(), after.as_mut());
        Compared {
            kind: identity.kind,
            name: identity.name,
            namespace,
            before,
            after,
        }
    }
}

impl Cluster {
    /// Compares the objects with those in the cluster, including those that would be
    /// pruned. An object that would be recreated is compared with a new one.
    pub async fn compare(
        &self,
        instance: &str,
        objects: &[Value],
        planned: &[PlannedChange],
    ) -> Result<Vec<Compared>, Error> {
        let compared = stream::iter(expand_lists(objects))
            .map(|object| self.compare_one(object, planned))
            .buffered(PARALLEL);
        let mut compared: Vec<Compared> = compared.try_collect().await?;
        for one in planned {
            if let Action::Rebind { claim, .. } = &one.how
                && *claim != one.name
            {
                let identity = Identity {
                    api_version: "v1".to_owned(),
                    kind: one.kind.clone(),
                    name: one.name.clone(),
                    namespace: one.namespace.clone(),
                };
                compared.extend(self.removed(identity).await?);
            }
        }
        for (kind, object) in self.find_leftovers(instance, objects).await? {
            let identity = identity_of(kind, &object.metadata);
            compared.extend(self.removed(identity).await?);
        }
        Ok(compared)
    }

    async fn compare_one(
        &self,
        mut object: Value,
        planned: &[PlannedChange],
    ) -> Result<Compared, Error> {
        let mut identity = Identity::of(&object)?;
        let api = self.api_of(&mut identity).await?;
        prepare(&identity, &mut object)?;
        let what = format!("read {identity}");
        let before = with_retries(&what, || api.get_opt(&identity.name)).await?;
        let is_recreated = before.is_some()
            && planned
                .iter()
                .any(|one| one.is_about(&identity.kind, &identity.name) && one.how.recreates());
        let before = before.map(to_value);
        let after = if is_recreated {
            dry_run_as_new(&api, &identity, &object).await?
        } else {
            match dry_run(&api, &identity, &identity.name, &object).await {
                // A service that is deleted or recreated first has the port.
                Err(Error::Refused { message, .. })
                    if message.contains("port is already allocated")
                        && planned.iter().any(|one| one.kind == "Service") =>
                {
                    None
                }
                answer => answer?,
            }
        };
        let after = after.unwrap_or_else(|| match &before {
            Some(before) => overlay(before, &object),
            None => object.clone(),
        });
        let namespace = identity.namespace.clone();
        Ok(Compared::of(identity, namespace, before, Some(after)))
    }

    async fn removed(&self, mut identity: Identity) -> Result<Option<Compared>, Error> {
        let api = self.api_of(&mut identity).await?;
        let what = format!("read {identity}");
        let found = with_retries(&what, || api.get_opt(&identity.name)).await?;
        let namespace = identity.namespace.clone();
        Ok(found.map(|found| Compared::of(identity, namespace, Some(to_value(found)), None)))
    }
}

impl Action {
    fn recreates(&self) -> bool {
        !matches!(
            self,
            Action::DeleteWithItsPods | Action::ScaleToZero | Action::DeleteFirst
        )
    }
}

/// Returns the server's answer to a dry-run apply, or `None` if the namespace does not
/// exist yet.
async fn dry_run(
    api: &Api<DynamicObject>,
    identity: &Identity,
    name: &str,
    object: &Value,
) -> Result<Option<Value>, Error> {
    let parameters = PatchParams::apply(FIELD_MANAGER).force().dry_run();
    let patch = Patch::Apply(object);
    let what = format!("apply {identity}");
    match with_retries(&what, || api.patch(name, &parameters, &patch)).await {
        Ok(answer) => Ok(Some(to_value(answer))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the same for an object that would be recreated, by a dry run with another
/// name. Returns `None` if that is refused, for instance because both objects need the
/// same port.
async fn dry_run_as_new(
    api: &Api<DynamicObject>,
    identity: &Identity,
    object: &Value,
) -> Result<Option<Value>, Error> {
    let name = format!("{:.200}-new", identity.name);
    let mut other = object.clone();
    other["metadata"]["name"] = json!(name);
    match dry_run(api, identity, &name, &other).await {
        Ok(answer) => Ok(answer.map(|mut answer| {
            answer["metadata"]["name"] = json!(identity.name);
            answer
        })),
        Err(Error::Refused { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn to_value(object: DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// Overlays an object with `over`, if a dry run on the server is not possible.
fn overlay(object: &Value, over: &Value) -> Value {
    match (object, over) {
        (Value::Object(object), Value::Object(over)) => {
            let mut map = object.clone();
            for (key, value) in over {
                let below = overlay(map.get(key).unwrap_or(&Value::Null), value);
                map.insert(key.clone(), below);
            }
            Value::Object(map)
        }
        (Value::Array(items), Value::Array(over)) if items.len() == over.len() => {
            let pairs = items.iter().zip(over);
            Value::Array(pairs.map(|(item, over)| overlay(item, over)).collect())
        }
        (_, over) => over.clone(),
    }
}

/// Removes the fields that Kubernetes maintains.
fn strip(object: &mut Value) {
    const MAINTAINED: [&str; 7] = [
        "managedFields",
        "resourceVersion",
        "uid",
        "generation",
        "creationTimestamp",
        "selfLink",
        "finalizers",
    ];
    const CONTROLLER_PREFIXES: [&str; 3] = [
        "deployment.kubernetes.io/",
        "pv.kubernetes.io/",
        "volume.kubernetes.io/",
    ];
    let Some(map) = object.as_object_mut() else {
        return;
    };
    map.shift_remove("status");
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !MAINTAINED.contains(&key.as_str()));
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.retain(|key, _| {
                !CONTROLLER_PREFIXES
                    .iter()
                    .any(|prefix| key.starts_with(prefix))
            });
        }
        let empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
        if metadata.get("annotations").is_some_and(empty) {
            metadata.shift_remove("annotations");
        }
    }
    let claim = object.pointer_mut("/spec/claimRef");
    if let Some(claim) = claim.and_then(Value::as_object_mut) {
        claim.retain(|key, _| key != "uid" && key != "resourceVersion");
    }
    sort(object);
}

/// Sorts keys, because the server's answers have another order.
fn sort(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort);
        }
        Value::Array(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(data: Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": data})
    }

    #[test]
    fn a_changed_secret_is_marked_and_masked() {
        let identity = Identity::of(&secret(json!({}))).unwrap();
        let before = secret(json!({"a": "b2xk", "b": "c2FtZQ=="}));
        let after = secret(json!({"a": "bmV3", "b": "c2FtZQ==", "c": "YWRk"}));
        let compared = Compared::of(identity, None, Some(before), Some(after));
        assert!(compared.differs());
        let data = |side: &Option<Value>| side.as_ref().unwrap()["data"].clone();
        assert_eq!(
            data(&compared.before),
            json!({"a": "********", "b": "********"})
        );
        assert_eq!(
            data(&compared.after),
            json!({"a": "******** (changed)", "b": "********", "c": "********"})
        );
    }

    #[test]
    fn fields_that_kubernetes_maintains_are_ignored() {
        let identity = Identity::of(&secret(json!({}))).unwrap();
        let mut before = secret(json!({}));
        before["metadata"]["resourceVersion"] = json!("1");
        before["metadata"]["managedFields"] = json!([{"manager": "x"}]);
        before["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "3"});
        before["status"] = json!({"replicas": 1});
        let after = secret(json!({}));
        let compared = Compared::of(identity, None, Some(before), Some(after));
        assert!(!compared.differs(), "{compared:?}");
    }
}
