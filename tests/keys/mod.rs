//! The table: for each key what is said, and what it does.

mod cluster;
mod databases;
mod servers;

use serde_json::Value;

/// What a key does.
pub enum Does {
    /// In the object `Kind/name`, at that place, this stands then; `None` is nothing.
    Changes(String, String, Option<Value>),
    /// It warns that it has no effect.
    Nothing,
    /// It changes nothing here, and warns with these words.
    Warns(&'static str),
    /// It is refused with these words.
    Refused(&'static str),
}

/// One key.
pub struct Row {
    /// Its full name, or that of something below it.
    pub key: String,
    /// The release with which it acts.
    pub release: &'static str,
    /// What is said; the last is the key's own, the others are what it needs.
    pub sets: Vec<String>,
    /// What comes of it.
    pub does: Does,
}

impl Row {
    fn on(self, release: &'static str) -> Row {
        Row { release, ..self }
    }
}

fn row(sets: &[&str], does: Does) -> Row {
    let last = sets.last().expect("a row says something");
    let key = last.split(['=', '[']).next().unwrap_or_default();
    Row {
        key: key.replace("\\.", "."),
        release: "1.5.0",
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        does,
    }
}

fn change(sets: &[&str], object: &str, pointer: &str, value: Value) -> Row {
    let value = Some(value).filter(|value| !value.is_null());
    row(sets, Does::Changes(object.into(), pointer.into(), value))
}

/// What pods of a server or a database run: `/spec/template/spec` stands for `pod`.
fn pod(sets: &[&str], workload: &str, pointer: &str, value: Value) -> Row {
    change(sets, workload, &format!("/spec/template{pointer}"), value)
}

/// A variable of the API server.
fn env(sets: &[&str], name: &str, value: Value) -> Row {
    let pointer = format!("/spec/containers/clearml/env/{name}/value");
    pod(sets, API, &pointer, value)
}

/// Base64 of what looks like a bcrypt hash.
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
const OUTSIDE: &str = "Secret/clearml-outside";
const REGISTRY: &str = "Secret/clearml-registry";

/// Every key.
pub fn table() -> Vec<Row> {
    let mut rows = cluster::rows();
    rows.extend(servers::rows());
    rows.extend(databases::rows());
    rows
}
