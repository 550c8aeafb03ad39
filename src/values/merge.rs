//! Merging as Helm does it: maps by key, everything else is replaced, null
//! deletes.

use serde_json::{Map, Value};

/// Lays `over` onto `tree`.
pub(super) fn onto(tree: &mut Value, over: &Value) {
    match (tree, over) {
        (Value::Object(tree), Value::Object(over)) => {
            for (key, value) in over {
                if value.is_null() {
                    tree.remove(key);
                } else if let Some(below) = tree.get_mut(key).filter(|b| b.is_object()) {
                    onto(below, value);
                } else {
                    tree.insert(key.clone(), without_nulls(value));
                }
            }
        }
        (tree, over) => *tree = without_nulls(over),
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            let kept: Map<String, Value> = kept
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect();
            Value::Object(kept)
        }
        other => other.clone(),
    }
}

/// Whether the tree says anything at that path, or above it.
pub(super) fn has(tree: &Value, path: &[&str]) -> bool {
    let mut place = tree;
    for name in path {
        match place.get(name) {
            Some(below) => place = below,
            None => return false,
        }
    }
    true
}
