//! Compares live fields with rendered ones, although the server adds and rewrites fields.

use serde_json::Value;

use crate::quantity;

/// Returns whether the live value contains the rendered one: maps may have more keys, and
/// quantities may be written differently.
pub(super) fn covers(live: &Value, rendered: &Value) -> bool {
    match (live, rendered) {
        (Value::Object(live), Value::Object(rendered)) => rendered.iter().all(|(key, wanted)| {
            let is_empty = wanted.is_null() || wanted.as_object().is_some_and(|map| map.is_empty());
            live.get(key).map_or(is_empty, |current| {
                wanted.is_null() || covers(current, wanted)
            })
        }),
        (Value::Array(live), Value::Array(rendered)) => {
            live.len() == rendered.len()
                && live
                    .iter()
                    .zip(rendered)
                    .all(|(current, want)| covers(current, want))
        }
        (live, rendered) => live == rendered || same_quantity(live, rendered),
    }
}

fn same_quantity(one: &Value, other: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::String(text) => quantity::bytes(text),
        Value::Number(number) => number.as_f64(),
        _ => None,
    };
    matches!((number(one), number(other)), (Some(one), Some(other)) if one == other)
}

pub(super) fn change(what: &str, current: &Value, wanted: &Value) -> String {
    format!(
        "{what} changes from {} to {}",
        display(current),
        display(wanted)
    )
}

fn display(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(display).collect::<Vec<_>>().join("+"),
        Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| format!("{key}={}", display(value)));
            pairs.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}
