//! What an apply would change: each object as it is, and as the server says it would
//! be. Nothing is changed by asking.

use ::kube::Api;
use ::kube::api::{DynamicObject, Patch, PatchParams};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Map, Value, json};

use super::apply::{WIDTH, open_lists, prepare};
use super::carry_out::named;
use super::client::persistent;
use super::kinds::Identity;
use super::plan::{How, Planned};
use super::{Cluster, Error, FIELD_MANAGER};
use crate::redact::mask_objects;

/// One object, before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Compared {
    /// Such as `Deployment`.
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
    /// As it is; `None` where it would be made. Without what Kubernetes writes for
    /// itself, and with secrets masked.
    pub before: Option<Value>,
    /// As it would be; `None` where it would be removed.
    pub after: Option<Value>,
}

impl Compared {
    /// Objects that would be made where nothing is.
    pub fn all_new(objects: &[Value], namespace: &str) -> Result<Vec<Compared>, Error> {
        let new = |mut object: Value| {
            let identity = Identity::of(&object)?;
            prepare(&identity, &mut object)?;
            let namespaced = object["metadata"].get("namespace").is_some();
            let space = namespaced.then(|| namespace.to_owned());
            Ok(Compared::of(identity, space, None, Some(object)))
        };
        open_lists(objects).into_iter().map(new).collect()
    }

    /// Whether the object would be another.
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
    /// Compares the objects with what is there, also what would be pruned. An object
    /// that is planned to be made anew is compared with a new one.
    ///
    /// # Errors
    /// When the server does not answer, or says that it would refuse an object.
    pub async fn compare(
        &self,
        instance: &str,
        objects: &[Value],
        namespace: &str,
        planned: &[Planned],
    ) -> Result<Vec<Compared>, Error> {
        let compared = stream::iter(open_lists(objects))
            .map(|object| self.compare_one(object, namespace, planned))
            .buffered(WIDTH);
        let mut compared: Vec<Compared> = compared.try_collect().await?;
        for one in planned {
            if let How::BoundAgain { claim, .. } = &one.how
                && *claim != one.name
            {
                let identity = Identity {
                    api_version: "v1".to_owned(),
                    kind: one.kind.clone(),
                    name: one.name.clone(),
                    namespace: one.namespace.clone(),
                };
                compared.extend(self.removed(identity, namespace).await?);
            }
        }
        for (kind, object) in self.left_over(instance, objects, namespace).await? {
            let identity = named(kind, &object.metadata);
            compared.extend(self.removed(identity, namespace).await?);
        }
        Ok(compared)
    }

    async fn compare_one(
        &self,
        mut object: Value,
        namespace: &str,
        planned: &[Planned],
    ) -> Result<Compared, Error> {
        let mut identity = Identity::of(&object)?;
        let api = self.api_of(&mut identity, namespace).await?;
        prepare(&identity, &mut object)?;
        let what = format!("read {identity}");
        let before = persistent(&what, || api.get_opt(&identity.name)).await?;
        let anew = before.is_some()
            && planned
                .iter()
                .any(|one| one.is_about(&identity.kind, &identity.name) && one.how.makes_anew());
        let before = before.map(plain);
        let after = if anew {
            as_new(&api, &identity, &object).await?
        } else {
            match dry_run(&api, &identity, &identity.name, &object).await {
                // Of one that is to give it up first.
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
            Some(before) => laid_over(before, &object),
            None => object.clone(),
        });
        let namespace = identity.namespace.clone();
        Ok(Compared::of(identity, namespace, before, Some(after)))
    }

    async fn removed(
        &self,
        mut identity: Identity,
        namespace: &str,
    ) -> Result<Option<Compared>, Error> {
        let api = self.api_of(&mut identity, namespace).await?;
        let what = format!("read {identity}");
        let found = persistent(&what, || api.get_opt(&identity.name)).await?;
        let namespace = identity.namespace.clone();
        Ok(found.map(|found| Compared::of(identity, namespace, Some(plain(found)), None)))
    }
}

impl How {
    fn makes_anew(&self) -> bool {
        !matches!(self, How::Ended | How::Paused | How::Removed)
    }
}

/// The server's answer to an apply that is not kept. `None` where the namespace is not
/// there yet.
async fn dry_run(
    api: &Api<DynamicObject>,
    identity: &Identity,
    name: &str,
    object: &Value,
) -> Result<Option<Value>, Error> {
    let parameters = PatchParams::apply(FIELD_MANAGER).force().dry_run();
    let patch = Patch::Apply(object);
    let what = format!("apply {identity}");
    match persistent(&what, || api.patch(name, &parameters, &patch)).await {
        Ok(answer) => Ok(Some(plain(answer))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same for an object that would take the place of one with its name: asked for
/// under another. `None` where that cannot be had, as for a port that both want.
async fn as_new(
    api: &Api<DynamicObject>,
    identity: &Identity,
    object: &Value,
) -> Result<Option<Value>, Error> {
    let name = format!("{:.200}-anew", identity.name);
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

fn plain(object: DynamicObject) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}

/// `over` laid over an object, where the server cannot be asked what would become of
/// it.
fn laid_over(object: &Value, over: &Value) -> Value {
    match (object, over) {
        (Value::Object(object), Value::Object(over)) => {
            let mut map = object.clone();
            for (key, value) in over {
                let below = laid_over(map.get(key).unwrap_or(&Value::Null), value);
                map.insert(key.clone(), below);
            }
            Value::Object(map)
        }
        (Value::Array(items), Value::Array(over)) if items.len() == over.len() => {
            let pairs = items.iter().zip(over);
            Value::Array(pairs.map(|(item, over)| laid_over(item, over)).collect())
        }
        (_, over) => over.clone(),
    }
}

/// Takes away what Kubernetes writes for itself.
fn strip(object: &mut Value) {
    const OURS_ALONE: [&str; 7] = [
        "managedFields",
        "resourceVersion",
        "uid",
        "generation",
        "creationTimestamp",
        "selfLink",
        "finalizers",
    ];
    const OF_CONTROLLERS: [&str; 3] = [
        "deployment.kubernetes.io/",
        "pv.kubernetes.io/",
        "volume.kubernetes.io/",
    ];
    let Some(map) = object.as_object_mut() else {
        return;
    };
    map.shift_remove("status");
    if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|key, _| !OURS_ALONE.contains(&key.as_str()));
        if let Some(annotations) = metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
        {
            annotations.retain(|key, _| !OF_CONTROLLERS.iter().any(|own| key.starts_with(own)));
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

/// Brings keys into one order: the server's answers have theirs.
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
    fn a_changed_secret_is_seen_and_not_read() {
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
    fn what_kubernetes_writes_is_no_difference() {
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
