//! Every key in force, with its value and where that comes from.

use serde::Serialize;
use serde_json::{Value, json};

use super::keys::{self, Entry, Origin, ingress};
use super::kind::Secrecy;
use super::{Inputs, Resolved, defaults};
use crate::redact::{MASK, mask_within};

/// A key in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InForce {
    /// Its full name.
    pub key: String,
    /// Its value; secrets are masked.
    pub value: Value,
    /// Where it comes from: `values.yaml:12`, `--set`, `chart`, `release 1.5.0`, …
    pub from: String,
    /// Whether it differs from the default.
    #[serde(skip)]
    pub changed: bool,
}

impl Resolved {
    /// Every key in force, in the order of the chart's file. `inputs` are those that
    /// it was resolved from.
    pub fn in_force(&self, inputs: &Inputs<'_>) -> Vec<InForce> {
        let defaults = defaults(inputs);
        let keys = keys::all().iter();
        keys.map(|key| self.one(key, &defaults, inputs)).collect()
    }

    fn one(&self, key: &Entry, defaults: &Value, inputs: &Inputs<'_>) -> InForce {
        let definition = key.definition;
        let path: Vec<&str> = definition.steps().collect();
        let value = definition.at(&self.tree).clone();
        // Values that were left out, such as published secrets, are in no tree.
        let from = match self.overrides.has(&path) {
            true => self.overrides.source(&path),
            false => None,
        };
        let made = self.is_made(definition.origin, &value);
        let opens = self.opened
            && ingress::SITES
                .iter()
                .any(|(_, site)| std::ptr::eq(&site.enabled.definition, definition));
        let from = match opens {
            true => Some("--with-ingress".to_owned()),
            false => from.filter(|_| !made),
        };
        let meaning = |value| definition.kind.meaning(value);
        InForce {
            from: from.unwrap_or_else(|| source_of_default(key, made, inputs)),
            changed: meaning(&value) != meaning(definition.at(defaults)),
            value: masked(definition.secrecy, value, made),
            key: key.path.clone(),
        }
    }

    /// Whether a secret is made for the instance.
    fn is_made(&self, origin: Origin, value: &Value) -> bool {
        let nothing = value.is_null() || *value == "";
        nothing
            && match origin {
                Origin::Generated => true,
                Origin::GeneratedWith(switch) => switch.read(&self.tree),
                _ => false,
            }
    }
}

fn source_of_default(key: &Entry, made: bool, inputs: &Inputs<'_>) -> String {
    match key.definition.origin {
        _ if made => "generated for the instance".into(),
        Origin::Release => format!("release {}", inputs.release.name),
        Origin::Profile => format!("host (profile {})", inputs.profile.name),
        _ if key.chart == Some(&key.default) => "chart".into(),
        _ => "clearml-local".into(),
    }
}

fn masked(secrecy: Secrecy, mut value: Value, made: bool) -> Value {
    let nothing = value.is_null() || value == "";
    match secrecy {
        _ if made => return json!(MASK),
        Secrecy::Secret if !nothing => return json!(MASK),
        Secrecy::Secret => {}
        Secrecy::Passwords => {
            for user in value.as_array_mut().into_iter().flatten() {
                user["password"] = json!(MASK);
            }
        }
        Secrecy::Open => mask_within(&mut value),
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::{KeptFile, SetArgument, SetKind};
    use crate::profile::Profile;
    use crate::release::{Catalogue, DEFAULT};
    use crate::values::resolve;

    fn in_force(text: &str, sets: &[&str]) -> Vec<InForce> {
        let files = [KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        }];
        let sets: Vec<SetArgument> = sets
            .iter()
            .map(|text| SetArgument::new(SetKind::Set, *text))
            .collect();
        let inputs = Inputs {
            release: &Catalogue::builtin().find(DEFAULT).unwrap(),
            profile: &Profile::for_machine(8_000_000_000),
            files: &files,
            sets: &sets,
            controller: None,
        };
        resolve(&inputs).unwrap().in_force(&inputs)
    }

    #[test]
    fn each_value_says_where_it_comes_from() {
        let shown = in_force(
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

    #[test]
    fn only_another_meaning_is_a_change() {
        let text = "apiserver:\n  prepopulateEnabled: true\n  replicaCount: '1'\n";
        let changed = |text: &str| -> Vec<String> {
            let shown = in_force(text, &[]).into_iter();
            let changed = shown.filter(|one| one.changed);
            changed.map(|one| one.key).collect()
        };
        assert_eq!(changed(text), [""; 0]);
        assert_eq!(changed("redis: {resources: null}\n"), ["redis.resources"]);
    }

    #[test]
    fn passwords_of_users_are_masked() {
        let text = "apiserver:\n  fixedUsers:\n    enabled: true\n    users:\n    - {username: me, password: hidden-word, name: Me}\n";
        let shown = in_force(text, &["imageCredentials.password=hidden-too"]);
        assert!(!format!("{shown:?}").contains("hidden"), "{shown:?}");
    }
}
