//! Whether what a user said names keys that exist and have an effect.

use serde_json::Value;

use super::keys::{self, Status};
use super::{Layer, Problem};

/// Checks the keys of one place. Returns `false` when something stands where only
/// keys and values may.
pub(super) fn layer(layer: &Layer, problems: &mut Vec<Problem>) -> bool {
    let mut path = Vec::new();
    below(layer, &layer.tree, &mut path, problems)
}

fn below<'a>(
    layer: &Layer,
    tree: &'a Value,
    path: &mut Vec<&'a str>,
    problems: &mut Vec<Problem>,
) -> bool {
    let mut whole = true;
    let Some(map) = tree.as_object() else {
        return whole;
    };
    for (name, value) in map {
        path.push(name);
        let key = path.join(".");
        match keys::status(&key) {
            Some(Status::Supported) => {}
            Some(Status::Later) => {
                let default = keys::chart_default(&key);
                if !value.is_null() && default != Some(value) {
                    let what = format!("`{key}` is not supported yet");
                    problems.push(Problem::new(layer.place.of(path), what));
                }
            }
            None if keys::has_below(&key) && (value.is_object() || value.is_null()) => {
                whole &= below(layer, value, path, problems);
            }
            None => {
                let what = if keys::has_below(&key) {
                    whole = false;
                    format!("`{key}` is to hold keys and values, not `{value}`")
                } else {
                    unknown(&key, path)
                };
                problems.push(Problem::new(layer.place.of(path), what));
            }
        }
        path.pop();
    }
    whole
}

fn unknown(key: &str, path: &[&str]) -> String {
    match keys::nearest(path) {
        Some(nearest) => format!("there is no key `{key}`; did you mean `{nearest}`?"),
        None => format!("there is no key `{key}`"),
    }
}
