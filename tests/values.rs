//! Every key changes the objects, or is reported to have no effect.

mod common;
mod keys;

use std::collections::BTreeSet;

use clearml_local::testing::manifests::Object;
use clearml_local::testing::namespace::Namespace;
use clearml_local::testing::values::Target;
use serde_json::Value;

use self::keys::{Effect, Row};

/// Returns the keys of the chart with their defaults.
fn chart() -> serde_json::Map<String, Value> {
    serde_json::from_str(include_str!("../assets/chart-4.0.0-values.json")).unwrap()
}

/// Returns all known keys from the schema.
fn known() -> BTreeSet<String> {
    fn walk(schema: &Value, path: &str, found: &mut BTreeSet<String>) {
        for (name, child) in schema["properties"].as_object().into_iter().flatten() {
            let path = match path {
                "" => name.clone(),
                path => format!("{path}.{name}"),
            };
            match child.get("default") {
                Some(_) => drop(found.insert(path)),
                None => walk(child, &path, found),
            }
        }
    }
    let mut found = BTreeSet::new();
    walk(&clearml_local::testing::values::schema(), "", &mut found);
    found
}

/// Returns the value at `Kind/name` and `/a/b/NAME/c`. List items are selected by index
/// or name.
fn at<'a>(objects: &'a [Object], object: &str, pointer: &str) -> Option<&'a Value> {
    let named = |one: &&Object| {
        let name = one.as_value()["metadata"]["name"].as_str().unwrap();
        format!("{}/{name}", one.kind()) == object
    };
    let object = objects.iter().find(named)?.as_value();
    let steps = pointer.split('/').skip(1);
    let mut steps = steps.map(|step| step.replace("~1", "/"));
    steps.try_fold(object, |value, step| match value {
        Value::Array(items) => match step.parse::<usize>() {
            Ok(index) => items.get(index),
            Err(_) => items.iter().find(|item| item["name"] == step.as_str()),
        },
        map => map.get(&step),
    })
}

/// Returns the problem with a row of the table on a local node or in an existing cluster.
fn problem(row: &Row, is_cluster: bool) -> Option<String> {
    let namespace = Namespace::default();
    let render = |sets: &[&str]| match is_cluster {
        true => {
            let namespace = &namespace;
            common::render_for(Target::Cluster { namespace }, row.release, "", sets)
        }
        false => common::render(row.release, "", sets),
    };
    let sets: Vec<&str> = row.sets.iter().map(String::as_str).collect();
    let (last, others) = sets.split_last().unwrap();
    let rendered = render(&sets);
    match row.effect_for(is_cluster) {
        Effect::Rejected(instead) => match rendered {
            Ok(_) => Some("it is accepted".into()),
            Err(error) => (!error.to_string().contains(instead)).then(|| error.to_string()),
        },
        Effect::Nothing => {
            let rendered = rendered.unwrap();
            let warning = format!("`{}` has no effect, as in chart 4.0.0: ", row.key);
            let warned = rendered.warnings.iter().any(|one| one.contains(&warning));
            let without = render(others).unwrap();
            match () {
                () if !warned => Some("no warning says that it has no effect".into()),
                () if rendered.objects != without.objects => Some("it has an effect".into()),
                () => None,
            }
        }
        Effect::Warns(words) => {
            let rendered = rendered.unwrap();
            let warned = rendered.warnings.iter().any(|one| one.contains(words));
            let without = render(others).unwrap();
            match () {
                () if !warned => Some(format!("it does not warn: {:?}", rendered.warnings)),
                () if rendered.objects != without.objects => Some("it has an effect".into()),
                () => None,
            }
        }
        Effect::Changes(object, pointer, expected) => {
            let rendered = match rendered {
                Ok(rendered) => rendered.objects,
                Err(error) => return Some(format!("{last}: {error} {:?}", error.problems)),
            };
            // The settings that a key needs may be invalid without it.
            let before = render(others).or_else(|_| render(&[]));
            let before = before.unwrap().objects;
            let now = at(&rendered, object, pointer);
            if now != expected.as_ref() {
                return Some(format!("{object} {pointer} is {now:?}, not {expected:?}"));
            }
            let same = at(&before, object, pointer) == now;
            same.then(|| format!("{object} {pointer} is {now:?} without it as well"))
        }
    }
}

#[test]
fn every_key_has_the_effect_in_the_table() {
    let rows = keys::table();
    for is_cluster in [false, true] {
        let problem = |row: &Row| Some(format!("{}: {}", row.key, problem(row, is_cluster)?));
        let problems: Vec<String> = rows.iter().filter_map(problem).collect();
        let problems = problems.join("\n");
        assert!(problems.is_empty(), "cluster: {is_cluster}\n{problems}");
    }
}

#[test]
fn every_key_is_in_the_table() {
    let rows = keys::table();
    let chart = chart();
    let covers = |row: &Row, key: &str| {
        let rest = row.key.strip_prefix(key);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let known = known();
    let wanted = chart.keys().chain(&known);
    let missing: Vec<&String> = wanted
        .filter(|key| !rows.iter().any(|row| covers(row, key)))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
    assert_eq!(chart.len(), 124);
}
