use serde_json::{Value, json};

use super::*;
use crate::component::Component;
use crate::diagnose::{Addon, AddonObservation, LogTail, assess, fixtures};
use crate::namespace::Namespace;

const AT: &str = fixtures::NOW;

fn component(status: Value) -> ComponentHealth {
    let pods = vec![fixtures::pod(status)];
    let observation = fixtures::observation(Component::Redis, pods, Vec::new());
    let (state, finding) = assess(&observation, &[]);
    ComponentHealth {
        observation,
        state,
        finding,
        log: LogTail::default(),
    }
}

fn is_running(ready: bool) -> ComponentHealth {
    component(json!({"ready": ready, "started": true, "state": {"running": {}}}))
}

fn check(failure: Option<&str>) -> Check {
    Check {
        name: "login",
        took: std::time::Duration::ZERO,
        failure: failure.map(str::to_owned),
    }
}

/// The diagnosis of an old node with these components and one check.
fn diagnosed(components: &[ComponentHealth], failure: Option<&str>) -> Diagnosis {
    with_addons(components, failure, &[])
}

fn with_addons(
    components: &[ComponentHealth],
    failure: Option<&str>,
    addons: &[AddonTrouble],
) -> Diagnosis {
    let observation = InstanceObservation {
        started: Some("2026-11-20T00:00:00Z".parse().unwrap()),
        components: Ok(components),
        checks: &[check(failure)],
        addons,
        ..unreachable()
    };
    observation.diagnose()
}

/// An instance whose cluster does not answer.
fn unreachable<'a>() -> InstanceObservation<'a> {
    InstanceObservation {
        at: AT.parse().unwrap(),
        started: None,
        kubectl: Kubectl::in_node("node"),
        active_command: None,
        components: Err(ObserveError::TimedOut),
        checks: &[],
        certificates: None,
        addons: &[],
        host: &[],
    }
}

#[test]
fn an_addon_that_does_not_run_is_the_first_finding() {
    let dns = AddonObservation {
        addon: Addon::Dns,
        desired: None,
        ready: 0,
        pods: Vec::new(),
    };
    let addons = [dns.trouble().unwrap()];
    let found = with_addons(&[is_running(true)], None, &addons);
    assert_eq!(found.health, Health::Degraded);
    assert_eq!(found.findings[0].failure, Failure::ClusterDns);
    assert_eq!(found.hints, ["install it again: clearml-local up"]);
}

#[test]
fn an_instance_is_ready_if_its_components_and_its_checks_are() {
    assert_eq!(diagnosed(&[is_running(true)], None).health, Health::Ready);
    let refused = diagnosed(&[is_running(true)], Some("refused"));
    assert_eq!(
        (refused.health, refused.may_recover),
        (Health::Degraded, true)
    );
    let starting = diagnosed(&[is_running(true), is_running(false)], Some("refused"));
    assert_eq!(starting.health, Health::Starting);
}

#[test]
fn a_permanent_finding_makes_the_instance_degraded_and_gives_a_hint() {
    let missing = fixtures::waiting("ErrImageNeverPull", "not present");
    let broken = diagnosed(&[component(missing)], Some("refused"));
    assert_eq!(
        (broken.health, broken.may_recover),
        (Health::Degraded, false)
    );
    assert_eq!(broken.hints, ["load the images again: clearml-local up"]);
}

#[test]
fn hints_for_an_existing_cluster_do_not_start_a_node() {
    let observation = InstanceObservation {
        kubectl: Kubectl::with_context("work", None, &Namespace::default()),
        ..unreachable()
    };
    let hints = observation.diagnose().hints;
    assert_eq!(hints, ["see the nodes: kubectl --context work get nodes"]);
}

#[test]
fn what_is_wrong_with_the_host_comes_first() {
    let full = Finding {
        what: "the disk is full".into(),
        remedies: vec![Hint::text("free some space")],
        failure: Failure::DataDiskFull,
    };
    let observation = InstanceObservation {
        host: std::slice::from_ref(&full),
        ..unreachable()
    };
    let diagnosis = observation.diagnose();
    assert_eq!(diagnosis.findings[0], full);
    assert_eq!(diagnosis.notes[0], full.what);
    assert_eq!(diagnosis.hints[0], full.remedies[0]);
}

#[test]
fn a_wrong_clock_is_not_taken_for_expired_certificates() {
    let skew = Finding {
        what: "the clock is behind".into(),
        remedies: vec![Hint::text("correct the clock")],
        failure: Failure::ClockSkew,
    };
    let diagnosed = |host: &[Finding]| {
        let observation = InstanceObservation {
            certificates: Some(CertificateNote {
                text: "the certificates have expired".into(),
                expired: true,
            }),
            host,
            ..unreachable()
        };
        let found = observation.diagnose();
        let mut failures = found.findings.iter().map(|one| one.failure);
        (
            failures.any(|one| one == Failure::CertificatesExpired),
            found.hints,
        )
    };
    assert_eq!(diagnosed(&[]).1[0], renew());
    assert_eq!(
        diagnosed(std::slice::from_ref(&skew)),
        (false, skew.remedies)
    );
}

#[test]
fn an_unreachable_cluster_is_starting_while_a_command_works_on_it_or_just_after_its_start() {
    let diagnosed = |started: &str, active_command: Option<&str>| {
        let observation = InstanceObservation {
            started: Some(started.parse().unwrap()),
            active_command: active_command.map(str::to_owned),
            ..unreachable()
        };
        observation.diagnose()
    };
    let old = "2026-11-20T00:00:00Z";
    let no_answer = "the Kubernetes API does not answer";
    let working = diagnosed(old, Some("up (pid 7)"));
    assert_eq!(working.health, Health::Starting);
    let notes = [no_answer, "up (pid 7) is working on this instance"];
    assert_eq!(working.notes, notes);
    let started = diagnosed("2026-11-23T13:40:30Z", None);
    assert_eq!(started.health, Health::Starting);
    assert_eq!(started.notes, [no_answer, "the node has just been started"]);
    let idle = diagnosed(old, None);
    assert_eq!(idle.health, Health::Degraded);
    assert_eq!(idle.hints.len(), 2);
}
