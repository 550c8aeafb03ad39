//! Images, configuration, scheduling and volumes.

use serde_json::json;

use super::super::fixtures::{pod, seen, unschedulable, waiting, warning};
use super::super::{Cause, describe};
use super::{assert_finding, find, with_status};
use crate::component::Component::{Apiserver, Elasticsearch, Mongodb, Redis, Webserver};
use crate::component::StateKind;
use crate::error::Code;

#[test]
fn a_missing_or_invalid_image_is_permanent() {
    let never = with_status(
        Webserver,
        waiting(
            "ErrImageNeverPull",
            "Container image \"nope:1\" is not present with pull policy of Never",
        ),
    );
    assert_finding(
        &find(&never),
        Cause::ImageMissing,
        Code::ComponentImage,
        false,
    );
    let invalid = with_status(
        Webserver,
        waiting(
            "InvalidImageName",
            "couldn't parse image name \"Bad Name:1\"",
        ),
    );
    assert_finding(
        &find(&invalid),
        Cause::ImageName,
        Code::ComponentImage,
        false,
    );
}

#[test]
fn the_answer_of_the_registry_gives_the_cause_of_a_failed_pull() {
    let prefix = "failed to pull and unpack image \"docker.io/a/b:1\": failed to resolve reference \"docker.io/a/b:1\": ";
    for (message, code, heals) in [
        ("docker.io/a/b:1: not found", Code::ImageNotFound, false),
        (
            "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
            Code::ImageUnauthorized,
            false,
        ),
        (
            "unexpected status from HEAD request: 401 Unauthorized",
            Code::ImageUnauthorized,
            false,
        ),
        (
            "no match for platform in manifest: not found",
            Code::ImageNotFound,
            false,
        ),
        (
            "429 Too Many Requests - Server message: toomanyrequests",
            Code::ImageFailed,
            true,
        ),
        (
            "tls: failed to verify certificate: x509: certificate signed by unknown authority",
            Code::ImageFailed,
            false,
        ),
        (
            "dial tcp: lookup registry-1.docker.io on 172.18.0.1:53: read udp 172.18.0.2:41833->172.18.0.1:53: i/o timeout",
            Code::ComponentImage,
            false,
        ),
        ("unexpected EOF", Code::ImageFailed, true),
    ] {
        let seen = with_status(
            Apiserver,
            waiting("ErrImagePull", &format!("{prefix}{message}")),
        );
        let finding = find(&seen);
        assert_finding(&finding, Cause::ImagePull, code, heals);
        assert_eq!(describe(&seen).kind, StateKind::Pulling);
    }
}

#[test]
fn the_pull_policy_always_is_named_with_its_key() {
    let no_route = waiting(
        "ErrImagePull",
        "failed to pull: dial tcp: lookup registry-1.docker.io: no such host",
    );
    let mut always = pod(no_route);
    always["spec"]["containers"][0]["imagePullPolicy"] = json!("Always");
    let finding = find(&seen(Apiserver, vec![always], Vec::new()));
    assert!(
        finding.cause.contains("its pull policy Always"),
        "{}",
        finding.cause
    );
    assert_eq!(
        finding.hints,
        [
            "use the image in the node: clearml-local up --set apiserver.image.pullPolicy=IfNotPresent"
        ]
    );
}

#[test]
fn the_event_gives_the_cause_of_a_pull_in_back_off() {
    let event = |count| {
        warning(
            "Failed",
            "Failed to pull image \"registry/image:1\": unexpected EOF",
            count,
        )
    };
    let back_off = || {
        vec![pod(waiting(
            "ImagePullBackOff",
            "Back-off pulling image \"registry/image:1\"",
        ))]
    };
    assert!(find(&seen(Apiserver, back_off(), vec![event(1)])).heals);
    let finding = find(&seen(Apiserver, back_off(), vec![event(2)]));
    assert_finding(&finding, Cause::ImagePull, Code::ImageFailed, false);
    assert_eq!(
        finding.last_event.as_deref(),
        Some("Failed: Failed to pull image \"registry/image:1\": unexpected EOF (2 times)")
    );
}

#[test]
fn missing_configuration_is_permanent_and_a_late_cache_is_not() {
    let seen = with_status(
        Webserver,
        waiting(
            "CreateContainerConfigError",
            "couldn't find key nope in Secret clearml/clearml-conf",
        ),
    );
    assert_finding(
        &find(&seen),
        Cause::MissingConfig,
        Code::ComponentConfig,
        false,
    );
    // Messages of a kubelet that has just started.
    for message in [
        "failed to sync secret cache: timed out waiting for the condition",
        "services have not yet been read at least once, cannot construct envvars",
    ] {
        let late = with_status(Webserver, waiting("CreateContainerConfigError", message));
        assert!(find(&late).heals, "{message}");
        assert_eq!(describe(&late).line(), "starting: creating the container");
    }
}

#[test]
fn an_unschedulable_pod_is_permanent_after_a_few_seconds() {
    let short = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    let finding = |message: &str, since: &str| {
        find(&seen(
            Elasticsearch,
            vec![unschedulable(message, since)],
            Vec::new(),
        ))
    };
    let (old, new) = ("2026-11-23T13:41:10Z", "2026-11-23T13:41:28Z");
    assert_finding(
        &finding(short, old),
        Cause::Unschedulable,
        Code::ComponentUnschedulable,
        false,
    );
    assert_eq!(
        finding(short, old).reason,
        "the node does not have enough memory"
    );
    assert!(finding(short, new).heals);
    let mut making_room = seen(Elasticsearch, vec![unschedulable(short, old)], Vec::new());
    making_room.stopping.push("old".to_owned());
    assert!(find(&making_room).heals);

    let selector = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: none";
    assert!(!finding(selector, old).heals);
    let taint = "0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: none";
    assert!(!finding(taint, old).heals);
    assert_eq!(
        finding(taint, old).reason,
        "the node does not accept pods (taint node-role.kubernetes.io/control-plane)"
    );
    let not_ready = "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }. preemption: none";
    assert!(finding(not_ready, old).heals);
    let claim = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: none";
    assert!(finding(claim, old).heals);
}

#[test]
fn a_lost_volume_and_a_path_that_is_not_a_directory_are_permanent() {
    let mut lost = seen(Mongodb, Vec::new(), Vec::new());
    lost.claim.as_mut().unwrap().phase = "Lost".to_owned();
    assert_finding(
        &find(&lost),
        Cause::ClaimLost,
        Code::ComponentUnschedulable,
        false,
    );

    let file = "MountVolume.SetUp failed for volume \"d\" : hostPath type check failed: /var/local-path-provisioner/x is not a directory, it's a File";
    let creating = || vec![pod(waiting("ContainerCreating", ""))];
    let finding = find(&seen(
        Mongodb,
        creating(),
        vec![warning("FailedMount", file, 1)],
    ));
    assert_finding(&finding, Cause::VolumePath, Code::ComponentConfig, false);
    assert!(
        finding
            .cause
            .contains("/var/local-path-provisioner/x in the node is not a directory"),
        "{}",
        finding.cause
    );

    let absent = "MountVolume.SetUp failed for volume \"d\" : secret \"absent\" not found";
    assert!(
        find(&seen(
            Mongodb,
            creating(),
            vec![warning("FailedMount", absent, 2)]
        ))
        .heals
    );
    assert!(
        !find(&seen(
            Mongodb,
            creating(),
            vec![warning("FailedMount", absent, 4)]
        ))
        .heals
    );
}

#[test]
fn an_evicted_pod_and_a_refused_pod_are_findings() {
    let mut evicted = seen(Redis, vec![pod(json!({"state": {}}))], Vec::new());
    evicted.pods[0].phase = "Failed".to_owned();
    evicted.pods[0].reason = Some("Evicted".to_owned());
    assert_finding(
        &find(&evicted),
        Cause::Evicted,
        Code::ComponentCrashed,
        true,
    );
    let refused = seen(
        Redis,
        Vec::new(),
        vec![warning(
            "FailedCreate",
            "pods \"x\" is forbidden: exceeded quota",
            5,
        )],
    );
    assert_finding(
        &find(&refused),
        Cause::PodRefused,
        Code::ComponentConfig,
        false,
    );
}
