//! A values file of an umbrella chart, which has the values of this one below the name
//! under which it is included.

use serde_json::{Map, Value};

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
