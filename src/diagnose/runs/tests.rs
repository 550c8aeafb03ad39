use serde_json::json;

use super::*;
use crate::component::Component::{Apiserver, Elasticsearch, Fileserver, Redis, Webserver};
use crate::component::StateKind;
use crate::diagnose::fixtures::{
    assert_finding, backing_off, end, find, observation, pod, running_after, waiting, warning,
    with_status,
};
use crate::diagnose::{assess, describe};

#[test]
fn missing_configuration_is_permanent_and_a_late_cache_is_not() {
    let observation = with_status(
        Webserver,
        waiting(
            "CreateContainerConfigError",
            "couldn't find key nope in Secret clearml/clearml-conf",
        ),
    );
    assert_finding(&find(&observation), Failure::ConfigMissing, false);
    // Messages of a kubelet that has just started.
    for message in [
        "failed to sync secret cache: timed out waiting for the condition",
        "services have not yet been read at least once, cannot construct envvars",
    ] {
        let late = with_status(Webserver, waiting("CreateContainerConfigError", message));
        assert!(find(&late).may_recover, "{message}");
        assert_eq!(describe(&late).line(), "starting: creating the container");
    }
}

#[test]
fn an_evicted_pod_and_a_refused_pod_are_findings() {
    let mut evicted = observation(Redis, vec![pod(json!({"state": {}}))], Vec::new());
    evicted.pods[0].phase = "Failed".to_owned();
    evicted.pods[0].reason = Some("Evicted".to_owned());
    assert_finding(&find(&evicted), Failure::Evicted, true);
    let refusal = warning("FailedCreate", "pods \"x\" is forbidden: exceeded quota", 5);
    let refused = observation(Redis, Vec::new(), vec![refusal.clone()]);
    assert_finding(&find(&refused), Failure::PodRefused, false);
    // The cause was removed since then.
    let creation = warning("SuccessfulCreate", "Created pod: x", 1);
    let created = observation(Redis, Vec::new(), vec![refusal, creation]);
    let reason = describe(&created).reason;
    assert_eq!(reason, "waiting for its pod to be created");
    assert!(assess(&created, &[]).1.is_none());
}

#[test]
fn the_first_kill_for_memory_may_recover_and_the_second_does_not() {
    let first = find(&with_status(
        Elasticsearch,
        running_after(1, end("OOMKilled", 137, "")),
    ));
    assert_finding(&first, Failure::OutOfMemory, true);
    let observation = with_status(
        Elasticsearch,
        backing_off("10s", 1, end("OOMKilled", 137, "")),
    );
    let (state, finding) = assess(&observation, &[]);
    let finding = finding.unwrap();
    assert_finding(&finding, Failure::OutOfMemory, false);
    assert_eq!(
        finding.cause,
        "elasticsearch does not start: the kernel killed it for using more than its 1 GiB"
    );
    assert_eq!(state.kind, StateKind::Failed);
    assert_eq!(state.line(), "out of memory: limit 1 GiB, 1 restart");
    assert!(
        finding.hints[0]
            .to_string()
            .ends_with("clearml-local up --set elasticsearch.resources.limits.memory=2Gi")
    );
}

#[test]
fn a_sigkill_without_the_reason_oomkilled_is_a_crash_loop() {
    let observation = with_status(Webserver, running_after(1, end("Error", 137, "")));
    assert_eq!(
        describe(&observation).line(),
        "starting: running again (last run: killed by SIGKILL, 1 restart), not ready yet"
    );
    assert_finding(&find(&observation), Failure::CrashLoop, true);
    let more = find(&with_status(
        Elasticsearch,
        backing_off("40s", 3, end("Error", 137, "")),
    ));
    assert_finding(&more, Failure::CrashLoop, false);
    assert!(more.cause.ends_with("keeps being killed (SIGKILL)"));
    assert!(
        more.hints[1]
            .to_string()
            .starts_with("if it needs more memory: ")
    );
}

#[test]
fn restarts_of_the_node_are_not_a_crash_loop() {
    let observation = with_status(Apiserver, running_after(7, end("Unknown", 255, "")));
    assert!(find(&observation).may_recover);
    let observation = with_status(Apiserver, backing_off("10s", 8, end("Error", 1, "")));
    assert!(find(&observation).may_recover);
}

#[test]
fn three_restarts_with_an_error_are_permanent() {
    let twice = with_status(Apiserver, backing_off("20s", 2, end("Error", 3, "")));
    assert_finding(&find(&twice), Failure::CrashLoop, true);
    assert_eq!(
        describe(&twice).line(),
        "restarting: exited with code 3, 2 restarts"
    );
    for delay in ["40s", "1m20s", "5m0s", "4s"] {
        let observation = with_status(Apiserver, backing_off(delay, 3, end("Error", 3, "")));
        assert_finding(&find(&observation), Failure::CrashLoop, false);
    }
    // The same before the kubelet shows its back-off: the pause before was half as long.
    let ended = |pause: i64, restarts: i64| {
        let at = |seconds: i64| {
            let start: jiff::Timestamp = "2026-11-23T13:41:20Z".parse().unwrap();
            (start + jiff::SignedDuration::from_secs(seconds)).to_string()
        };
        let terminated = |started, finished| {
            json!({"terminated": {"reason": "Error", "exitCode": 3,
                "startedAt": at(started), "finishedAt": at(finished)}})
        };
        let status = json!({"state": terminated(pause, pause + 1), "lastState": terminated(-5, 0),
            "restartCount": restarts});
        find(&with_status(Apiserver, status))
    };
    assert_finding(&ended(0, 1), Failure::CrashLoop, true);
    assert_finding(&ended(11, 2), Failure::CrashLoop, true);
    assert_finding(&ended(21, 3), Failure::CrashLoop, false);
    // Most of the restarts were those of the node.
    assert_finding(&ended(0, 7), Failure::CrashLoop, true);
    let completed = with_status(Apiserver, backing_off("40s", 3, end("Completed", 0, "")));
    assert_eq!(
        find(&completed).cause,
        "apiserver does not start: it keeps exiting with code 0"
    );
}

#[test]
fn a_failed_start_may_recover_and_a_missing_program_does_not() {
    let freeze = "failed to create containerd task: OCI runtime create failed: runc create failed: unable to freeze";
    let observation = with_status(Redis, running_after(1, end("StartError", 128, freeze)));
    assert_finding(&find(&observation), Failure::StartError, true);
    let missing = "runc create failed: unable to start container process: error during container init: \
                   exec: \"/nope/x\": stat /nope/x: no such file or directory";
    let observation = with_status(
        Redis,
        backing_off("10s", 1, end("StartError", 128, missing)),
    );
    assert_finding(&find(&observation), Failure::StartError, false);
    let other = with_status(
        Redis,
        waiting("RunContainerError", "exec /bin/sh: exec format error"),
    );
    assert_finding(&find(&other), Failure::ImagePlatform, false);
}

#[test]
fn names_the_probe_that_stopped_a_container() {
    let mut stopped = observation(
        Fileserver,
        vec![pod(backing_off("40s", 3, end("Error", 137, "")))],
        vec![warning(
            "Killing",
            "Container main failed liveness probe, will be restarted",
            4,
        )],
    );
    assert_finding(&find(&stopped), Failure::ProbeKilled, false);
    stopped.pods[0].containers[0].restarts = 2;
    assert!(find(&stopped).may_recover);
}
