//! Persisted files: this version reads those of earlier versions, and earlier versions
//! handle those of later ones. CONTRIBUTING.md states the rule.

use clearml_local::testing::settings::Instance;
use serde_json::{Value, json};

/// Settings as the first version wrote them.
fn first_version() -> Value {
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
fn reads_settings_of_the_first_version() {
    let settings = read(&first_version()).unwrap();
    assert!(settings.autostart);
    assert!(!settings.ingress.enabled);
    assert_eq!(settings.sets[0].text, "apiserver.replicaCount=2");
}

#[test]
fn ignores_a_setting_of_a_later_version() {
    let mut later = first_version();
    later["aLaterSetting"] = json!({"enabled": true});
    assert_eq!(read(&later).unwrap(), read(&first_version()).unwrap());
}

#[test]
fn rejects_a_choice_of_a_later_version() {
    let mut later = first_version();
    later["pull"] = json!("a-later-choice");
    assert!(read(&later).is_err());
}
