//! What differs between two trees of values, key by key, with secrets masked.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::values::redacted;
use crate::words;

/// Longer texts are cut.
const LONGEST: usize = 61;

/// One key whose value changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    /// Such as `apiserver.extraEnvs[0].value`.
    pub key: String,
    /// What it was; `None` where it was not there.
    pub old: Option<String>,
    /// What it is; `None` where it is not there any more.
    pub new: Option<String>,
}

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |side: &Option<String>| side.clone().unwrap_or_else(|| "none".to_owned());
        write!(f, "{}: {} → {}", self.key, side(&self.old), side(&self.new))
    }
}

/// The keys that differ, by name.
pub fn between(old: &Value, new: &Value) -> Vec<Changed> {
    let (was, is) = (leaves(old), leaves(new));
    let (was_shown, is_shown) = (leaves(&redacted(old)), leaves(&redacted(new)));
    let mut keys: Vec<&String> = was.keys().chain(is.keys()).collect();
    keys.sort();
    keys.dedup();
    let differing = keys.into_iter().filter(|key| was.get(*key) != is.get(*key));
    differing
        .map(|key| Changed {
            key: key.clone(),
            old: was_shown.get(key).map(said),
            new: is_shown.get(key).map(said),
        })
        .collect()
}

/// Every value that holds no others, by its path.
fn leaves(tree: &Value) -> BTreeMap<String, Value> {
    fn below(path: String, tree: &Value, found: &mut BTreeMap<String, Value>) {
        match tree {
            Value::Object(map) if !map.is_empty() => {
                for (key, value) in map {
                    let path = match path.as_str() {
                        "" => key.clone(),
                        path => format!("{path}.{key}"),
                    };
                    below(path, value, found);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    below(format!("{path}[{index}]"), item, found);
                }
            }
            leaf => {
                found.insert(path, leaf.clone());
            }
        }
    }
    let mut found = BTreeMap::new();
    below(String::new(), tree, &mut found);
    found
}

fn said(value: &Value) -> String {
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

    fn told(old: Value, new: Value) -> Vec<String> {
        between(&old, &new).iter().map(Changed::to_string).collect()
    }

    #[test]
    fn keys_are_told_with_both_values() {
        let old = json!({"a": {"b": 1, "same": 2}, "gone": "x", "list": [1]});
        let new = json!({"a": {"b": 2, "same": 2}, "list": [1, {"c": true}], "empty": ""});
        assert_eq!(
            told(old, new),
            [
                "a.b: 1 → 2",
                "empty: none → \"\"",
                "gone: x → none",
                "list[1].c: none → true",
            ]
        );
    }

    #[test]
    fn secrets_and_texts_are_not_told() {
        let old = json!({"secret": {"authToken": "old"}, "tlsSecretName": "a", "file": "x"});
        let new = json!({
            "secret": {"authToken": "new"},
            "tlsSecretName": "b",
            "file": "password: hunter2\nmore\n",
            "envs": [{"name": "DB_PASSWORD", "value": "hunter2"}],
            "url": "mongodb://user:hunter2@db",
        });
        assert_eq!(
            told(old, new),
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
    fn a_key_says_what_is_secret_in_it_and_not_its_name() {
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
            told(old, new),
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
