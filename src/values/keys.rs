//! The keys: those of the chart with their defaults, those of its sub-charts
//! that are taken over, and which of them have an effect.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Map, Value};

/// Whether a key does anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It has its effect.
    Supported,
    /// The chart has it; here it has no effect yet.
    Later,
}

/// The chart's 124 keys with their defaults: names and numbers, as facts.
static CHART: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let text = include_str!("../../assets/chart-4.0.0-values.json");
    serde_json::from_str(text).expect("the list of keys is part of the program")
});

/// Keys with an effect, beside those of [`SERVERS`] and [`ALL`].
const SINGLE: [&str; 6] = [
    "elasticsearch.esJavaOpts",
    "elasticsearch.volumeClaimTemplate.resources.requests.storage",
    "fileserver.storage.data.size",
    "mongodb.persistence.size",
    "redis.master.persistence.size",
    "elasticsearch.imageTag",
];

/// Keys of the three servers.
const SERVERS: [&str; 4] = [
    "replicaCount",
    "service.type",
    "service.port",
    "service.nodePort",
];

/// Keys of every component.
const ALL: [&str; 5] = [
    "image.repository",
    "image.tag",
    "image.pullPolicy",
    "resources",
    "extraEnvs",
];

/// Every known key.
static KEYS: LazyLock<BTreeMap<String, Status>> = LazyLock::new(|| {
    let mut keys: BTreeMap<String, Status> = BTreeMap::new();
    for key in CHART.keys() {
        // What is below `resources` belongs to `resources`.
        if !key.contains(".resources.") || key.contains("volumeClaimTemplate") {
            keys.insert(key.clone(), Status::Later);
        }
    }
    for component in crate::component::Component::ALL {
        let servers = SERVERS.iter().filter(|_| !component.is_database());
        for key in ALL.iter().chain(servers) {
            keys.insert(format!("{component}.{key}"), Status::Supported);
        }
    }
    for key in SINGLE {
        keys.insert(key.to_owned(), Status::Supported);
    }
    keys
});

/// What is known of a key.
pub(super) fn status(key: &str) -> Option<Status> {
    KEYS.get(key).copied()
}

/// Whether keys are known below that one.
pub(super) fn has_below(key: &str) -> bool {
    let prefix = format!("{key}.");
    KEYS.keys().any(|known| known.starts_with(&prefix))
}

/// The chart's default of a key.
pub(super) fn chart_default(key: &str) -> Option<&'static Value> {
    CHART.get(key)
}

/// The known name that is nearest to a wrong one, among those below the same
/// parent.
pub(super) fn nearest(path: &[&str]) -> Option<String> {
    let (last, parent) = path.split_last()?;
    let prefix = if parent.is_empty() {
        String::new()
    } else {
        format!("{}.", parent.join("."))
    };
    let names = KEYS
        .keys()
        .filter_map(|key| key.strip_prefix(&prefix))
        .filter_map(|rest| rest.split('.').next());
    let last = last.to_lowercase();
    let half = last.chars().count().max(3) / 2;
    names
        .map(|name| (name.to_lowercase(), name))
        .map(|(lower, name)| (distance(&last, &lower), common_start(&last, &lower), name))
        // `replicas` is far from `replicaCount`, and yet meant.
        .filter(|(distance, start, _)| *distance <= half || *start > half.max(3))
        .map(|(distance, _, name)| (distance, name))
        .min()
        .map(|(_, name)| format!("{prefix}{name}"))
}

/// How many letters two words share at their start.
fn common_start(one: &str, other: &str) -> usize {
    let pairs = one.chars().zip(other.chars());
    pairs.take_while(|(a, b)| a == b).count()
}

/// How many letters must be changed to make one word the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let changed = corner + usize::from(a != *b);
            corner = row[j + 1];
            row[j + 1] = changed.min(corner + 1).min(row[j] + 1);
        }
    }
    row[other.len()]
}

/// The chart's defaults as a tree.
pub(super) fn chart_defaults() -> Value {
    let mut tree = Value::Object(Map::new());
    for (key, value) in CHART.iter() {
        // One key has a dot in its own name: a file.
        let path: Vec<&str> = match key.strip_prefix("elasticsearch.esConfig.") {
            Some(file) => vec!["elasticsearch", "esConfig", file],
            None => key.split('.').collect(),
        };
        let mut place = &mut tree;
        for name in path {
            place = &mut place[name];
        }
        *place = value.clone();
    }
    tree
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chart_has_124_keys() {
        assert_eq!(CHART.len(), 124);
    }

    #[test]
    fn distances() {
        assert_eq!(distance("nodeprt", "nodeport"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn only_near_names_are_suggested() {
        assert_eq!(nearest(&["redis", "imge"]).as_deref(), Some("redis.image"));
        assert_eq!(
            nearest(&["apiserver", "replicas"]).as_deref(),
            Some("apiserver.replicaCount")
        );
        assert_eq!(nearest(&["completely-else"]), None);
    }
}
