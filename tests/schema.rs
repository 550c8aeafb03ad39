//! Compares the JSON Schema and the commented defaults with the reader of values.

mod common;

use clearml_local::testing::profile::Profile;
use clearml_local::testing::release::Catalogue;
use clearml_local::testing::{files, values, yaml};
use serde_json::{Map, Value, json};

fn accepts(file: &Value) -> Result<(), String> {
    let validator = jsonschema::draft202012::new(&values::schema()).unwrap();
    validator.validate(file).map_err(|error| error.to_string())
}

fn defaults(release: &str) -> String {
    let release = Catalogue::builtin().find(release).unwrap();
    values::default_file(&release, Some(&Profile::for_memory(4_000_000_000)))
}

/// Returns a copy of the chart's values file.
fn copy_of_the_chart() -> Value {
    let text = include_str!("../assets/chart-4.0.0-values.json");
    let keys: Map<String, Value> = serde_json::from_str(text).unwrap();
    let mut tree = json!({});
    for (key, value) in keys {
        let (key, file) = match key.strip_suffix(".elasticsearch.yml") {
            Some(key) => (key, Some("elasticsearch.yml")),
            None => (key.as_str(), None),
        };
        let steps = key.split('.').chain(file);
        let slot = steps.fold(&mut tree, |tree, step| &mut tree[step]);
        *slot = value;
    }
    tree
}

#[test]
fn the_schema_is_valid_and_accepts_valid_values() {
    assert!(jsonschema::draft202012::meta::is_valid(&values::schema()));
    assert_eq!(accepts(&copy_of_the_chart()), Ok(()));
    for release in ["1.5.0", "2.3"] {
        let file: Value = yaml::one(&defaults(release)).unwrap();
        assert_eq!(accepts(&file), Ok(()));
    }
    let directory = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/values");
    let names = files::list(&directory).unwrap().into_iter();
    for name in names.filter(|name| !name.starts_with("refused-")) {
        let text = files::read(&directory.join(&name)).unwrap();
        let file: Value = yaml::one(&text.unwrap()).unwrap();
        assert_eq!(accepts(&file), Ok(()), "{name}");
    }
    for file in [
        json!({"redis": null, "apiserver": {"resources": null}}),
        json!({"apiserver": {"replicaCount": "2", "prepopulateEnabled": true}}),
    ] {
        assert_eq!(accepts(&file), Ok(()), "{file}");
    }
}

#[test]
fn the_schema_rejects_invalid_values() {
    for file in [
        json!({"apisever": {}}),
        json!({"apiserver": {"service": {"nodeprt": 30008}}}),
        json!({"apiserver": {"replicaCount": "many"}}),
        json!({"apiserver": {"service": {"nodePort": 80}}}),
        json!({"apiserver": {"service": {"type": "Nodeport"}}}),
        json!({"redis": {"cluster": {"enabled": true}}}),
        json!({"ingress": {"app": {"path": "/app"}}}),
        json!({"mongodb": {"persistence": {"size": "50 GB"}}}),
        json!({"webserver": {"resources": {"limit": {}}}}),
        json!({"redis": 1}),
    ] {
        assert!(accepts(&file).is_err(), "{file}");
        let text = yaml::to_string(&file);
        assert!(common::render("1.5.0", &text, &[]).is_err(), "{file}");
    }
}

#[test]
fn the_defaults_change_nothing() {
    for release in ["1.5.0", "2.3"] {
        let text = defaults(release);
        let with = common::render(release, &text, &[]).unwrap();
        let without = common::render(release, "", &[]).unwrap();
        assert!(with.objects == without.objects, "something changed");
        assert_eq!(with.warnings, [""; 0]);
    }
}

#[test]
fn commented_out_defaults_are_valid() {
    let mut text = String::new();
    for line in defaults("1.5.0").lines() {
        // One space after `#` means prose; none or several mean keys.
        let commented = line.trim_start().strip_prefix('#');
        let prose = |commented: &str| commented.starts_with(' ') && !commented.starts_with("  ");
        match commented {
            Some(commented) if !prose(commented) => {
                let indent = line.len() - line.trim_start().len();
                text.push_str(&" ".repeat(indent));
                text.push_str(commented);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    let with = common::render("1.5.0", &text, &[]);
    let with = with.unwrap_or_else(|error| panic!("{:?}", error.problems));
    let without = common::render("1.5.0", "", &[]).unwrap();
    assert!(with.objects == without.objects, "something changed");
}
