//! Whether the values of a user name keys that exist and have an effect, and whether
//! the values in force fit them.

use serde_json::{Map, Value};

use super::keys::{self, Effect, Entry};
use super::kind;
use super::lookup;
use super::newer::{self, Foreign, Known, wrapper};
use super::overrides::Layer;
use super::{DEFAULTS, Problem};

/// What was found at one place.
#[derive(Default)]
pub(super) struct Checked {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    /// What is there and is no value: keys of other charts at their defaults, and keys
    /// that only hold an anchor.
    pub(super) ignored: Vec<(Vec<String>, Value)>,
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

/// Checks the keys of one place. `whole` is all that the user wrote; names are suggested
/// for as many problems as `suggested`.
pub(super) fn layer(layer: &Layer, whole: &Value, suggested: usize) -> Checked {
    let mut check = Check {
        layer,
        whole,
        suggested,
        above: Vec::new(),
        foreign: Vec::new(),
        found: Checked::default(),
    };
    match wrapper::find(&layer.values.tree) {
        Some(path) => check.wrapped(&path),
        None => check.below(&layer.values.tree, &mut Vec::new()),
    }
    let (problem, warning) = newer::findings(&layer.name(), &check.foreign);
    let mut found = check.found;
    found.problems.splice(0..0, problem);
    found.warnings.extend(warning);
    found
}

struct Check<'a> {
    layer: &'a Layer,
    whole: &'a Value,
    suggested: usize,
    /// Where the values of the chart are, if not at the top.
    above: Vec<&'a str>,
    foreign: Vec<Foreign>,
    found: Checked,
}

impl<'a> Check<'a> {
    /// Checks what an umbrella chart's file has at that path.
    fn wrapped(&mut self, path: &[&'a str]) {
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
        // What stands beside it at the top, and in the section that is called like the
        // chart.
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
            match newer::find(path, value) {
                Some(Known::Section) => self.below(value, path),
                Some(Known::Key(recognised)) => {
                    let full = [&self.above[..], path].concat();
                    let at = (self.place(path), self.layer.values.line_of(&full));
                    let one = Foreign::new(recognised, path, value, self.whole, at);
                    self.foreign.push(one);
                    self.ignore(path, value);
                }
                None if path.len() == 1 && self.only_holds_an_anchor(name) => {
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
            Effect::Nothing(why) if differs => self.found.warnings.push(format!(
                "{place}: `{key}` has no effect, as in chart 4.0.0: {why}"
            )),
            Effect::Refused(instead) if differs => {
                let what = format!("`{key}` is not supported: {instead}");
                self.found.problems.push(Problem::new(place, what));
            }
            Effect::Works | Effect::Nothing(_) | Effect::Refused(_) => {}
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

    /// What to say of a key that YAML 1.1 reads as another word.
    fn misread(&self, path: &[&str]) -> Option<String> {
        let full = [&self.above[..], path].concat();
        let spelled = self.layer.values.spelling(&full)?;
        let read = path.last()?;
        Some(format!(
            "YAML reads the key `{spelled}` as `{read}`; write \"{spelled}\" in quotes to keep it \
             as text"
        ))
    }

    /// Whether a key at the top is there for the parts of the file that use its anchor, as
    /// `x-common: &common` in Compose files is.
    fn only_holds_an_anchor(&self, name: &str) -> bool {
        let anchored = self.layer.values.is_anchored(name) && !lookup::is_misspelt(&[name]);
        self.above.is_empty() && (anchored || name.starts_with("x-"))
    }

    fn ignore(&mut self, path: &[&str], value: &Value) {
        let path = path.iter().map(|step| (*step).to_owned());
        self.found.ignored.push((path.collect(), value.clone()));
    }
}

/// Whether a key in a section that is called like the chart is a key of the chart there,
/// and not one that belongs at the top.
pub(super) fn is_in_place(section: &[&str], name: &str) -> bool {
    let path = [section, &[name]].concat();
    keys::find(&path.join(".")).is_some() || newer::find(&path, &Value::Null).is_some()
}

fn is_known(name: &str) -> bool {
    keys::find(name).is_some()
        || keys::has_below(name)
        || newer::find(&[name], &Value::Null).is_some()
}

/// The keys whose values are not what they expect, each with the problem; `place` says
/// where the user sets a key.
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
            // What is missing has no place of its own.
            let mut lengths = (keys::path(&key.path).len()..=path.len()).rev();
            let place = lengths.find_map(|length| place(&path[..length]));
            let place = place.unwrap_or_else(|| DEFAULTS.to_owned());
            problems.push((key, Problem::new(place, what)));
        }
    }
    problems
}
