//! Whether what a user said names keys that exist and have an effect, and whether
//! the values in force fit them.

use serde_json::Value;

use super::Problem;
use super::error::SHOWN;
use super::keys::{self, Effect};
use super::said::Layer;

/// Checks the keys of one place. Returns `false` when something stands where only
/// keys and values may.
pub(super) fn layer(
    layer: &Layer,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) -> bool {
    let mut path = Vec::new();
    below(layer, &layer.tree, &mut path, problems, warnings)
}

fn below<'a>(
    layer: &Layer,
    tree: &'a Value,
    path: &mut Vec<&'a str>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) -> bool {
    let mut whole = true;
    let Some(map) = tree.as_object() else {
        return whole;
    };
    for (name, value) in map {
        path.push(name);
        let key = path.join(".");
        let place = layer.place.of(path);
        let told_before = problems.len();
        let mut told = |what: String| problems.push(Problem::new(place.clone(), what));
        match keys::find(&key) {
            Some(known) => {
                let differs = !value.is_null() && *value != known.default;
                match known.effect {
                    Effect::Works => {}
                    Effect::Nothing(why) if differs => warnings.push(format!(
                        "{}: `{key}` has no effect, as in chart 4.0.0: {why}",
                        place
                    )),
                    Effect::Refused(instead) if differs => {
                        told(format!("`{key}` is not supported: {instead}"));
                    }
                    Effect::Nothing(_) | Effect::Refused(_) => {}
                }
            }
            None if keys::has_below(&key) && (value.is_object() || value.is_null()) => {
                whole &= below(layer, value, path, problems, warnings);
            }
            None if keys::has_below(&key) => {
                whole = false;
                told(format!("`{key}` is to hold keys and values, not `{value}`"));
            }
            None if told_before < SHOWN => told(unknown(&key, path)),
            None => told(format!("there is no key `{key}`")),
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

/// The values that are not what their keys want; `place` says where something was
/// said.
pub(super) fn types(tree: &Value, place: &dyn Fn(&[&str]) -> String) -> Vec<Problem> {
    let mut problems = Vec::new();
    for key in keys::all() {
        let mut path = keys::path(&key.path);
        let value = path.iter().fold(tree, |tree, name| &tree[*name]);
        if let Err((below, what)) = key.kind.check(&key.path, value) {
            path.extend(below.iter().map(String::as_str));
            problems.push(Problem::new(place(&path), what));
        }
    }
    problems
}
