//! Containers that run, end and wait.

use serde_json::json;

use super::super::fixtures::{
    backing_off, end, pod, running_after, seen, waiting, warning, with_init,
};
use super::super::{Cause, assess, describe, diagnose};
use super::{find, is, one};
use crate::component::Component::{
    Apiserver, Elasticsearch, Fileserver, Mongodb, Redis, Webserver,
};
use crate::component::StateKind;
use crate::error::Code;

#[test]
fn a_component_that_serves_has_no_finding() {
    let seen = one(
        Redis,
        json!({"ready": true, "started": true, "state": {"running": {}}}),
    );
    assert_eq!(diagnose(&seen, &[]), None);
    assert_eq!(describe(&seen).kind, StateKind::Ready);
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
    assert_eq!(state.kind, StateKind::Failed);
    assert_eq!(state.line(), "out of memory: limit 1 GiB, 1 restart");
    assert!(
        finding.hints[0]
            .to_string()
            .ends_with("clearml-local up --set elasticsearch.resources.limits.memory=2Gi")
    );
}

#[test]
fn a_kill_is_put_down_to_memory_only_by_the_kernels_word() {
    let seen = one(Webserver, running_after(1, end("Error", 137, "")));
    assert_eq!(
        describe(&seen).line(),
        "starting: running again (last run: killed by SIGKILL, 1 restart), not ready yet"
    );
    is(&find(&seen), Cause::CrashLoop, Code::ComponentCrashed, true);
    let more = find(&one(
        Elasticsearch,
        backing_off("40s", 3, end("Error", 137, "")),
    ));
    is(&more, Cause::CrashLoop, Code::ComponentCrashed, false);
    assert!(more.cause.ends_with("keeps being killed (SIGKILL)"));
    assert!(
        more.hints[1]
            .to_string()
            .starts_with("if it needs more memory: ")
    );
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
        "restarting: exited with code 3, 2 restarts"
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
        "apiserver does not start: it keeps exiting with code 0"
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
            (state.kind, state.line().as_str()),
            (StateKind::Waiting, "waiting for elasticsearch")
        );
        assert_eq!(diagnose(&seen, &[]), None);
    }
}

#[test]
fn of_several_that_are_waited_for_those_are_named_that_are_missing() {
    let running = json!({"state": {"running": {}}});
    let pod = with_init(waiting("PodInitializing", ""), running);
    let mut seen = seen(Apiserver, vec![pod], Vec::new());
    seen.pods[0].init[0].name = "wait-for-redis-mongodb-elasticsearch".into();
    for (ready, line) in [
        (vec![], "waiting for redis, mongodb and elasticsearch"),
        (
            vec![Redis, Webserver],
            "waiting for mongodb and elasticsearch",
        ),
        (vec![Redis, Mongodb], "waiting for elasticsearch"),
        // They are ready and do not answer there yet: all may be meant.
        (
            vec![Redis, Mongodb, Elasticsearch],
            "waiting for redis, mongodb and elasticsearch",
        ),
    ] {
        seen.others_ready = ready;
        assert_eq!(describe(&seen).line(), line);
    }
}

#[test]
fn states_on_the_way_have_their_words() {
    let creating = one(Redis, waiting("ContainerCreating", ""));
    assert_eq!(
        describe(&creating).line(),
        "starting: creating the container"
    );
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
        "pending: waiting for its pod to be created"
    );
    absent.stopping.push("former".to_owned());
    assert_eq!(
        describe(&absent).line(),
        "stopping: the old pod is terminating"
    );
    absent.workload.as_mut().unwrap().desired = 0;
    absent.stopping.clear();
    assert_eq!(describe(&absent).kind, StateKind::Stopped);
    absent.workload = None;
    assert_eq!(describe(&absent).kind, StateKind::Absent);
}
