//! The keys: the chart's 124, the supported ones of its sub-charts, and those of this program.
//! Each is defined once, with its type. Readers and rules use the definition; everything that
//! iterates over all keys uses the table.

pub(crate) mod apiserver;
pub(super) mod clearml;
mod database;
pub(super) mod elasticsearch;
pub(crate) mod external;
pub(super) mod fileserver;
pub(super) mod ingress;
mod key;
pub(super) mod mongodb;
pub(super) mod names;
mod pods;
pub(super) mod redis;
pub(crate) mod registry;
pub(super) mod secret;
mod server;
mod types;
pub(super) mod webserver;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

pub(super) use self::database::{Claim, DATABASES};
pub(crate) use self::key::Key;
pub(super) use self::key::{Definition, Effect, Origin};
pub(crate) use self::pods::Pods;
pub(super) use self::server::Server;
use crate::component::Component;

/// A key in the table.
pub(super) struct Entry {
    pub(super) definition: &'static Definition,
    /// Its path, such as `apiserver.service.nodePort`.
    pub(super) path: String,
    /// A sentence about its effect.
    pub(super) doc: String,
    /// Its default without a release, a host and an instance.
    pub(super) default: Value,
    /// Its default in the chart, if the chart has the key.
    pub(super) chart: Option<&'static Value>,
}

impl Entry {
    fn of(definition: &'static Definition) -> Entry {
        let path = definition.to_string();
        let chart = chart_default(&path);
        Entry {
            definition,
            doc: definition.doc(),
            default: definition.default(chart),
            chart,
            path,
        }
    }
}

/// The keys of a component's pods.
pub(crate) fn pods(component: Component) -> &'static Pods {
    match component {
        Component::Redis => &redis::PODS,
        Component::Mongodb => &mongodb::PODS,
        Component::Elasticsearch => &elasticsearch::PODS,
        Component::Apiserver => &apiserver::PODS,
        Component::Fileserver => &fileserver::PODS,
        Component::Webserver => &webserver::PODS,
    }
}

/// The keys of a server; `None` for a database.
pub(super) fn server(component: Component) -> Option<&'static Server> {
    match component {
        Component::Apiserver => Some(&apiserver::SERVER),
        Component::Fileserver => Some(&fileserver::SERVER),
        Component::Webserver => Some(&webserver::SERVER),
        Component::Redis | Component::Mongodb | Component::Elasticsearch => None,
    }
}

/// The chart's 124 keys with their defaults.
static CHART: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let text = include_str!("../../../assets/chart-4.0.0-values.json");
    serde_json::from_str(text).expect("the list of keys is part of the program")
});

/// All keys, in the order of the chart's file.
static KEYS: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let sections = [
        names::ALL.to_vec(),
        registry::ALL.to_vec(),
        clearml::ALL.to_vec(),
        ingress::all(),
        secret::ALL.to_vec(),
        external::ALL.to_vec(),
        apiserver::all(),
        fileserver::all(),
        webserver::all(),
        redis::all(),
        mongodb::all(),
        elasticsearch::all(),
    ];
    sections.into_iter().flatten().map(Entry::of).collect()
});

static BY_PATH: LazyLock<BTreeMap<&'static str, &'static Entry>> =
    LazyLock::new(|| KEYS.iter().map(|key| (key.path.as_str(), key)).collect());

/// All keys, in the order in which they are shown.
pub(super) fn all() -> &'static [Entry] {
    &KEYS
}

/// Finds the entry of a key.
pub(super) fn find(path: &str) -> Option<&'static Entry> {
    BY_PATH.get(path).copied()
}

/// Splits the path of a key, or of a file in the value of a key: file names contain dots.
pub(super) fn path(key: &str) -> Vec<&str> {
    let parents = key.match_indices('.').map(|(at, _)| &key[..at]);
    for parent in parents {
        if find(parent).is_some() {
            let mut path: Vec<&str> = parent.split('.').collect();
            path.push(&key[parent.len() + 1..]);
            return path;
        }
    }
    key.split('.').collect()
}

/// Whether the path is a section with known keys.
pub(super) fn has_below(path: &str) -> bool {
    let prefix = format!("{path}.");
    BY_PATH
        .range(prefix.as_str()..)
        .next()
        .is_some_and(|(known, _)| known.starts_with(&prefix))
}

/// Returns the chart's default of a key, which may be a whole map.
fn chart_default(path: &str) -> Option<&'static Value> {
    CHART.get(path).or_else(|| WHOLE.get(path))
}

/// The defaults of keys whose values are maps, which the chart's list has as single keys.
static WHOLE: LazyLock<BTreeMap<&'static str, Value>> = LazyLock::new(|| {
    let below = |path: &str| {
        let prefix = format!("{path}.");
        let mut tree = Value::Null;
        for (key, value) in CHART.iter() {
            if let Some(rest) = key.strip_prefix(&prefix) {
                // The file name contains a dot.
                let parts: Vec<&str> = match path {
                    "elasticsearch.esConfig" => vec![rest],
                    _ => rest.split('.').collect(),
                };
                put(&mut tree, &parts, value.clone());
            }
        }
        tree
    };
    ["elasticsearch.esConfig", "elasticsearch.resources"]
        .map(|path| (path, below(path)))
        .into()
});

/// Sets the value at a path and creates the maps above it.
pub(super) fn put(tree: &mut Value, path: &[&str], value: Value) {
    let mut place = tree;
    for name in path {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        place = &mut place[*name];
    }
    *place = value;
}

/// Removes the value at a path.
pub(super) fn remove(tree: &mut Value, path: &[&str]) {
    let Some((last, parents)) = path.split_last() else {
        return;
    };
    let parent = parents
        .iter()
        .try_fold(tree, |tree, step| tree.get_mut(*step));
    if let Some(Value::Object(parent)) = parent {
        parent.shift_remove(*last);
    }
}

/// A node in the tree of all keys.
pub(super) enum Node {
    /// A key.
    Key(&'static Entry),
    /// A section with its nodes, in order.
    Map(Level),
}

/// The names at one level, in the order in which they are shown.
pub(super) type Level = Vec<(&'static str, Node)>;

pub(super) fn tree() -> Level {
    let mut tree = Level::new();
    for key in all() {
        let mut level = &mut tree;
        let mut names = key.path.split('.').peekable();
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                level.push((name, Node::Key(key)));
                break;
            }
            let known = level.iter().position(|(known, _)| *known == name);
            let at = known.unwrap_or_else(|| {
                level.push((name, Node::Map(Level::new())));
                level.len() - 1
            });
            let Node::Map(below) = &mut level[at].1 else {
                unreachable!("no key has others below it");
            };
            level = below;
        }
    }
    tree
}

pub(super) fn defaults() -> Value {
    let mut tree = Value::Object(Map::new());
    for key in all() {
        let path: Vec<&str> = key.path.split('.').collect();
        put(&mut tree, &path, key.default.clone());
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_124_keys_of_the_chart_are_known() {
        assert_eq!(CHART.len(), 124);
        for path in CHART.keys() {
            let whole = WHOLE.keys().any(|key| path.starts_with(&format!("{key}.")));
            assert!(
                whole || find(path).is_some_and(|key| key.chart.is_some()),
                "{path}"
            );
        }
    }

    #[test]
    fn every_key_is_unique_and_has_a_doc_and_a_valid_default() {
        assert_eq!(BY_PATH.len(), KEYS.len());
        for key in all() {
            assert!(key.doc.ends_with('.'), "{}: {}", key.path, key.doc);
            assert!(!key.doc.contains("{}"), "{}: {}", key.path, key.doc);
            assert_eq!(
                key.definition.kind.check(&key.path, &key.default),
                Ok(()),
                "{}",
                key.path
            );
            assert!(!has_below(&key.path), "{} has keys below it", key.path);
        }
    }
}
