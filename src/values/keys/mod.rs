//! The keys: the chart's 124, those of its sub-charts that are taken over, and
//! ours; each with its type, its default, what it does, and whether it does
//! anything.

mod cluster;
mod databases;
mod servers;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use super::kind::Kind;

/// Whether a key does anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Effect {
    /// It does.
    Works,
    /// It is accepted, and did nothing in chart 4.0.0 either: why.
    Nothing(&'static str),
    /// Nothing but its default is accepted: what to use instead.
    Refused(&'static str),
}

/// One key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Its full name, such as `apiserver.service.nodePort`.
    pub path: String,
    /// What its value may be.
    pub kind: Kind,
    /// What it does, in a sentence.
    pub doc: String,
    /// Whether it does anything.
    pub effect: Effect,
    /// Its default here.
    pub default: Value,
    /// Its default in the chart, where the chart has the key.
    pub chart: Option<&'static Value>,
}

impl Key {
    /// Whether its default depends on the release or the machine.
    pub fn default_depends(&self) -> Option<&'static str> {
        let of_component = |end: &str| self.path.ends_with(end) && !self.path.contains("Claim");
        if of_component(".image.repository") || of_component(".image.tag") {
            Some("from the release")
        } else if of_component(".resources") || self.path == "elasticsearch.esJavaOpts" {
            Some("depends on the memory of the machine")
        } else if self.path.starts_with("secret.") {
            Some("generated for each instance")
        } else {
            None
        }
    }

    /// Whether a secret is made for the instance where the values have none.
    pub fn is_made_if_empty(&self) -> bool {
        matches!(self.kind, Kind::Secret { .. } | Kind::OwnPassword)
    }
}

/// A key that works.
fn key(path: impl Into<String>, kind: Kind, doc: impl Into<String>) -> Key {
    let path = path.into();
    let chart = chart_default(&path);
    Key {
        default: chart.cloned().unwrap_or_else(|| empty(&kind)),
        chart,
        path,
        kind,
        doc: doc.into(),
        effect: Effect::Works,
    }
}

impl Key {
    fn default(self, default: Value) -> Key {
        Key { default, ..self }
    }

    fn nothing(self, why: &'static str) -> Key {
        let effect = Effect::Nothing(why);
        Key { effect, ..self }
    }

    fn refused(self, instead: &'static str) -> Key {
        let effect = Effect::Refused(instead);
        Key { effect, ..self }
    }
}

/// The default of a key of ours that is not set.
fn empty(kind: &Kind) -> Value {
    match kind {
        Kind::Flag => json!(false),
        Kind::Resources | Kind::Texts | Kind::Affinity | Kind::Files(_) => json!({}),
        Kind::Environment | Kind::Tolerations | Kind::Arguments | Kind::Users => json!([]),
        _ => json!(""),
    }
}

/// The chart's 124 keys with their defaults: names and numbers, as facts.
static CHART: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let text = include_str!("../../../assets/chart-4.0.0-values.json");
    serde_json::from_str(text).expect("the list of keys is part of the program")
});

/// Every known key, in the order of the chart's own file.
static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    let mut keys = cluster::keys();
    keys.extend(servers::keys());
    keys.extend(databases::keys());
    keys
});

static BY_PATH: LazyLock<BTreeMap<&'static str, &'static Key>> =
    LazyLock::new(|| KEYS.iter().map(|key| (key.path.as_str(), key)).collect());

/// All keys, in the order in which they are shown.
pub(super) fn all() -> &'static [Key] {
    &KEYS
}

/// What is known of a key.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    BY_PATH.get(path).copied()
}

/// The steps that lead to a key, or to a file below one: files have dots in their
/// names.
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

/// Whether keys are known below that one.
pub(super) fn has_below(path: &str) -> bool {
    let prefix = format!("{path}.");
    BY_PATH
        .range(prefix.as_str()..)
        .next()
        .is_some_and(|(known, _)| known.starts_with(&prefix))
}

/// The chart's default of a key; what is below a key with a type of its own is part
/// of its default.
fn chart_default(path: &str) -> Option<&'static Value> {
    CHART.get(path).or_else(|| WHOLE.get(path))
}

/// Defaults of keys that the chart's list gives leaf by leaf.
static WHOLE: LazyLock<BTreeMap<&'static str, Value>> = LazyLock::new(|| {
    let below = |path: &str| {
        let prefix = format!("{path}.");
        let mut tree = Value::Null;
        for (key, value) in CHART.iter() {
            if let Some(rest) = key.strip_prefix(&prefix) {
                // A file's name has a dot of its own.
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

/// Sets what stands at a path, making the maps above it.
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

/// A place in the tree of all keys.
pub(super) enum Node {
    /// A key.
    Key(&'static Key),
    /// What is below a part of a name, in order.
    Map(Level),
}

/// The names at one level, in the order in which they are shown.
pub(super) type Level = Vec<(&'static str, Node)>;

/// All keys as a tree.
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

/// All defaults as a tree.
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
    fn the_chart_has_124_keys_and_all_are_known() {
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
    fn every_key_is_there_once_with_a_doc_and_a_default_that_fits() {
        assert_eq!(BY_PATH.len(), KEYS.len());
        for key in all() {
            assert!(key.doc.ends_with('.'), "{}: {}", key.path, key.doc);
            assert_eq!(
                key.kind.check(&key.path, &key.default),
                Ok(()),
                "{}",
                key.path
            );
            assert!(!has_below(&key.path), "{} has keys below it", key.path);
        }
    }
}
