//! The effective value of each key and its origin.

use serde::Serialize;
use serde_json::{Value, json};

use super::keys::{self, Entry, Origin};
use super::layers::Layers;
use super::overrides::Overrides;
use crate::redact::{MASK, Secrecy, mask, mask_unknown};

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EffectiveValue {
    pub key: String,
    /// Its value; secrets are masked.
    pub value: Value,
    /// The origin: `values.yaml:12`, `--set`, `chart`, `release 1.5.0`, …
    pub from: String,
    #[serde(skip)]
    pub changed: bool,
}

/// Returns the effective values of all keys, in the order of the chart's file.
pub(super) fn effective_values(
    tree: &Value,
    defaults: &Value,
    overrides: &Overrides,
    layers: &Layers,
) -> Vec<EffectiveValue> {
    let one = |key: &Entry| {
        let definition = key.definition;
        let value = definition.at(tree);
        let normalized = |value| definition.kind.normalized(value);
        let generated = is_generated(definition.origin, value, tree);
        let source = || {
            let path: Vec<&str> = definition.steps().collect();
            // A removed value, such as a published secret, is only in the user's text.
            let own = overrides.has(&path).then(|| overrides.source(&path));
            let below = || layers.source(definition).map(str::to_owned);
            own.flatten().or_else(below).unwrap_or_default()
        };
        EffectiveValue {
            key: key.path.clone(),
            from: match generated {
                true => "generated for the instance".to_owned(),
                false => source(),
            },
            changed: normalized(value) != normalized(definition.at(defaults)),
            value: match generated {
                true => json!(MASK),
                false => shown(value, definition.secrecy),
            },
        }
    };
    keys::all().iter().map(one).collect()
}

fn shown(value: &Value, secrecy: Secrecy) -> Value {
    let mut value = value.clone();
    mask(&mut value, secrecy);
    value
}

/// Returns a tree of values with its secrets masked; it may be from another version.
pub fn redacted(tree: &Value) -> Value {
    let mut tree = tree.clone();
    redact_below(&mut tree, "");
    tree
}

fn redact_below(tree: &mut Value, prefix: &str) {
    let Value::Object(map) = tree else {
        return mask_unknown(tree, prefix);
    };
    for (name, value) in map {
        let path = format!("{prefix}{name}");
        match keys::find(&path) {
            Some(key) => mask(value, key.definition.secrecy),
            None if keys::has_below(&path) => redact_below(value, &format!("{path}.")),
            None => mask_unknown(value, &path),
        }
    }
}

/// Whether a secret is generated for the instance.
fn is_generated(origin: Origin, value: &Value, tree: &Value) -> bool {
    let is_empty = value.is_null() || *value == "";
    is_empty
        && match origin {
            Origin::Generated => true,
            Origin::GeneratedWith(switch) => switch.read(tree),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::DEFAULT;
    use crate::values::Controller;
    use crate::values::fixtures::resolve_text;

    fn effective_values(text: &str, sets: &[&str]) -> Vec<EffectiveValue> {
        effective_of(DEFAULT, None, text, sets)
    }

    fn effective_of(
        release: &str,
        controller: Option<Controller>,
        text: &str,
        sets: &[&str],
    ) -> Vec<EffectiveValue> {
        let resolved = resolve_text(release, 8, controller, text, sets);
        resolved.unwrap().effective
    }

    #[test]
    fn each_value_has_its_origin() {
        let shown = effective_values(
            "apiserver:\n  replicaCount: 2\n",
            &["secret.authToken=abcdefghijklmnopqrstuvwxyz,redis.usePassword=true"],
        );
        for (key, value, from) in [
            ("apiserver.replicaCount", json!(2), "values.yaml:2"),
            ("redis.usePassword", json!(true), "--set"),
            ("secret.authToken", json!(MASK), "--set"),
            (
                "secret.httpSession",
                json!(MASK),
                "generated for the instance",
            ),
            ("redis.password", json!(MASK), "generated for the instance"),
            ("redis.image.tag", json!("6.2"), "release 1.5.0"),
            (
                "elasticsearch.esJavaOpts",
                json!("-Xmx1g -Xms1g"),
                "host (profile standard)",
            ),
            ("webserver.service.port", json!(80), "chart"),
            ("apiserver.watchdog.enabled", json!(true), "clearml-local"),
        ] {
            let one = shown.iter().find(|one| one.key == key).unwrap();
            assert_eq!((&one.value, one.from.as_str()), (&value, from), "{key}");
        }
        assert!(!format!("{shown:?}").contains("abcdefgh"));
    }

    /// A copy of the chart's file has `enabled: false` for each ingress.
    #[test]
    fn ingresses_that_with_ingress_enables_have_that_origin() {
        let controller = Controller {
            class: "traefik",
            node_ports: [30082, 30443],
        };
        let text = "\
ingress:
  app: {enabled: false}
  api: {enabled: 'false', hostName: api.example.com}
";
        let enabled = |controller, sets: &[&str]| {
            let shown = effective_of(DEFAULT, controller, text, sets);
            ["ingress.app.enabled", "ingress.api.enabled"].map(|key| {
                let one = shown.iter().find(|one| one.key == key).unwrap();
                (one.value.clone(), one.from.clone(), one.changed)
            })
        };
        let from = |value: Value, from: &str, changed| (value, from.to_owned(), changed);
        assert_eq!(
            enabled(Some(controller), &[]),
            [(); 2].map(|()| from(json!(true), "--with-ingress", true))
        );
        let own = [
            from(json!(false), "values.yaml:2", false),
            from(json!("false"), "values.yaml:3", false),
        ];
        assert_eq!(enabled(None, &[]), own);
        let files = ["ingress.files.enabled=true"];
        assert_eq!(enabled(Some(controller), &files), own);
    }

    #[test]
    fn values_of_the_release_and_of_the_profile_have_their_origin() {
        let of = |release: &str, text: &str, key: &str| {
            let shown = effective_of(release, None, text, &[]).into_iter();
            let one = shown.into_iter().find(|one| one.key == key).unwrap();
            (one.from, one.changed)
        };
        let from = |from: &str, changed| (from.to_owned(), changed);
        let settings = "elasticsearch.extraEnvs";
        assert_eq!(of(DEFAULT, "", settings), from("chart", false));
        assert_eq!(of("2.3", "", settings), from("release 2.3", false));
        let heap = "elasticsearch: {esJavaOpts: -Xmx3g}\n";
        let resources = "elasticsearch.resources";
        assert_eq!(
            of(DEFAULT, heap, resources),
            from("host (profile standard)", true)
        );
    }

    #[test]
    fn another_notation_of_the_default_is_not_a_change() {
        let text = "apiserver:\n  prepopulateEnabled: true\n  replicaCount: '1'\n";
        let changed = |text: &str| -> Vec<String> {
            let shown = effective_values(text, &[]).into_iter();
            let changed = shown.filter(|one| one.changed);
            changed.map(|one| one.key).collect()
        };
        assert_eq!(changed(text), [""; 0]);
        assert_eq!(changed("redis: {resources: null}\n"), ["redis.resources"]);
    }

    #[test]
    fn passwords_of_users_are_masked() {
        let text = "apiserver:\n  fixedUsers:\n    enabled: true\n    users:\n    - {username: me, password: hidden-word, name: Me}\n";
        let shown = effective_values(text, &["imageCredentials.password=hidden-too"]);
        assert!(!format!("{shown:?}").contains("hidden"), "{shown:?}");
    }
}
