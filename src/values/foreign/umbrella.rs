//! Values files of umbrella charts, which have the values of this chart below its name or
//! alias.

use std::collections::BTreeSet;

use helm_values::merge_maps;
use serde_json::{Map, Value};

use crate::values::check::is_in_place;

/// Sections that only the `clearml` chart has.
const SERVERS: [&str; 3] = ["apiserver", "fileserver", "webserver"];

/// Sections that other charts have as well.
const OTHERS: [&str; 5] = [
    "redis",
    "mongodb",
    "elasticsearch",
    "externalServices",
    "secret",
];

/// The maximum depth of the section: umbrella charts may include one another.
const MAX_DEPTH: usize = 3;

/// The section of this chart that has the name of the chart.
const SELF: &str = "clearml";

/// Returns the path of the section with the values of the chart, unless they are at the top
/// level.
pub(in crate::values) fn find(tree: &Value) -> Option<Vec<&str>> {
    let top = tree.as_object()?;
    // With a server at the top level, the file is for this chart itself.
    if SERVERS.iter().any(|server| top.contains_key(*server)) {
        return below(&[(SELF, top.get(SELF)?)], 1);
    }
    let all: Vec<(&str, &Value)> = top
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    below(&all, 1)
}

fn below<'a>(entries: &[(&'a str, &'a Value)], depth: usize) -> Option<Vec<&'a str>> {
    for (name, value) in entries {
        let Some(map) = value.as_object() else {
            continue;
        };
        if is_chart(name, map) {
            return Some(vec![name]);
        }
        let known = SERVERS.contains(name) || OTHERS.contains(name) || *name == "ingress";
        if depth < MAX_DEPTH && !known {
            let inner: Vec<(&str, &Value)> = map
                .iter()
                .map(|(name, value)| (name.as_str(), value))
                .collect();
            if let Some(mut path) = below(&inner, depth + 1) {
                path.insert(0, name);
                return Some(path);
            }
        }
    }
    None
}

fn is_chart(name: &str, map: &Map<String, Value>) -> bool {
    let has = |sections: &[&str]| {
        let found = sections
            .iter()
            .filter(|section| map.get(**section).is_some_and(Value::is_object));
        found.count()
    };
    let others = has(&OTHERS);
    has(&SERVERS) > 0 || others > 1 || name == SELF && others > 0
}

/// Values of the chart that were moved from a section to the top level.
#[derive(Debug, Clone)]
pub(in crate::values) struct Lifted {
    section: Vec<String>,
    names: BTreeSet<String>,
}

impl Lifted {
    /// Moves the values to the top level, as the error tells the user to, if they are in a
    /// section.
    pub(in crate::values) fn find(tree: &mut Value) -> Option<Lifted> {
        let section = find(tree)?.into_iter().map(str::to_owned).collect();
        let names = BTreeSet::new();
        let lifted = Lifted { section, names };
        let names = lifted.lift(tree);
        Some(Lifted { names, ..lifted })
    }

    /// Moves the values of a tree; those at the top level take precedence. Returns the names.
    pub(in crate::values) fn lift(&self, tree: &mut Value) -> BTreeSet<String> {
        let section: Vec<&str> = self.section.iter().map(String::as_str).collect();
        let inner = section
            .iter()
            .try_fold(&mut *tree, |tree, step| tree.get_mut(*step));
        let Some(Value::Object(inner)) = inner else {
            return BTreeSet::new();
        };
        let (stay, mut moved): (Map<String, Value>, Map<String, Value>) = std::mem::take(inner)
            .into_iter()
            .partition(|(name, _)| is_in_place(&section, name));
        *inner = stay;
        let names = moved.keys().cloned().collect();
        if let Value::Object(top) = tree {
            merge_maps(&mut moved, std::mem::take(top));
            *top = moved;
        }
        names
    }

    /// Returns the path at which the user wrote a value.
    pub(in crate::values) fn original<'a>(&'a self, path: &[&'a str]) -> Vec<&'a str> {
        let is_lifted = path.first().is_some_and(|name| self.names.contains(*name));
        let above = self.section.iter().filter(|_| is_lifted);
        let above = above.map(String::as_str);
        above.chain(path.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_section_with_the_values_of_the_chart() {
        for (tree, path) in [
            (json!({"clearml": {"apiserver": {}}}), Some(vec!["clearml"])),
            (
                json!({"clearml": {"redis": {"enabled": false}}}),
                Some(vec!["clearml"]),
            ),
            (json!({"clearml": {"defaultCompany": "a"}}), None),
            (
                json!({"kafka": {}, "mlops": {"clearml": {"webserver": {}}}}),
                Some(vec!["mlops", "clearml"]),
            ),
            (
                json!({"tracking": {"redis": {}, "mongodb": {}}}),
                Some(vec!["tracking"]),
            ),
            (json!({"shop": {"redis": {}}}), None),
            (json!({"apiserver": {}, "x-all": {"fileserver": {}}}), None),
            (json!({"redis": {"apiserver": 1}}), None),
            (json!(null), None),
        ] {
            assert_eq!(find(&tree), path, "{tree}");
        }
    }
}
