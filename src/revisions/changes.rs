//! The differences between two trees of values, by key, with secrets masked.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::values::redacted;
use crate::words;

/// Longer texts are cut.
const LONGEST: usize = 61;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueChange {
    /// Such as `apiserver.extraEnvs[0].value`.
    pub key: String,
    /// `None` if the key was added.
    pub old: Option<String>,
    /// `None` if the key was removed.
    pub new: Option<String>,
}

impl fmt::Display for ValueChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
        write!(f, "{}: {} → {}", self.key, side(&self.old), side(&self.new))
    }
}

/// Returns the keys that differ, sorted.
pub fn diff(old: &Value, new: &Value) -> Vec<ValueChange> {
    let (before, after) = (leaves(old), leaves(new));
    let (before_shown, after_shown) = (leaves(&redacted(old)), leaves(&redacted(new)));
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    let differing = keys
        .into_iter()
        .filter(|key| before.get(*key) != after.get(*key));
    differing
        .map(|key| ValueChange {
            key: key.clone(),
            old: before_shown.get(key).map(display),
            new: after_shown.get(key).map(display),
        })
        .collect()
}

/// Returns every leaf value by its path.
fn leaves(tree: &Value) -> BTreeMap<String, Value> {
    fn add(path: String, tree: &Value, found: &mut BTreeMap<String, Value>) {
        match tree {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    let path = match path.as_str() {
                        "" => key.clone(),
                        path => format!("{path}.{key}"),
                    };
                    add(path, value, found);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    add(format!("{path}[{index}]"), item, found);
                }
            }
            leaf => {
                found.insert(path, leaf.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    add(String::new(), tree, &mut found);
    found
}

fn display(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "\"\"".to_owned(),
        Value::String(text) if text.contains('\n') => {
            format!("{} lines", text.lines().count())
        }
        Value::String(text) => words::cut(text, LONGEST),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(old: Value, new: Value) -> Vec<String> {
        diff(&old, &new)
            .iter()
            .map(ValueChange::to_string)
            .collect()
    }

    #[test]
    fn changes_have_both_values() {
        let old = json!({"a": {"b": 1, "same": 2}, "gone": "x", "list": [1]});
        let new = json!({"a": {"b": 2, "same": 2}, "list": [1, {"c": true}], "empty": ""});
        assert_eq!(
            changes(old, new),
            [
                "a.b: 1 → 2",
                "empty: none → \"\"",
                "gone: x → none",
                "list[1].c: none → true",
            ]
        );
    }

    #[test]
    fn secrets_and_long_texts_are_hidden() {
        let old = json!({"secret": {"authToken": "old"}, "tlsSecretName": "a", "file": "x"});
        let new = json!({
            "secret": {"authToken": "new"},
            "tlsSecretName": "b",
            "file": "password: hunter2\nmore\n",
            "envs": [{"name": "DB_PASSWORD", "value": "hunter2"}],
            "url": "mongodb://user:hunter2@db",
        });
        assert_eq!(
            changes(old, new),
            [
                "envs[0].name: none → DB_PASSWORD",
                "envs[0].value: none → ********",
                "file: x → 2 lines",
                "secret.authToken: ******** → ********",
                "tlsSecretName: a → b",
                "url: none → ********",
            ]
        );
    }

    #[test]
    fn the_definition_of_a_key_determines_what_is_masked() {
        let user = |password: &str| json!([{"username": "ann", "password": password}]);
        let old = json!({
            "redis": {"usePassword": false, "password": "old"},
            "apiserver": {
                "fixedUsers": {"users": user("old")},
                "extraEnvs": [{"name": "A", "valueFrom": {"secretKeyRef": {"key": "a"}}}],
                "podAnnotations": {"example.com/token": "old"},
            },
        });
        let new = json!({
            "redis": {"usePassword": true, "password": "new"},
            "apiserver": {
                "fixedUsers": {"users": user("new")},
                "extraEnvs": [{"name": "A", "valueFrom": {"secretKeyRef": {"key": "b"}}}],
                "podAnnotations": {"example.com/token": "new"},
            },
            "secret": {"ofALaterVersion": "new"},
        });
        assert_eq!(
            changes(old, new),
            [
                "apiserver.extraEnvs[0].valueFrom.secretKeyRef.key: a → b",
                "apiserver.fixedUsers.users[0].password: ******** → ********",
                "apiserver.podAnnotations.example.com/token: ******** → ********",
                "redis.password: ******** → ********",
                "redis.usePassword: false → true",
                "secret.ofALaterVersion: none → ********",
            ]
        );
    }
}
