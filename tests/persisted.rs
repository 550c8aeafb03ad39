//! What an instance keeps on disk: this version reads the files of earlier ones, and what
//! an earlier one does with a file of a later one. CONTRIBUTING.md states the rule.

use clearml_local::testing::settings::Instance;
use serde_json::{Value, json};

/// Settings as the first version wrote them.
fn first() -> Value {
    json!({
        "listen": "127.0.0.1",
        "ports": {"web": 30080, "api": 30008, "files": 30081},
        "release": "1.5.0",
        "nodeImage": "kindest/node:v1.37.0",
        "dataDir": "/data",
        "values": [],
        "sets": ["apiserver.replicaCount=2"],
    })
}

fn read(settings: &Value) -> Result<Instance, serde_json::Error> {
    serde_json::from_str(&settings.to_string())
}

#[test]
fn settings_of_the_first_version_are_read() {
    let settings = read(&first()).unwrap();
    assert!(settings.autostart);
    assert!(!settings.ingress.enabled);
    assert_eq!(settings.sets[0].text, "apiserver.replicaCount=2");
}

#[test]
fn a_setting_of_a_later_version_is_ignored() {
    let mut later = first();
    later["aLaterSetting"] = json!({"enabled": true});
    assert_eq!(read(&later).unwrap(), read(&first()).unwrap());
}

#[test]
fn a_choice_of_a_later_version_is_an_error() {
    let mut later = first();
    later["pull"] = json!("a-later-choice");
    assert!(read(&later).is_err());
}
