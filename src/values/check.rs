//! Whether what a user said names keys that exist and have an effect, and whether
//! the values in force fit them.

use serde_json::{Map, Value};

use super::error::SHOWN;
use super::keys::{self, Effect, Key};
use super::kind;
use super::said::Layer;
use super::{DEFAULTS, Problem};

/// Checks the keys of one place.
pub(super) fn layer(layer: &Layer, problems: &mut Vec<Problem>, warnings: &mut Vec<String>) {
    let mut path = Vec::new();
    below(layer, &layer.tree, &mut path, problems, warnings);
}

/// Takes out what stands where only keys and values may: it was told once, and would
/// be told again for each of the keys that it hides.
pub(super) fn without_misplaced(tree: &mut Value) {
    fn below(map: &mut Map<String, Value>, prefix: &str) {
        map.retain(|name, value| {
            let key = format!("{prefix}{name}");
            let is_section = keys::find(&key).is_none() && keys::has_below(&key);
            if let Value::Object(map) = value
                && is_section
            {
                below(map, &format!("{key}."));
            }
            !is_section || value.is_object() || value.is_null()
        });
    }
    if let Value::Object(map) = tree {
        below(map, "");
    }
}

fn below<'a>(
    layer: &Layer,
    tree: &'a Value,
    path: &mut Vec<&'a str>,
    problems: &mut Vec<Problem>,
    warnings: &mut Vec<String>,
) {
    let Some(map) = tree.as_object() else {
        return;
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
                below(layer, value, path, problems, warnings);
            }
            None if keys::has_below(&key) => {
                let got = kind::type_of(value);
                told(format!(
                    "invalid value for `{key}`: expected a map of keys, got {got}"
                ));
            }
            None if told_before < SHOWN => told(unknown(&key, path)),
            None => told(format!("there is no key `{key}`")),
        }
        path.pop();
    }
}

fn unknown(key: &str, path: &[&str]) -> String {
    match keys::nearest(path) {
        Some(nearest) => format!("there is no key `{key}`; did you mean `{nearest}`?"),
        None => format!("there is no key `{key}`"),
    }
}

/// The keys whose values are not what they expect, each with the problem; `place` says
/// where something was said.
pub(super) fn types(
    tree: &Value,
    place: &dyn Fn(&[&str]) -> Option<String>,
) -> Vec<(&'static Key, Problem)> {
    let mut problems = Vec::new();
    for key in keys::all() {
        let path = keys::path(&key.path);
        let value = path.iter().fold(tree, |tree, name| &tree[*name]);
        for (below, what) in key.kind.check_each(&key.path, value) {
            let mut path = path.clone();
            path.extend(below.iter().map(String::as_str));
            // What is missing has no place of its own.
            let mut lengths = (keys::path(&key.path).len()..=path.len()).rev();
            let place = lengths.find_map(|length| place(&path[..length]));
            let place = place.unwrap_or_else(|| DEFAULTS.to_owned());
            problems.push((key, Problem::new(place, what)));
        }
    }
    problems
}
