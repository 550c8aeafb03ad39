//! Failures are reported with their reasons, and can be repaired.

use std::time::{Duration, Instant};

use crate::harness::{Instance, free_port, run};

#[test]
#[ignore = "needs an engine: tests/run"]
fn a_crashing_component_is_reported_and_can_be_repaired() {
    let instance = Instance::new("crash");
    let broken = [
        "--set=apiserver.extraEnvs[0].name=STANDIN_FAIL",
        "--set=apiserver.extraEnvs[0].value=exit1",
    ];
    let failed = instance.up(&broken).expect(61);
    assert!(
        failed.stderr.contains("error: apiserver"),
        "{}",
        failed.stderr
    );
    assert!(
        failed.stderr.contains("last lines of its log"),
        "{}",
        failed.stderr
    );
    assert!(
        failed.stderr.contains(&format!(
            "clearml-local logs --name {} apiserver",
            instance.name
        )),
        "{}",
        failed.stderr
    );
    assert_eq!(instance.run(&["status"]).code, 4);
    let logs = instance.run(&["logs", "redis", "--tail", "5"]).expect(0);
    assert!(logs.stdout.contains("redis"), "{}", logs.stdout);

    let since = [
        "logs",
        "redis",
        "--since",
        "1h",
        "--timestamps",
        "--grep",
        "^no such line$",
    ];
    assert_eq!(instance.run(&since).expect(0).stdout, "");

    instance.up(&["--set=apiserver.replicaCount=1"]).expect(0);
    instance.run(&["status"]).expect(0);
    an_unavailable_image_changes_nothing(&instance);
}

/// The change requires to recreate the node, and needs an image from a registry that
/// does not exist.
fn an_unavailable_image_changes_nothing(instance: &Instance) {
    let node = instance.node();
    let id = || run("docker", &["inspect", "-f", "{{.Id}}", &node]).expect(0);
    let before = id().stdout;
    let failed = instance.run(&[
        "up",
        "--with-ingress",
        &format!("--http-port={}", free_port()),
        &format!("--https-port={}", free_port()),
        &format!(
            "--set=webserver.image.repository=127.0.0.1:{}/none",
            free_port()
        ),
    ]);
    let failed = failed.expect(30);
    assert!(
        failed.stderr.contains("nothing was changed"),
        "{}",
        failed.stderr
    );
    assert_eq!(id().stdout, before);
    instance.run(&["status"]).expect(0);
    let second = instance.run(&["up"]).expect(0);
    assert!(
        second.stderr.contains("nothing changed"),
        "{}",
        second.stderr
    );
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn a_second_command_waits_and_reports_for_which() {
    let instance = Instance::new("twice");
    let mut first = instance
        .up_command()
        .arg("--progress=plain")
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let lock = instance.state_dir().join("lock");
    let started = Instant::now();
    while !lock.exists() && started.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    let down = instance.run(&["down"]).expect(0);
    let up = format!("waiting for `clearml-local up --name {}` (", instance.name);
    assert!(down.stderr.contains(&up), "{}", down.stderr);
    assert!(first.wait().unwrap().success());
    assert_eq!(instance.run(&["status"]).code, 6);
}
