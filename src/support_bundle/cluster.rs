//! The objects and the events of the cluster.

use serde_json::{Value, json};

use super::gather::{Gathered, NO_CLUSTER, Reading, in_time, reason};
use super::{Sources, TIMEOUT};
use crate::error::Error;
use crate::kube::{Cluster, Dumped};
use crate::provider::ClusterState;
use crate::redact::{MASK, Redactor, Secrecy, mask, mask_objects};

/// The annotation in which kubectl keeps a copy of an object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The largest file of objects, in bytes.
const LIMIT: usize = 4 << 20;

/// Reads the objects, and returns the connection to the cluster if its API answers.
pub(super) async fn gather(sources: &Sources<'_>, gathered: &mut Gathered) -> Option<Cluster> {
    let mut reading = Reading::start(sources.events, "objects");
    let cluster = match connect(sources).await {
        Ok(cluster) => cluster,
        Err(why) => {
            gathered.unread("objects", why);
            reading.failed();
            reading.finish();
            return None;
        }
    };
    let dumping = async { Ok(cluster.dump(sources.name.as_str()).await) };
    match in_time(TIMEOUT * 2, dumping).await {
        Ok(dumped) => {
            for kind in dumped {
                match add(kind, gathered) {
                    true => reading.read(1),
                    false => reading.failed(),
                }
            }
        }
        Err(why) => {
            gathered.unread("objects", why);
            reading.failed();
        }
    }
    reading.finish();
    Some(cluster)
}

async fn connect(sources: &Sources<'_>) -> Result<Cluster, String> {
    let provider = sources.provider.map_err(reason)?;
    match in_time(TIMEOUT, provider.cluster()).await? {
        ClusterState::Ready(cluster) => Ok(cluster),
        ClusterState::Absent => Err(NO_CLUSTER.to_owned()),
        ClusterState::Unavailable(why) => Err(why.to_string()),
    }
}

/// Adds the objects of a kind, unless they could not be listed.
fn add(dumped: Dumped, gathered: &mut Gathered) -> bool {
    let path = match dumped.kind {
        "Event" => "events.json".to_owned(),
        _ => format!("objects/{}.json", dumped.plural),
    };
    let mut objects = match dumped.objects {
        Ok(objects) => objects,
        Err(error) => {
            gathered.unread(&path, reason(&Error::from(error)));
            return false;
        }
    };
    for object in &mut objects {
        redact(dumped.kind, object, &mut gathered.redactor);
    }
    objects.sort_by_cached_key(changed);
    let count = objects.len();
    let mut size = 0;
    // The latest ones are kept.
    let mut kept: Vec<Value> = objects
        .into_iter()
        .rev()
        .take_while(|object| {
            size += object.to_string().len();
            size <= LIMIT
        })
        .collect();
    kept.reverse();
    let cut = dumped.more || kept.len() < count;
    gathered.json(
        &path,
        json!({"items": kept, "complete": !cut, "count": count}),
    );
    true
}

/// Returns when an object was last changed, as far as it says so.
fn changed(object: &Value) -> String {
    let fields = [
        "/lastTimestamp",
        "/eventTime",
        "/metadata/creationTimestamp",
    ];
    let found = fields
        .iter()
        .find_map(|field| object.pointer(field).and_then(Value::as_str));
    found.unwrap_or_default().to_owned()
}

/// Masks the secrets of an object and learns them.
fn redact(kind: &str, object: &mut Value, redactor: &mut Redactor) {
    if kind == "Secret" {
        redactor.learn_secret(object);
    }
    let before = object.clone();
    mask_objects(kind, None, Some(object));
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove("managedFields");
        for field in ["annotations", "labels"] {
            let Some(map) = meta.get_mut(field) else {
                continue;
            };
            mask(map, Secrecy::Named);
            if let Some(copy) = map.get_mut(LAST_APPLIED) {
                *copy = MASK.into();
            }
        }
    }
    if kind != "Secret" {
        redactor.learn_masked(&without_copy(before), object);
    }
}

/// Returns an object without the copy of it, which is not one secret.
fn without_copy(mut object: Value) -> Value {
    let annotations = object.pointer_mut("/metadata/annotations");
    if let Some(map) = annotations.and_then(Value::as_object_mut) {
        map.remove(LAST_APPLIED);
    }
    object
}
