//! A values file of an umbrella chart, which has the values of this one below the name
//! under which it is included.

use std::collections::BTreeSet;

use helm_values::merge_maps;
use serde_json::{Map, Value};

use crate::values::check::is_in_place;

/// Sections that only the `clearml` chart has.
const SERVERS: [&str; 3] = ["apiserver", "fileserver", "webserver"];

/// Sections that others have as well.
const OTHERS: [&str; 5] = [
    "redis",
    "mongodb",
    "elasticsearch",
    "externalServices",
    "secret",
];

/// How deep it may be: umbrella charts include one another.
const DEEPEST: usize = 3;

/// The section of this chart that is called like the chart.
const SELF: &str = "clearml";

/// The path of the map that holds the values of the chart, unless that is the whole.
pub(in crate::values) fn find(tree: &Value) -> Option<Vec<&str>> {
    let top = tree.as_object()?;
    // Who writes a server at the top means this chart.
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
        if depth < DEEPEST && !known {
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
        let there = sections
            .iter()
            .filter(|section| map.get(**section).is_some_and(Value::is_object));
        there.count()
    };
    let others = has(&OTHERS);
    has(&SERVERS) > 0 || others > 1 || name == SELF && others > 0
}

/// Values of the chart that stand below a section, read as if they stood at the top.
#[derive(Debug, Clone)]
pub(in crate::values) struct Lifted {
    section: Vec<String>,
    names: BTreeSet<String>,
}

impl Lifted {
    /// Moves the values to the top, as the user is told to, if they are below a section.
    pub(in crate::values) fn find(tree: &mut Value) -> Option<Lifted> {
        let section = find(tree)?.into_iter().map(str::to_owned).collect();
        let names = BTreeSet::new();
        let lifted = Lifted { section, names };
        let names = lifted.lift(tree);
        Some(Lifted { names, ..lifted })
    }

    /// Moves what a tree has there; what is at the top already wins. Returns the names.
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

    /// Where the user wrote what stands at that path now.
    pub(in crate::values) fn written<'a>(&'a self, path: &[&'a str]) -> Vec<&'a str> {
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
    fn the_charts_values_are_found_below_the_name_of_the_chart() {
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
