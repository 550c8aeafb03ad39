//! Persisted files: this version reads those of earlier versions, and earlier versions
//! handle those of later ones. CONTRIBUTING.md states the rule.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clearml_local::testing::settings::{DEFAULT_NODE_IMAGE, Instance};
use serde_json::{Value, json};

/// Every setting changed, as version 0.1.0 saves it.
const EVERY_SETTING: &str = concat!(
    r#"{"listen":"0.0.0.0","ports":{"web":8080,"api":8008,"files":8081},"#,
    r#""release":"/r.yaml","releaseFile":{"path":"/r.yaml","text":"name: mine\n"},"#,
    r#""nodeImage":"kindest/node:v1.36.0","dataDir":"volume:data","#,
    r#""values":[{"path":"values.yaml","text":"a: 1\n"}],"#,
    r#""sets":[{"kind":"set","text":"a=2"},"#,
    r#"{"kind":"file","text":"b=motd","files":[{"path":"motd","text":"hello"}]}],"#,
    r#""ca":{"path":"/ca.pem","text":"-----BEGIN CERTIFICATE-----"},"gpus":"all","#,
    r#""registryMirror":"http://mirror.corp:5000/hub","pull":"node","autostart":false,"#,
    r#""mergeKubeconfig":true,"ingress":{"enabled":true,"httpPort":81,"httpsPort":444,"#,
    r#""hosts":{"web":{"name":"app.corp","tlsSecret":"tls"},"#,
    r#""api":{"name":"api.corp"},"files":{"name":"files.corp"}}}}"#,
);

/// The default settings, as version 0.1.0 saves them.
const DEFAULTS: &str = concat!(
    r#"{"listen":"127.0.0.1","ports":{"web":30080,"api":30008,"files":30081},"#,
    r#""release":"1.5.0","nodeImage":"NODE_IMAGE","dataDir":"/data","values":[],"sets":[],"#,
    r#""autostart":true,"mergeKubeconfig":false,"ingress":{"enabled":false,"httpPort":80,"#,
    r#""httpsPort":443,"hosts":{"web":null,"api":null,"files":null}}}"#,
);

/// The settings of an instance in an existing cluster; those of the local node are left out.
const CLUSTER: &str =
    r#""cluster":{"context":"production","namespace":"ml","kubeconfig":"/corp/config"}"#;

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

fn defaults() -> Instance {
    Instance::with_defaults(PathBuf::from("/data").into())
}

fn read(settings: &Value) -> Result<Instance, serde_json::Error> {
    serde_json::from_str(&settings.to_string())
}

#[test]
fn reads_settings_of_the_first_version() {
    let settings = read(&first_version()).unwrap();
    assert!(settings.node.autostart);
    assert!(!settings.ingress.enabled);
    assert_eq!(settings.values.sets[0].text, "apiserver.replicaCount=2");
    let mut expected = defaults();
    expected.node.node_image = settings.node.node_image.clone();
    expected.values.sets = settings.values.sets.clone();
    assert_eq!(settings, expected, "all other settings are the defaults");
}

#[test]
fn saves_settings_as_earlier_versions_do() {
    let every: Instance = serde_json::from_str(EVERY_SETTING).unwrap();
    assert_eq!(serde_json::to_string(&every).unwrap(), EVERY_SETTING);
    let defaults = serde_json::to_string(&defaults()).unwrap();
    let expected = DEFAULTS.replace("NODE_IMAGE", &DEFAULT_NODE_IMAGE.to_string());
    assert_eq!(defaults, expected);
}

/// Instances in the local node have no such key, as in versions that know no other place.
#[test]
fn saves_an_existing_cluster_only_if_there_is_one() {
    let text = format!("{},{CLUSTER}}}", EVERY_SETTING.strip_suffix('}').unwrap());
    let instance: Instance = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&instance).unwrap(), text);
    let cluster = instance.cluster.as_ref().unwrap();
    assert_eq!(cluster.context.as_str(), "production");
    let own = text.replace(r#","kubeconfig":"/corp/config""#, "");
    let own: Instance = serde_json::from_str(&own).unwrap();
    assert!(own.cluster.unwrap().kubeconfig.path().is_none());
}

#[test]
fn every_setting_is_among_those_that_are_tested() {
    let settings = |text: &str| serde_json::from_str::<BTreeMap<String, Value>>(text).unwrap();
    let every = settings(EVERY_SETTING);
    for (name, default) in settings(&serde_json::to_string(&defaults()).unwrap()) {
        assert_ne!(every[&name], default, "{name}");
    }
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
