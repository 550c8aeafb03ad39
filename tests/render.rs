//! What `up` applies, as a whole: a change of any manifest shows here.

use clearml_local::images::Identities;
use clearml_local::manifests::{self, Inputs};
use clearml_local::probe::Endpoints;
use clearml_local::profile::Profile;
use clearml_local::release::Catalogue;
use clearml_local::secrets::Secrets;
use clearml_local::settings::{SetArgument, SetKind};
use clearml_local::values;

fn rendered(release: &str, sets: &[&str]) -> String {
    let release = Catalogue::builtin().find(release).unwrap();
    let sets: Vec<SetArgument> = sets
        .iter()
        .map(|set| SetArgument::new(SetKind::Set, *set))
        .collect();
    let values = values::resolve(&values::Inputs {
        release: &release,
        profile: &Profile::for_machine(4_000_000_000),
        files: &[],
        sets: &sets,
    })
    .unwrap()
    .values;
    let endpoints = Endpoints {
        web: "http://localhost:30080".into(),
        api: "http://localhost:30008".into(),
        files: "http://localhost:30081".into(),
    };
    let objects = manifests::render(&Inputs {
        instance: "clearml",
        release: &release,
        values: &values,
        secrets: &fixed_secrets(),
        endpoints: &endpoints,
        identities: &Identities::from([("redis:6.2".into(), "sha256:1".into())]),
        data_root: "/var/local-path-provisioner",
        registry_login: None,
    })
    .unwrap();
    manifests::to_yaml(&objects, false)
}

/// Secrets that are the same in every run.
fn fixed_secrets() -> Secrets {
    let pair = |name: &str| serde_json::json!({"access_key": format!("{name}-key"), "secret_key": format!("{name}-secret")});
    let users = [
        "apiserver",
        "webserver",
        "tests",
        "fileserver",
        "services_agent",
    ];
    let users: serde_json::Map<_, _> = users
        .map(|name| (name.to_owned(), pair(name)))
        .into_iter()
        .collect();
    let all = serde_json::json!({
        "http_session": "session", "auth_token": "token", "credentials": users,
    });
    serde_json::from_value(all).unwrap()
}

#[test]
fn release_1_5_0() {
    insta::assert_snapshot!(rendered("1.5.0", &[]));
}

#[test]
fn release_2_3() {
    insta::assert_snapshot!(rendered("2.3", &[]));
}

#[test]
fn values_reach_the_objects() {
    let text = rendered(
        "1.5.0",
        &[
            "apiserver.service.type=ClusterIP",
            "apiserver.service.port=9008",
            "webserver.replicaCount=2",
            "fileserver.storage.data.size=7Gi",
            "apiserver.extraEnvs[0].name=EXTRA",
            "apiserver.extraEnvs[0].value=42",
            "redis.image.tag=6.2.14",
            "elasticsearch.resources.limits.memory=3Gi",
        ],
    );
    for expected in [
        "type: ClusterIP",
        "port: 9008",
        "value: \"http://clearml-apiserver:9008\"",
        "targetPort: 8008",
        "replicas: 2",
        "storage: 7Gi",
        "- name: EXTRA\n          value: \"42\"",
        "image: \"redis:6.2.14\"",
        "memory: 3Gi",
    ] {
        let plain = expected.replace('"', "");
        assert!(
            text.contains(expected) || text.contains(&plain),
            "{expected}\n{text}"
        );
    }
    assert!(!text.contains("nodePort: 30008"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    assert_eq!(rendered("1.5.0", &[]), rendered("1.5.0", &[]));
}
