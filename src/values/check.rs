//! Checks that the user's keys exist and have an effect, and that the effective values are
//! valid.

use serde_json::{Map, Value};

use super::foreign::{self, ForeignKey, Known, umbrella};
use super::keys::{self, Effect, Entry};
use super::kind;
use super::lookup;
use super::overrides::UserLayer;
use super::{DEFAULTS, Problem};

/// The findings in one layer.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    /// Entries that are not values: keys of other charts at their defaults, and keys that only
    /// define an anchor.
    pub(super) ignored: Vec<(Vec<String>, Value)>,
}

/// Removes values in the place of sections: they were reported once, and would be reported
/// again for each key of the section.
pub(super) fn remove_misplaced(tree: &mut Value) {
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

/// Checks the keys of one layer. `whole` has all values of the user; names are suggested for
/// at most `suggested` problems.
pub(super) fn layer(layer: &UserLayer, whole: &Value, suggested: usize) -> Checked {
    let mut check = Check {
        layer,
        whole,
        suggested,
        above: Vec::new(),
        foreign: Vec::new(),
        found: Checked::default(),
    };
    match umbrella::find(&layer.values.tree) {
        Some(path) => check.umbrella_section(&path),
        None => check.below(&layer.values.tree, &mut Vec::new()),
    }
    let (problem, warning) = foreign::findings(&layer.name(), &check.foreign);
    let mut found = check.found;
    found.problems.splice(0..0, problem);
    found.warnings.extend(warning);
    found
}

struct Check<'a> {
    layer: &'a UserLayer,
    whole: &'a Value,
    suggested: usize,
    /// The path of the section with the chart's values, if they are not at the top level.
    above: Vec<&'a str>,
    foreign: Vec<ForeignKey>,
    found: Checked,
}

impl<'a> Check<'a> {
    /// Checks the section of this chart in the file of an umbrella chart.
    fn umbrella_section(&mut self, path: &[&'a str]) {
        let name = path.join(".");
        let inner = path
            .iter()
            .fold(&self.layer.values.tree, |tree, step| &tree[*step]);
        let example = inner.as_object().and_then(|map| map.keys().next());
        let example = example.map_or("", String::as_str);
        let mut what = format!(
            "`{name}` contains the values of the chart, as in a file of an umbrella chart: move \
             them to the top level, for example `{example}` instead of `{name}.{example}`"
        );
        let others = self.layer.values.tree.as_object().into_iter().flatten();
        let others: Vec<String> = others
            .map(|(other, _)| other)
            .filter(|other| other.as_str() != path[0] && !is_known(other))
            .map(|other| format!("`{other}`"))
            .collect();
        if !others.is_empty() {
            what.push_str(&format!(
                ", and remove {}, which this chart does not have",
                others.join(", ")
            ));
        }
        let place = self.layer.place(path);
        self.found.problems.push(Problem::new(place, what));
        let known = |tree: &'a Value, keep: &dyn Fn(&str) -> bool| {
            let entries = tree.as_object().into_iter().flatten();
            let entries = entries.filter(|(name, _)| keep(name));
            entries
                .map(|(name, value)| (name.as_str(), value))
                .collect::<Vec<_>>()
        };
        // Keys beside the section at the top level, and keys of the chart's own section of the
        // same name.
        let own = |name: &str| is_in_place(path, name);
        for (name, value) in known(&self.layer.values.tree, &|name| {
            name != path[0] && is_known(name)
        }) {
            self.entry(name, value, &mut Vec::new());
        }
        for (name, value) in known(inner, &own) {
            self.entry(name, value, &mut path.to_vec());
        }
        self.above = path.to_vec();
        for (name, value) in known(inner, &|name| !own(name)) {
            self.entry(name, value, &mut Vec::new());
        }
    }

    fn place(&self, path: &[&str]) -> String {
        self.layer.place(&[&self.above[..], path].concat())
    }

    fn below(&mut self, tree: &'a Value, path: &mut Vec<&'a str>) {
        for (name, value) in tree.as_object().into_iter().flatten() {
            self.entry(name, value, path);
        }
    }

    fn entry(&mut self, name: &'a str, value: &'a Value, path: &mut Vec<&'a str>) {
        path.push(name);
        let key = path.join(".");
        let holds_keys = value.is_object() || value.is_null();
        if let Some(known) = keys::find(&key) {
            self.known(known, value, path);
        } else if keys::has_below(&key) && holds_keys {
            self.below(value, path);
        } else {
            match foreign::find(path, value) {
                Some(Known::Section) => self.below(value, path),
                Some(Known::Key(recognized)) => {
                    let full = [&self.above[..], path].concat();
                    let at = (self.place(path), self.layer.values.line_of(&full));
                    let one = ForeignKey::new(recognized, path, value, self.whole, at);
                    self.foreign.push(one);
                    self.ignore(path, value);
                }
                None if path.len() == 1 && self.only_defines_an_anchor(name) => {
                    self.ignore(path, value)
                }
                None => self.unknown(&key, value, path),
            }
        }
        path.pop();
    }

    fn known(&mut self, known: &Entry, value: &'a Value, path: &[&'a str]) {
        let key = &known.path;
        let place = self.place(path);
        let differs = !value.is_null() && *value != known.default;
        match known.definition.effect {
            Effect::None(why) if differs => self.found.warnings.push(format!(
                "{place}: `{key}` has no effect, as in chart 4.0.0: {why}"
            )),
            Effect::Unsupported(instead) if differs => {
                let what = format!("`{key}` is not supported: {instead}");
                self.found.problems.push(Problem::new(place, what));
            }
            Effect::Supported | Effect::None(_) | Effect::Unsupported(_) => {}
        }
        for name in value.as_object().into_iter().flat_map(|map| map.keys()) {
            let path = [path, &[name.as_str()]].concat();
            if let Some(what) = self.misread(&path) {
                let place = self.place(&path);
                self.found
                    .warnings
                    .push(format!("{place}: in `{key}` {what}"));
            }
        }
    }

    fn unknown(&mut self, key: &str, value: &Value, path: &[&'a str]) {
        let what = if keys::has_below(key) {
            let got = kind::type_of(value);
            format!("invalid value for `{key}`: expected a map of keys, got {got}")
        } else if let Some(misread) = self.misread(path) {
            format!("unknown key `{key}`: {misread}")
        } else if self.found.problems.len() < self.suggested {
            let names = lookup::nearest(path);
            format!("unknown key `{key}`{}", lookup::question(&names))
        } else {
            format!("unknown key `{key}`")
        };
        self.found
            .problems
            .push(Problem::new(self.place(path), what));
    }

    /// Returns the message for a key that YAML 1.1 reads as another word.
    fn misread(&self, path: &[&str]) -> Option<String> {
        let full = [&self.above[..], path].concat();
        let spelled = self.layer.values.spelling(&full)?;
        let read = path.last()?;
        Some(format!(
            "YAML reads the key `{spelled}` as `{read}`; write \"{spelled}\" in quotes to keep it \
             as text"
        ))
    }

    /// Whether a top-level key only defines an anchor, like `x-common: &common` in Compose
    /// files.
    fn only_defines_an_anchor(&self, name: &str) -> bool {
        let anchored = self.layer.values.is_anchored(name) && !lookup::is_misspelt(&[name]);
        self.above.is_empty() && (anchored || name.starts_with("x-"))
    }

    fn ignore(&mut self, path: &[&str], value: &Value) {
        let path = path.iter().map(|step| (*step).to_owned());
        self.found.ignored.push((path.collect(), value.clone()));
    }
}

/// Whether a key in the section that has the name of the chart is a key of that section, and
/// not one that belongs at the top level.
pub(super) fn is_in_place(section: &[&str], name: &str) -> bool {
    let path = [section, &[name]].concat();
    keys::find(&path.join(".")).is_some() || foreign::find(&path, &Value::Null).is_some()
}

fn is_known(name: &str) -> bool {
    keys::find(name).is_some()
        || keys::has_below(name)
        || foreign::find(&[name], &Value::Null).is_some()
}

/// Returns the keys with invalid values, each with the problem; `place` returns where the user
/// sets a key.
pub(super) fn types(
    tree: &Value,
    place: &dyn Fn(&[&str]) -> Option<String>,
) -> Vec<(&'static Entry, Problem)> {
    let mut problems = Vec::new();
    for key in keys::all() {
        let path = keys::path(&key.path);
        let value = path.iter().fold(tree, |tree, name| &tree[*name]);
        for (below, what) in key.definition.kind.check_each(&key.path, value) {
            let mut path = path.clone();
            path.extend(below.iter().map(String::as_str));
            // A missing field has no place, so that of its parent is used.
            let mut lengths = (keys::path(&key.path).len()..=path.len()).rev();
            let place = lengths.find_map(|length| place(&path[..length]));
            let place = place.unwrap_or_else(|| DEFAULTS.to_owned());
            problems.push((key, Problem::new(place, what)));
        }
    }
    problems
}
