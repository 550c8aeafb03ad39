//! Whether a field is as it is rendered, although the server fills in and rewrites.

use serde_json::Value;

use crate::quantity;

/// Whether all that is rendered is there: maps may have more keys, quantities may be
/// written otherwise.
pub(super) fn covers(live: &Value, rendered: &Value) -> bool {
    match (live, rendered) {
        (Value::Object(live), Value::Object(rendered)) => rendered.iter().all(|(key, wanted)| {
            let empty = wanted.is_null() || wanted.as_object().is_some_and(|map| map.is_empty());
            live.get(key)
                .map_or(empty, |is| wanted.is_null() || covers(is, wanted))
        }),
        (Value::Array(live), Value::Array(rendered)) => {
            live.len() == rendered.len()
                && live.iter().zip(rendered).all(|(is, want)| covers(is, want))
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

pub(super) fn becomes(what: &str, is: &Value, wanted: &Value) -> String {
    format!("{what} changes from {} to {}", said(is), said(wanted))
}

fn said(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(said).collect::<Vec<_>>().join("+"),
        Value::Object(map) => {
            let pairs = map
                .iter()
                .map(|(key, value)| format!("{key}={}", said(value)));
            pairs.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}
