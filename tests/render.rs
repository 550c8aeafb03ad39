//! Snapshots of all objects that `up` applies.

mod common;

use clearml_local::testing::manifests;
use clearml_local::testing::namespace::Namespace;
use clearml_local::testing::values::Target;

fn rendered(release: &str, sets: &[&str]) -> String {
    let rendered = common::render(release, "", sets).unwrap();
    manifests::to_yaml(&rendered.objects, false)
}

#[test]
fn the_defaults_cause_no_warnings() {
    for release in ["1.5.0", "2.3"] {
        let rendered = common::render(release, "", &[]).unwrap();
        assert_eq!(rendered.warnings, [""; 0]);
    }
}

#[test]
fn release_1_5_0() {
    insta::assert_snapshot!(rendered("1.5.0", &[]));
}

#[test]
fn release_2_3() {
    insta::assert_snapshot!(rendered("2.3", &[]));
}

/// Renders for the namespace `team-a` of an existing cluster.
fn rendered_for_cluster(release: &str, file: &str) -> String {
    let namespace: &Namespace = &"team-a".parse().unwrap();
    let rendered = common::render_for(Target::Cluster { namespace }, release, file, &[]).unwrap();
    assert_eq!(rendered.warnings, [""; 0]);
    manifests::to_yaml(&rendered.objects, false)
}

#[test]
fn release_1_5_0_in_an_existing_cluster() {
    insta::assert_snapshot!(rendered_for_cluster("1.5.0", ""));
}

#[test]
fn production_in_an_existing_cluster() {
    let file = include_str!("values/production-on-several-nodes.yaml");
    insta::assert_snapshot!(rendered_for_cluster("2.3", file));
}

#[test]
fn values_change_the_objects() {
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
    // The node publishes its ports for any type of service.
    assert!(text.contains("nodePort: 30008"));
}

#[test]
fn the_same_input_renders_the_same_bytes() {
    assert_eq!(rendered("1.5.0", &[]), rendered("1.5.0", &[]));
}
