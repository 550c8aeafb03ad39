//! What differs between two trees of values, key by key, with secrets masked.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::redact::{MASK, holds_secret, is_secret};

/// Longer ones are told by their size.
const LONGEST: usize = 60;

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
    let (was, is) = (Leaves::of(old), Leaves::of(new));
    let mut keys: Vec<&String> = was.0.keys().chain(is.0.keys()).collect();
    keys.sort();
    keys.dedup();
    let differing = keys
        .into_iter()
        .filter(|key| was.0.get(*key) != is.0.get(*key));
    differing
        .map(|key| Changed {
            key: key.clone(),
            old: was.said(key),
            new: is.said(key),
        })
        .collect()
}

/// Every value that holds no others, by its path; whether it is to be masked.
struct Leaves(BTreeMap<String, (Value, bool)>);

impl Leaves {
    fn of(tree: &Value) -> Leaves {
        let mut leaves = Leaves(BTreeMap::new());
        leaves.below(String::new(), tree, false);
        leaves
    }

    fn below(&mut self, path: String, tree: &Value, secret: bool) {
        match tree {
            Value::Object(map) if !map.is_empty() => {
                // An environment variable says by its name what it holds.
                let named = map.get("name").and_then(Value::as_str);
                let named = named.is_some_and(is_secret);
                for (key, value) in map {
                    let below = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    let secret = secret || is_secret(key) || (named && key == "value");
                    self.below(below, value, secret);
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, item) in items.iter().enumerate() {
                    self.below(format!("{path}[{index}]"), item, secret);
                }
            }
            leaf => {
                let empty = matches!(leaf, Value::Null) || leaf == "";
                self.0.insert(path, (leaf.clone(), secret && !empty));
            }
        }
    }

    fn said(&self, key: &str) -> Option<String> {
        let (value, secret) = self.0.get(key)?;
        Some(match value {
            _ if *secret => MASK.to_owned(),
            Value::String(text) if text.is_empty() => "\"\"".to_owned(),
            Value::String(text) if text.contains('\n') => {
                format!("{} lines", text.lines().count())
            }
            Value::String(text) if holds_secret(text) => MASK.to_owned(),
            Value::String(text) if text.chars().count() > LONGEST => {
                format!("{}…", text.chars().take(LONGEST).collect::<String>())
            }
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
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
}
