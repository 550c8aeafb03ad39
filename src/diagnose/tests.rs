//! Each finding from what a real API server says: the statuses and messages of a
//! Kubernetes 1.37 node, where they could be provoked.

use serde_json::{Value, json};

use super::fixtures::{
    backing_off, end, pod, running_after, seen, unplaced, waiting, warning, with_init,
};
use super::{
    Cause, ComponentObservation, Failure, Finding, LogTail, StateKind, assess, describe, diagnose,
};
use crate::component::Component;
use crate::error::{Code, Explain};

use Component::{Apiserver, Elasticsearch, Fileserver, Mongodb, Redis, Webserver};

fn one(component: Component, status: Value) -> ComponentObservation {
    seen(component, vec![pod(status)], Vec::new())
}

fn find(seen: &ComponentObservation) -> Finding {
    diagnose(seen, &[]).expect("a finding")
}

#[track_caller]
fn is(finding: &Finding, kind: Cause, code: Code, heals: bool) {
    assert_eq!(
        (finding.kind, finding.code, finding.heals),
        (kind, code, heals),
        "{finding:?}"
    );
    assert!(
        finding.cause.starts_with(finding.component.name()),
        "{finding:?}"
    );
    assert!(!finding.hints.is_empty(), "{finding:?}");
    for hint in &finding.hints {
        assert!(!hint.contains("--purge") && !hint.contains("rm "), "{hint}");
    }
}

#[test]
fn a_component_that_serves_has_no_finding() {
    let seen = one(
        Redis,
        json!({"ready": true, "started": true, "state": {"running": {}}}),
    );
    assert_eq!(diagnose(&seen, &[]), None);
    assert_eq!(describe(&seen).state, StateKind::Ready);
    assert_eq!(describe(&seen).line(), "ready");
}

#[test]
fn one_kill_for_memory_is_waited_out_and_two_are_not() {
    let first = find(&one(
        Elasticsearch,
        running_after(1, end("OOMKilled", 137, "")),
    ));
    is(&first, Cause::OutOfMemory, Code::ComponentOutOfMemory, true);
    let seen = one(
        Elasticsearch,
        backing_off("10s", 1, end("OOMKilled", 137, "")),
    );
    let (state, finding) = assess(&seen, &[]);
    let finding = finding.unwrap();
    is(
        &finding,
        Cause::OutOfMemory,
        Code::ComponentOutOfMemory,
        false,
    );
    assert_eq!(
        finding.cause,
        "elasticsearch does not start: the kernel killed it for using more than its 1 GiB"
    );
    assert_eq!(state.state, StateKind::Failed);
    assert_eq!(state.line(), "killed for memory: limit 1 GiB, 1 restart");
    assert!(
        finding.hints[0]
            .ends_with("clearml-local up --set elasticsearch.resources.limits.memory=2Gi")
    );
}

#[test]
fn a_kill_without_the_kernels_word_is_taken_for_memory_when_it_repeats() {
    let once = find(&one(
        Elasticsearch,
        backing_off("10s", 1, end("Error", 137, "")),
    ));
    is(&once, Cause::OutOfMemory, Code::ComponentOutOfMemory, true);
    let more = find(&one(
        Elasticsearch,
        backing_off("20s", 2, end("Error", 137, "")),
    ));
    is(&more, Cause::OutOfMemory, Code::ComponentOutOfMemory, false);
    assert!(more.cause.contains("most likely"), "{}", more.cause);
}

#[test]
fn restarts_of_the_node_are_no_crash_loop() {
    let seen = one(Apiserver, running_after(7, end("Unknown", 255, "")));
    assert!(find(&seen).heals);
    let seen = one(Apiserver, backing_off("10s", 8, end("Error", 1, "")));
    assert!(find(&seen).heals);
}

#[test]
fn three_restarts_with_an_error_are_enough() {
    let twice = one(Apiserver, backing_off("20s", 2, end("Error", 3, "")));
    is(
        &find(&twice),
        Cause::CrashLoop,
        Code::ComponentCrashed,
        true,
    );
    assert_eq!(
        describe(&twice).line(),
        "ended with exit code 3, 2 restarts"
    );
    for delay in ["40s", "1m20s", "5m0s", "4s"] {
        let seen = one(Apiserver, backing_off(delay, 3, end("Error", 3, "")));
        is(
            &find(&seen),
            Cause::CrashLoop,
            Code::ComponentCrashed,
            false,
        );
    }
    let by_itself = one(Apiserver, backing_off("40s", 3, end("Completed", 0, "")));
    assert_eq!(
        find(&by_itself).cause,
        "apiserver does not start: it ends by itself again and again"
    );
}

#[test]
fn a_container_that_cannot_start_once_heals_and_a_missing_program_does_not() {
    let freeze = "failed to create containerd task: OCI runtime create failed: runc create failed: unable to freeze";
    let seen = one(Redis, running_after(1, end("StartError", 128, freeze)));
    is(
        &find(&seen),
        Cause::StartError,
        Code::ComponentCrashed,
        true,
    );
    let missing = "runc create failed: unable to start container process: error during container init: \
                   exec: \"/nope/x\": stat /nope/x: no such file or directory";
    let seen = one(
        Redis,
        backing_off("10s", 1, end("StartError", 128, missing)),
    );
    is(
        &find(&seen),
        Cause::StartError,
        Code::ComponentCrashed,
        false,
    );
    let other = one(
        Redis,
        waiting("RunContainerError", "exec /bin/sh: exec format error"),
    );
    is(&find(&other), Cause::StartError, Code::ImageNotFound, false);
}

#[test]
fn a_probe_that_kills_is_named() {
    let mut stopped = seen(
        Fileserver,
        vec![pod(backing_off("40s", 3, end("Error", 137, "")))],
        vec![warning(
            "Killing",
            "Container main failed liveness probe, will be restarted",
            4,
        )],
    );
    is(
        &find(&stopped),
        Cause::ProbeKilled,
        Code::ComponentCrashed,
        false,
    );
    stopped.pods[0].containers[0].restarts = 2;
    assert!(find(&stopped).heals);
}

#[test]
fn images_that_are_not_there_end_the_wait() {
    let never = one(
        Webserver,
        waiting(
            "ErrImageNeverPull",
            "Container image \"nope:1\" is not present with pull policy of Never",
        ),
    );
    is(
        &find(&never),
        Cause::ImageMissing,
        Code::ComponentImage,
        false,
    );
    let invalid = one(
        Webserver,
        waiting(
            "InvalidImageName",
            "couldn't parse image name \"Bad Name:1\"",
        ),
    );
    is(
        &find(&invalid),
        Cause::ImageName,
        Code::ComponentImage,
        false,
    );
}

#[test]
fn a_pull_is_judged_by_what_the_registry_says() {
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
        let seen = one(
            Apiserver,
            waiting("ErrImagePull", &format!("{prefix}{message}")),
        );
        let finding = find(&seen);
        is(&finding, Cause::ImagePull, code, heals);
        assert_eq!(describe(&seen).state, StateKind::Pulling);
    }
}

#[test]
fn a_pull_that_backs_off_is_judged_by_its_event() {
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
    is(&finding, Cause::ImagePull, Code::ImageFailed, false);
    assert_eq!(
        finding.last_event.as_deref(),
        Some("Failed: Failed to pull image \"registry/image:1\": unexpected EOF (2 times)")
    );
}

#[test]
fn missing_configuration_ends_the_wait_and_a_late_cache_does_not() {
    let seen = one(
        Webserver,
        waiting(
            "CreateContainerConfigError",
            "couldn't find key nope in Secret clearml/clearml-conf",
        ),
    );
    is(
        &find(&seen),
        Cause::MissingConfig,
        Code::ComponentConfig,
        false,
    );
    let late = one(
        Webserver,
        waiting(
            "CreateContainerConfigError",
            "failed to sync secret cache: timed out waiting for the condition",
        ),
    );
    assert!(find(&late).heals);
}

#[test]
fn the_scheduler_is_believed_after_a_few_seconds() {
    let short = "0/1 nodes are available: 1 Insufficient memory. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.";
    let place = |message: &str, since: &str| {
        find(&seen(
            Elasticsearch,
            vec![unplaced(message, since)],
            Vec::new(),
        ))
    };
    let (old, new) = ("2026-11-23T13:41:10Z", "2026-11-23T13:41:28Z");
    is(
        &place(short, old),
        Cause::Unschedulable,
        Code::ComponentUnschedulable,
        false,
    );
    assert_eq!(place(short, old).reason, "the node has too little memory");
    assert!(place(short, new).heals);
    let mut making_room = seen(Elasticsearch, vec![unplaced(short, old)], Vec::new());
    making_room.stopping.push("former".to_owned());
    assert!(find(&making_room).heals);

    let selector = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: none";
    assert!(!place(selector, old).heals);
    let taint = "0/1 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }. preemption: none";
    assert!(!place(taint, old).heals);
    assert_eq!(
        place(taint, old).reason,
        "the node does not take pods (taint node-role.kubernetes.io/control-plane)"
    );
    let not_ready = "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }. preemption: none";
    assert!(place(not_ready, old).heals);
    let claim = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: none";
    assert!(place(claim, old).heals);
}

#[test]
fn volumes_that_are_lost_or_no_directory_end_the_wait() {
    let mut lost = seen(Mongodb, Vec::new(), Vec::new());
    lost.claim.as_mut().unwrap().phase = "Lost".to_owned();
    is(
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
    is(&finding, Cause::VolumePath, Code::ComponentConfig, false);
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
fn a_pod_put_out_and_a_pod_refused_are_told() {
    let mut out = seen(Redis, vec![pod(json!({"state": {}}))], Vec::new());
    out.pods[0].phase = "Failed".to_owned();
    out.pods[0].reason = Some("Evicted".to_owned());
    is(&find(&out), Cause::Evicted, Code::ComponentCrashed, true);
    let refused = seen(
        Redis,
        Vec::new(),
        vec![warning(
            "FailedCreate",
            "pods \"x\" is forbidden: exceeded quota",
            5,
        )],
    );
    is(
        &find(&refused),
        Cause::PodRefused,
        Code::ComponentConfig,
        false,
    );
}

#[test]
fn an_init_container_that_waits_is_the_fault_of_another() {
    for init in [
        json!({"state": {"running": {}}}),
        backing_off("40s", 3, end("Error", 1, "")),
        json!({"state": end("Error", 1, "")}),
    ] {
        let seen = seen(
            Apiserver,
            vec![with_init(waiting("PodInitializing", ""), init)],
            Vec::new(),
        );
        let state = describe(&seen);
        assert_eq!(
            (state.state, state.line().as_str()),
            (StateKind::Waiting, "waiting for elasticsearch")
        );
        assert_eq!(diagnose(&seen, &[]), None);
    }
}

#[test]
fn states_on_the_way_have_their_words() {
    let creating = one(Redis, waiting("ContainerCreating", ""));
    assert_eq!(describe(&creating).line(), "starting: container creating");
    let mut pulling = seen(
        Redis,
        vec![pod(waiting("ContainerCreating", ""))],
        vec![warning("Pulling", "Pulling image", 1)],
    );
    pulling.events[0].warning = false;
    assert_eq!(describe(&pulling).line(), "pulling the image");
    let mut absent = seen(Redis, Vec::new(), Vec::new());
    assert_eq!(
        describe(&absent).line(),
        "pending: its pod is about to be made"
    );
    absent.stopping.push("former".to_owned());
    assert_eq!(describe(&absent).line(), "stopping: the former pod ends");
    absent.workload.as_mut().unwrap().desired = 0;
    absent.stopping.clear();
    assert_eq!(describe(&absent).state, StateKind::Stopped);
    absent.workload = None;
    assert_eq!(describe(&absent).state, StateKind::Absent);
}

#[test]
fn known_log_lines_name_their_cause() {
    for (component, exit, line, cause, code, heals) in [
        (
            Elasticsearch,
            78,
            "bootstrap check failure [1] of [1]: max virtual memory areas vm.max_map_count [65530] is too low, increase to at least [262144]",
            Cause::MaxMapCount,
            Code::HostTooSmall,
            false,
        ),
        (
            Elasticsearch,
            78,
            "bootstrap check failure [1] of [1]: the default discovery settings are unsuitable",
            Cause::Settings,
            Code::ComponentConfig,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.lang.IllegalStateException: failed to obtain node locks, tried [/usr/share/elasticsearch/data]",
            Cause::DataLocked,
            Code::DataForeign,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.lang.IllegalStateException: cannot downgrade a node from version [8.17.0] to version [7.17.29]",
            Cause::DataVersion,
            Code::DataVersion,
            false,
        ),
        (
            Elasticsearch,
            1,
            "flood stage disk watermark [95%] exceeded on [x], all indices on this node will be marked read-only",
            Cause::DiskFull,
            Code::DiskFull,
            false,
        ),
        (
            Elasticsearch,
            3,
            "java.lang.OutOfMemoryError: Java heap space",
            Cause::Heap,
            Code::ComponentOutOfMemory,
            false,
        ),
        (
            Elasticsearch,
            1,
            "unknown setting [discovery.typ] please check that any required plugins are installed",
            Cause::Settings,
            Code::ComponentConfig,
            false,
        ),
        (
            Elasticsearch,
            1,
            "java.nio.file.AccessDeniedException: /usr/share/elasticsearch/data/nodes",
            Cause::DataOwner,
            Code::DataForeign,
            false,
        ),
        (
            Mongodb,
            62,
            "",
            Cause::DataVersion,
            Code::DataVersion,
            false,
        ),
        (
            Mongodb,
            62,
            "UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document",
            Cause::DataVersion,
            Code::DataVersion,
            false,
        ),
        (
            Mongodb,
            100,
            "IllegalOperation: Attempted to create a lock file on a read-only directory: /data/db",
            Cause::DataOwner,
            Code::DataForeign,
            false,
        ),
        (
            Mongodb,
            14,
            "",
            Cause::DataBroken,
            Code::ComponentCrashed,
            true,
        ),
        (
            Mongodb,
            1,
            "mkdir: No space left on device",
            Cause::DiskFull,
            Code::DiskFull,
            false,
        ),
        (
            Redis,
            1,
            "Can't open the append-only file appendonly.aof: Permission denied",
            Cause::DataOwner,
            Code::DataForeign,
            false,
        ),
        (
            Redis,
            1,
            "Can't handle RDB format version 12",
            Cause::DataVersion,
            Code::DataVersion,
            false,
        ),
        (
            Redis,
            1,
            "*** FATAL CONFIG FILE ERROR (Redis 6.2) ***",
            Cause::Settings,
            Code::ComponentConfig,
            false,
        ),
        (
            Redis,
            1,
            "Bad file format reading the append only file: make a backup",
            Cause::DataBroken,
            Code::ComponentCrashed,
            true,
        ),
        (
            Apiserver,
            1,
            "ValueError: malformed configuration in CLEARML__SECURE",
            Cause::Settings,
            Code::ComponentConfig,
            false,
        ),
        (
            Apiserver,
            1,
            "redis.exceptions.ConnectionError: Error 111 connecting to clearml-redis-master:6379",
            Cause::Dependency,
            Code::ComponentCrashed,
            true,
        ),
        (
            Webserver,
            1,
            "nginx: [emerg] host not found in upstream \"clearml-apiserver\"",
            Cause::Dependency,
            Code::ComponentConfig,
            true,
        ),
        (
            Fileserver,
            1,
            "OSError: [Errno 28] No space left on device",
            Cause::DiskFull,
            Code::DiskFull,
            false,
        ),
        (
            Fileserver,
            1,
            "PermissionError: [Errno 13] Permission denied: '/mnt/fileserver/x'",
            Cause::DataOwner,
            Code::DataForeign,
            false,
        ),
    ] {
        let seen = one(component, json!({"state": end("Error", exit, "")}));
        let log = ["starting".to_owned(), line.to_owned()];
        is(&diagnose(&seen, &log).unwrap(), cause, code, heals);
    }
}

#[test]
fn a_server_that_runs_and_cannot_write_is_found() {
    let seen = one(
        Elasticsearch,
        json!({"ready": true, "started": true, "state": {"running": {}}}),
    );
    let log = ["blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block]".to_owned()];
    let (state, finding) = assess(&seen, &log);
    assert!(state.ready);
    is(&finding.unwrap(), Cause::DiskFull, Code::DiskFull, false);
}

#[test]
fn a_failure_shows_event_and_the_last_twenty_lines() {
    let seen = seen(
        Elasticsearch,
        vec![pod(backing_off("10s", 1, end("OOMKilled", 137, "")))],
        vec![warning(
            "BackOff",
            "Back-off restarting failed container",
            3,
        )],
    );
    let log = LogTail {
        container: "main".to_owned(),
        previous: false,
        lines: (1..=30).map(|number| format!("line {number}")).collect(),
    };
    let failure = Failure {
        finding: find(&seen),
        log: log.clone(),
    };
    let details = failure.details();
    assert_eq!(
        details[0],
        "last event: BackOff: Back-off restarting failed container (3 times)"
    );
    assert_eq!(details[1], "last lines of its log (main):");
    assert_eq!((details[2].as_str(), details.len()), ("  line 11", 22));
    assert_eq!(failure.code().number(), 62);

    let late = Failure::not_ready(
        &one(Mongodb, json!({"state": {"running": {}}})),
        std::time::Duration::from_secs(600),
        log,
    );
    assert_eq!(
        late.to_string(),
        "mongodb is not ready after 10 min: starting: running, not ready yet"
    );
    assert_eq!(late.code(), Code::NotReady);
}
