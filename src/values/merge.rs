//! Merging as Helm does it: maps by key, everything else is replaced.

use serde_json::{Map, Value};

/// Lays one layer of the user's onto those below it; null stays, so that it can
/// take a default away.
pub(super) fn maps(tree: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (tree.get_mut(&key), value) {
            (Some(Value::Object(below)), Value::Object(over)) => maps(below, over),
            (Some(there), value) => *there = value,
            (None, value) => {
                tree.insert(key, value);
            }
        }
    }
}

/// Lays what the user said over the chart's defaults (Helm's `CoalesceValues`):
/// null takes a default away. Where there is none, null stays.
pub fn coalesce(defaults: &mut Value, user: &Value) {
    let (Value::Object(defaults), Value::Object(user)) = (defaults, user) else {
        return;
    };
    // At the top null takes also a default away that is null itself.
    let gone = |key: &str, value: &Value, defaults: &Map<String, Value>| {
        value.is_null() && defaults.contains_key(key)
    };
    let (taken, said): (Vec<_>, Vec<_>) = user
        .iter()
        .partition(|(key, value)| gone(key, value, defaults));
    for (key, _) in taken {
        defaults.shift_remove(key);
    }
    without_nulls(defaults);
    coalesce_maps(defaults, said);
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
            (Some(Value::Object(below)), Value::Object(value)) => coalesce_maps(below, value),
            (Some(there), value) => there.clone_from(value),
            (None, value) => {
                defaults.insert(key.clone(), value.clone());
            }
        }
    }
}

/// A chart's own nulls are as if they were not there.
fn without_nulls(map: &mut Map<String, Value>) {
    map.retain(|_, value| !value.is_null());
    for value in map.values_mut() {
        if let Value::Object(below) = value {
            without_nulls(below);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn layers_keep_null_and_defaults_lose_to_it() {
        let mut tree = json!({"a": {"b": 1, "c": [1, 2]}});
        let (Value::Object(map), Value::Object(over)) =
            (&mut tree, json!({"a": {"b": null, "c": [3]}, "d": null}))
        else {
            unreachable!("both are maps");
        };
        maps(map, over);
        assert_eq!(tree, json!({"a": {"b": null, "c": [3]}, "d": null}));
        let mut defaults = json!({"a": {"b": 1, "x": 1}, "y": {"z": null}});
        coalesce(&mut defaults, &tree);
        let expected = json!({"a": {"x": 1, "c": [3]}, "d": null, "y": {}});
        assert_eq!(defaults, expected);
    }
}
