//! The table of all keys: an argument for each, and its effect.

mod cluster;
mod databases;
mod servers;

use serde_json::Value;

/// The effect of a key.
pub enum Effect {
    /// The object `Kind/name` has this value at this pointer; `None` means no value.
    Changes(String, String, Option<Value>),
    /// There is a warning that the key has no effect.
    Nothing,
    /// The objects are unchanged, and there is a warning with this text.
    Warns(&'static str),
    /// The value is rejected with this message.
    Rejected(&'static str),
}

pub struct Row {
    /// The full name of the key, or of a nested key.
    pub key: String,
    /// The release in which it has an effect.
    pub release: &'static str,
    /// Arguments: the last one sets the key, the others are what it needs.
    pub sets: Vec<String>,
    pub effect: Effect,
    /// The effect in an existing cluster, if it is another.
    on_cluster: Option<Effect>,
}

impl Row {
    fn in_release(self, release: &'static str) -> Row {
        Row { release, ..self }
    }

    fn with_effect_on_cluster(self, effect: Effect) -> Row {
        Row {
            on_cluster: Some(effect),
            ..self
        }
    }

    /// The effect in an existing cluster or on a local node.
    pub fn effect_for(&self, is_cluster: bool) -> &Effect {
        match &self.on_cluster {
            Some(effect) if is_cluster => effect,
            _ => &self.effect,
        }
    }
}

fn row(sets: &[&str], effect: Effect) -> Row {
    let last = sets.last().expect("a row has arguments");
    let key = last.split(['=', '[']).next().unwrap_or_default();
    Row {
        key: key.replace("\\.", "."),
        release: "1.5.0",
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        effect,
        on_cluster: None,
    }
}

fn change(sets: &[&str], object: &str, pointer: &str, value: Value) -> Row {
    let value = Some(value).filter(|value| !value.is_null());
    row(sets, Effect::Changes(object.into(), pointer.into(), value))
}

/// A change in the pod template of a workload.
fn pod(sets: &[&str], workload: &str, pointer: &str, value: Value) -> Row {
    change(sets, workload, &format!("/spec/template{pointer}"), value)
}

/// A change of an environment variable of the API server.
fn env(sets: &[&str], name: &str, value: Value) -> Row {
    let pointer = format!("/spec/containers/clearml/env/{name}/value");
    pod(sets, API, &pointer, value)
}

/// Base64 of a text that looks like a bcrypt hash.
const HASHED: &str =
    "JDJiJDEyJGFiY2RlZmdoaWprbG1ub3BxcnN0dXVBYkNkRWZHaElqS2xNbk9wUXJTdFV2V3hZejAxMjNh";

const API: &str = "Deployment/clearml-apiserver";
const REDIS: &str = "StatefulSet/clearml-redis-master";
const MONGODB: &str = "Deployment/clearml-mongodb";
const ELASTIC: &str = "StatefulSet/clearml-elastic-master";
const REDIS_CLAIM: &str = "PersistentVolumeClaim/redis-data-clearml-redis-master-0";
const MONGODB_CLAIM: &str = "PersistentVolumeClaim/clearml-mongodb";
const ELASTIC_CLAIM: &str = "PersistentVolumeClaim/clearml-elastic-master-clearml-elastic-master-0";
const FILES_CLAIM: &str = "PersistentVolumeClaim/clearml-fileserver-data";
const CONF: &str = "Secret/clearml-conf";
const EXTERNAL: &str = "Secret/clearml-outside";
const REGISTRY: &str = "Secret/clearml-registry";

pub fn table() -> Vec<Row> {
    let mut rows = cluster::rows();
    rows.extend(servers::rows());
    rows.extend(databases::rows());
    rows
}
