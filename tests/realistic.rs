//! What values files of real installations change in the objects, and what is said of
//! files for other charts. The files are in `tests/values`, where those that are refused
//! begin with `refused-`, and in `tests/other-charts`; a first line `# release: 2.3` says
//! for which release they are.

mod common;

use std::collections::BTreeMap;
use std::path::Path;

use clearml_local::testing::error::Explain;
use clearml_local::testing::files;
use serde_json::{Map, Value};

use self::common::Rendered;

/// The objects by kind and name, without what follows from the rest.
fn objects(rendered: Rendered) -> (BTreeMap<String, Value>, Vec<String>) {
    let named = rendered.objects.iter().map(|object| {
        let mut value = object.as_value().clone();
        let name = value["metadata"]["name"].as_str().unwrap().to_owned();
        let name = format!("{}/{name}", object.kind());
        forget(&mut value);
        (name, value)
    });
    (named.collect(), rendered.warnings)
}

/// Takes out checksums, and the script that waits.
fn forget(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|name, _| name != "clearml-local.io/configuration");
            map.values_mut().for_each(forget);
        }
        Value::Array(items) => items.iter_mut().for_each(forget),
        Value::String(text) if text.contains("wait NAME KIND HOST PORT") => {
            *text = "wait.sh".into()
        }
        _ => {}
    }
}

/// The leaves below a value that differ, as `path: before -> after`.
fn differences(path: &str, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<String>) {
    match (before, after) {
        (before, after) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => {
            of_maps(path, before, after, out);
        }
        (Some(Value::Array(before)), Some(Value::Array(after))) => {
            of_maps(path, &by_name(before), &by_name(after), out);
        }
        (before, after) => {
            let text = |value: Option<&Value>| value.map_or("nothing".into(), Value::to_string);
            out.push(format!("  {path}: {} -> {}", text(before), text(after)));
        }
    }
}

fn of_maps(
    path: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    out: &mut Vec<String>,
) {
    let new = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(new) {
        let below = format!("{path}/{name}");
        differences(&below, before.get(name), after.get(name), out);
    }
}

/// Items by their name, or by their place.
fn by_name(items: &[Value]) -> Map<String, Value> {
    let named = items.iter().enumerate().map(|(index, item)| {
        let name = item["name"].as_str().map(str::to_owned);
        (name.unwrap_or_else(|| index.to_string()), item.clone())
    });
    named.collect()
}

/// Whether two objects do the same for the same component.
fn alike(one: &Value, other: &Value) -> bool {
    const COMPONENT: &str = "clearml-local.io/component";
    let is = |object: &Value| {
        let component = object["metadata"]["labels"][COMPONENT].clone();
        let headless = object["spec"]["clusterIP"] == "None";
        (object["kind"].clone(), component, headless)
    };
    one["metadata"]["labels"][COMPONENT].is_string() && is(one) == is(other)
}

/// What is in an object, a line for each part.
fn parts(object: &Value) -> Vec<String> {
    let parts = ["/metadata/annotations", "/spec", "/stringData", "/data"];
    let there = parts
        .into_iter()
        .filter_map(|part| Some((part, object.pointer(part)?)));
    there
        .map(|(part, value)| format!("  {part}: {value}"))
        .collect()
}

/// What a file changes, a line for each leaf.
fn changes(file: &str) -> String {
    let release = file
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("# release: "));
    let release = release.unwrap_or("1.5.0");
    let after = match common::render(release, file, &[]) {
        Ok(after) => after,
        Err(error) => {
            let problems = error.problems.iter();
            let problems = problems.map(|problem| format!("refused: {problem}"));
            return problems.collect::<Vec<_>>().join("\n");
        }
    };
    let (before, _) = objects(common::render(release, "", &[]).unwrap());
    let (after, warnings) = objects(after);
    let mut out: Vec<String> = warnings
        .iter()
        .map(|warning| format!("warning: {warning}"))
        .collect();
    let mut gone: Vec<&String> = before
        .keys()
        .filter(|name| !after.contains_key(*name))
        .collect();
    for (name, object) in &after {
        // One that is gone and does the same had another name.
        let mut renamed = || {
            let same = |gone: &&String| alike(&before[*gone], object);
            let found = gone.iter().position(same);
            found.map(|index| gone.remove(index))
        };
        let (was, title) = match before.get_key_value(name) {
            Some((_, was)) => (was, format!("changed: {name}")),
            None => match renamed() {
                Some(old) => (&before[old], format!("renamed: {old} -> {name}")),
                None => (&Value::Null, format!("new: {name}")),
            },
        };
        let mut own = Vec::new();
        match was.is_null() {
            true => own.extend(parts(object)),
            false => differences("", Some(was), Some(object), &mut own),
        }
        if !own.is_empty() {
            out.push(title);
            out.extend(own);
        }
    }
    out.extend(gone.iter().map(|name| format!("gone: {name}")));
    out.join("\n")
}

#[test]
fn files_change_what_they_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values");
    let names = files::list(&folder).unwrap();
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let text = files::read(&folder.join(&name)).unwrap();
        let name = name.trim_end_matches(".yaml");
        let changes = changes(&text.unwrap());
        let refused = changes.starts_with("refused: ");
        assert_eq!(refused, name.starts_with("refused-"), "{name}: {changes}");
        insta::assert_snapshot!(name, changes);
    }
}

#[test]
fn files_for_other_charts_say_what_to_write_instead() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/other-charts");
    for name in files::list(&folder).unwrap() {
        let text = files::read(&folder.join(&name)).unwrap();
        let said = match common::render("1.5.0", &text.unwrap(), &[]) {
            Ok(rendered) => rendered.warnings.join("\n"),
            Err(error) => format!("{error}\n{}", error.all_details().join("\n")),
        };
        let name = name.trim_end_matches(".yaml");
        insta::assert_snapshot!(format!("other-charts-{name}"), said);
    }
}
