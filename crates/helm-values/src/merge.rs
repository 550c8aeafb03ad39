//! Helm's two ways to merge: maps by key, everything else replaced.

use serde_json::{Map, Value};

/// Merges `over` into `tree`, as Helm merges one values file into another: maps are merged by
/// key, and everything else is replaced. Null is kept, because it removes a default later.
pub fn merge_maps(tree: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (tree.get_mut(&key), value) {
            (Some(Value::Object(nested)), Value::Object(over)) => merge_maps(nested, over),
            (Some(existing), value) => *existing = value,
            (None, value) => {
                tree.insert(key, value);
            }
        }
    }
}

/// Merges the user's values into the defaults of a chart, as Helm's `CoalesceValues` does:
/// null removes a default, and is kept if there is no default.
pub fn coalesce_values(defaults: &mut Value, user: &Value) {
    let (Value::Object(defaults), Value::Object(user)) = (defaults, user) else {
        return;
    };
    // At the top level, null also removes a default that is null itself.
    let removes = |key: &str, value: &Value, defaults: &Map<String, Value>| {
        value.is_null() && defaults.contains_key(key)
    };
    let (removed, merged): (Vec<_>, Vec<_>) = user
        .iter()
        .partition(|(key, value)| removes(key, value, defaults));
    for (key, _) in removed {
        defaults.shift_remove(key);
    }
    remove_nulls(defaults);
    coalesce_maps(defaults, merged);
}

fn coalesce_maps<'a>(
    defaults: &mut Map<String, Value>,
    user: impl IntoIterator<Item = (&'a String, &'a Value)>,
) {
    for (key, value) in user {
        match (defaults.get_mut(key), value) {
            (Some(_), Value::Null) => {
                defaults.shift_remove(key);
            }
            (Some(Value::Object(nested)), Value::Object(value)) => coalesce_maps(nested, value),
            (Some(existing), value) => existing.clone_from(value),
            (None, value) => {
                defaults.insert(key.clone(), value.clone());
            }
        }
    }
}

/// Removes the nulls of the chart's own defaults.
fn remove_nulls(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null());
    for value in map.values_mut() {
        if let Value::Object(nested) = value {
            remove_nulls(nested);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_is_kept_between_files_and_removes_defaults() {
        let mut tree = json!({"a": {"b": 1, "c": [1, 2]}});
        let (Value::Object(map), Value::Object(over)) =
            (&mut tree, json!({"a": {"b": null, "c": [3]}, "d": null}))
        else {
            unreachable!("both are maps");
        };
        merge_maps(map, over);
        assert_eq!(tree, json!({"a": {"b": null, "c": [3]}, "d": null}));
        let mut defaults = json!({"a": {"b": 1, "x": 1}, "y": {"z": null}});
        coalesce_values(&mut defaults, &tree);
        let expected = json!({"a": {"x": 1, "c": [3]}, "d": null, "y": {}});
        assert_eq!(defaults, expected);
    }
}
