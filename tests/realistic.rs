//! Snapshots of what values files of real installations change in the objects, and of
//! the messages about files for other charts. The files are in `tests/values` (rejected
//! ones start with `is_refused-`) and in `tests/other-charts`. A first line
//! `# release: 2.3` selects the release.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use clearml_local::testing::error::Explain;
use clearml_local::testing::files;
use clearml_local::testing::namespace::Namespace;
use clearml_local::testing::profile::Profile;
use clearml_local::testing::values::Target;
use serde_json::{Map, Value};

use self::common::Rendered;

/// Returns the objects by kind and name, without derived parts.
fn objects(rendered: Rendered) -> (BTreeMap<String, Value>, Vec<String>) {
    let named = rendered.objects.iter().map(|object| {
        let mut value = object.as_value().clone();
        let name = value["metadata"]["name"].as_str().unwrap().to_owned();
        let name = format!("{}/{name}", object.kind());
        remove_derived(&mut value);
        (name, value)
    });
    (named.collect(), rendered.warnings)
}

/// Removes checksums and the wait script.
fn remove_derived(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| name != "clearml-local.io/configuration");
            map.values_mut().for_each(remove_derived);
        }
        Value::Array(items) => items.iter_mut().for_each(remove_derived),
        Value::String(text) if text.contains("wait NAME KIND HOST PORT") => {
            *text = "wait.sh".into()
        }
        _ => {}
    }
}

/// Lists the leaves that differ, as `path: before -> after`.
fn differences(path: &str, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<String>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            map_differences(path, before, after, out);
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            map_differences(path, &by_name(before), &by_name(after), out);
        }
        (before, after) => {
            let text = |value: Option<&Value>| value.map_or("nothing".into(), Value::to_string);
            out.push(format!("  {path}: {} -> {}", text(before), text(after)));
        }
    }
}

fn map_differences(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    out: &mut Vec<String>,
) {
    let new = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(new) {
        let child = format!("{path}/{name}");
        differences(&child, before.get(name), after.get(name), out);
    }
}

/// Returns items by name, or by index if they have none.
fn by_name(items: &[Value]) -> Map<String, Value> {
    let named = items.iter().enumerate().map(|(index, item)| {
        let name = item["name"].as_str().map(str::to_owned);
        (name.unwrap_or_else(|| index.to_string()), item.clone())
    });
    named.collect()
}

/// Returns whether two objects have the same purpose for the same component.
fn have_same_purpose(one: &Value, other: &Value) -> bool {
    const COMPONENT: &str = "clearml-local.io/component";
    let is = |object: &Value| {
        let component = object["metadata"]["labels"][COMPONENT].clone();
        let headless = object["spec"]["clusterIP"] == "None";
        (object["kind"].clone(), component, headless)
    };
    one["metadata"]["labels"][COMPONENT].is_string() && is(one) == is(other)
}

/// Returns one line for each part of an object.
fn parts(object: &Value) -> Vec<String> {
    let parts = ["/metadata/annotations", "/spec", "/stringData", "/data"];
    let present = parts
        .into_iter()
        .filter_map(|part| Some((part, object.pointer(part)?)));
    present
        .map(|(part, value)| format!("  {part}: {value}"))
        .collect()
}

/// Returns the changes that a file makes, one line for each leaf.
fn changes(file: &str, target: Target<'_>) -> String {
    let release = file
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# release: "));
    let release = release.unwrap_or("1.5.0");
    let after = match common::render_for(target, release, file, &[]) {
        Ok(after) => after,
        Err(error) => {
            let problems = error.problems.iter();
            let problems = problems.map(|problem| format!("refused: {problem}"));
            return problems.collect::<Vec<_>>().join("\n");
        }
    };
    let (before, _) = objects(common::render_for(target, release, "", &[]).unwrap());
    let (after, warnings) = objects(after);
    let mut out: Vec<String> = warnings
        .iter()
        .map(|warning| format!("warning: {warning}"))
        .collect();
    let mut removed: Vec<&String> = before
        .keys()
        .filter(|name| !after.contains_key(*name))
        .collect();
    for (name, object) in &after {
        // A removed object with the same purpose was renamed.
        let mut renamed = || {
            let same = |removed: &&String| have_same_purpose(&before[*removed], object);
            let found = removed.iter().position(same);
            found.map(|index| removed.remove(index))
        };
        let (old, title) = match before.get_key_value(name) {
            Some((_, old)) => (old, format!("changed: {name}")),
            None => match renamed() {
                Some(previous) => (&before[previous], format!("renamed: {previous} -> {name}")),
                None => (&Value::Null, format!("new: {name}")),
            },
        };
        let mut lines = Vec::new();
        match old.is_null() {
            true => lines.extend(parts(object)),
            false => differences("", Some(old), Some(object), &mut lines),
        }
        if !lines.is_empty() {
            out.push(title);
            out.extend(lines);
        }
    }
    out.extend(removed.iter().map(|name| format!("gone: {name}")));
    out.join("\n")
}

/// Returns the lines that only one of two texts has.
fn different(node: &str, cluster: &str) -> String {
    let only = |text: &str, other: &str, label: &str| {
        let lines = text
            .lines()
            .filter(|line| !other.lines().any(|one| one == *line));
        lines
            .map(|line| format!("{label}: {}\n", line.trim_start()))
            .collect::<String>()
    };
    only(node, cluster, "node") + &only(cluster, node, "cluster")
}

#[test]
fn values_files_of_real_installations() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values");
    let names = files::list(&directory).unwrap();
    assert!(names.len() >= 8, "{names:?}");
    let node = Target::Node {
        profile: &Profile::for_memory(4_000_000_000),
        controller: None,
    };
    let cluster = Target::Cluster {
        namespace: &Namespace::default(),
    };
    for name in names {
        let text = files::read(&directory.join(&name)).unwrap().unwrap();
        let name = name.trim_end_matches(".yaml");
        let on_node = changes(&text, node);
        let is_refused = on_node.starts_with("refused: ");
        let wanted = name.starts_with("refused-");
        assert_eq!(is_refused, wanted, "{name}: {on_node}");
        // Most changes are the same in an existing cluster.
        let on_cluster = changes(&text, cluster);
        insta::assert_snapshot!(format!("{name}.cluster"), different(&on_node, &on_cluster));
        insta::assert_snapshot!(name, on_node);
    }
}

#[test]
fn values_files_for_other_charts() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/other-charts");
    for name in files::list(&directory).unwrap() {
        let text = files::read(&directory.join(&name)).unwrap();
        let messages = match common::render("1.5.0", &text.unwrap(), &[]) {
            Ok(rendered) => rendered.warnings.join("\n"),
            Err(error) => format!("{error}\n{}", error.all_details().join("\n")),
        };
        let name = name.trim_end_matches(".yaml");
        insta::assert_snapshot!(format!("other-charts-{name}"), messages);
    }
}
