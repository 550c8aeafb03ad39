//! Logs of the node, and logs without the Kubernetes API.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::harness::{Instance, run};
use crate::support_bundle;

/// Returns the number of processes in the node whose command line contains the text.
fn processes(instance: &Instance, text: &str) -> usize {
    let script = "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '";
    let all = run("docker", &["exec", &instance.node(), "sh", "-c", script]).expect(0);
    all.stdout.matches(text).count()
}

/// Waits until the node has no process with this text.
fn await_end(instance: &Instance, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(90);
    while processes(instance, text) > 0 {
        assert!(Instant::now() < deadline, "`{text}` still runs");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Waits until the Kubernetes API answers.
fn await_answer(instance: &Instance) {
    let deadline = Instant::now() + Duration::from_secs(90);
    let node = instance.node();
    let ready = ["exec", &node, "kubectl", "get", "--raw=/readyz"];
    while run("docker", &ready).code != 0 {
        assert!(Instant::now() < deadline, "the API does not answer");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Requests of probes are omitted from the servers' logs, and do not count for
/// `--tail`.
fn probes_are_omitted(instance: &Instance) {
    let logs = |more: &[&str]| {
        let arguments = ["logs", "apiserver", "webserver"];
        instance.run(&[&arguments, more].concat()).expect(0).stdout
    };
    let probes = ["Returned 200 for debug.ping", "kube-probe/"];
    let (shown, all) = (logs(&["--tail=3"]), logs(&["--probes"]));
    for probe in probes {
        assert!(!shown.contains(probe), "{shown}");
        assert!(all.contains(probe), "{all}");
    }
    assert!(shown.contains("Returned 200 for "), "{shown}");
    assert!(shown.lines().count() > 3, "of each log: {shown}");
    assert!(!shown.contains("127.0.0.1:2379"), "of Kubernetes: {shown}");
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn logs_are_available_without_the_api_and_after_a_stop() {
    let instance = Instance::new("logs");
    let values = instance.write("values.yaml", support_bundle::VALUES);
    instance.up(&["-f", &values, support_bundle::SET]).expect(0);

    let journal = instance.run(&["logs", "--node", "--tail", "50"]).expect(0);
    assert!(journal.stdout.contains("kubelet"), "{}", journal.stdout);
    assert_eq!(journal.stdout.lines().count(), 50);

    probes_are_omitted(&instance);
    let from_api = instance.run(&["logs", "redis", "-o", "json"]).expect(0);
    // Without its manifest, the kubelet stops the API server.
    let manifest = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    let node = instance.node();
    run("docker", &["exec", &node, "mv", manifest, "/root/"]).expect(0);
    await_end(&instance, "kube-apiserver --");
    let from_files = instance.run(&["logs", "redis", "-o", "json"]).expect(0);
    assert!(
        from_files.stderr.contains("read from its files"),
        "{}",
        from_files.stderr
    );
    assert!(
        from_files.stdout.starts_with(&from_api.stdout),
        "{}\n---\n{}",
        from_api.stdout,
        from_files.stdout
    );

    probes_are_omitted(&instance);
    let mut following = instance
        .command()
        .args(["logs", "redis", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let path = run(
        "docker",
        &[
            "exec",
            &node,
            "sh",
            "-c",
            "ls /var/log/pods/clearml_clearml-redis*/redis/*.log",
        ],
    );
    let path = path.expect(0).stdout.trim().to_owned();
    let write = format!("echo \"$(date -u +%FT%T.%NZ) stdout F written behind\" >> {path}");
    run("docker", &["exec", &node, "sh", "-c", &write]).expect(0);
    assert!(lines.any(|line| line.unwrap().contains("written behind")));
    following.kill().unwrap();
    following.wait().unwrap();
    support_bundle::show_secrets(&instance, &path);
    support_bundle::check(&instance, &["logs/redis", "node/journal.log"], &["objects"]);
    await_end(&instance, "tail -n +1 -F");

    run(
        "docker",
        &["exec", &node, "mv", "/root/kube-apiserver.yaml", manifest],
    )
    .expect(0);
    await_answer(&instance);
    support_bundle::check(
        &instance,
        &["logs/redis", "objects/pods.json", "events.json"],
        &[],
    );
    instance.run(&["stop"]).expect(0);
    support_bundle::check(
        &instance,
        &["logs/redis", "node/container.json"],
        &["objects"],
    );
    let stopped = instance.run(&["logs", "redis", "-o", "json"]).expect(0);
    assert!(
        stopped.stdout.starts_with(&from_api.stdout) && stopped.stdout.contains("written behind"),
        "{}",
        stopped.stdout
    );
    assert!(
        stopped.stderr.contains("the node is stopped"),
        "{}",
        stopped.stderr
    );
    probes_are_omitted(&instance);
    let refused = instance.run(&["logs", "-f"]).expect(50);
    let hint = format!("clearml-local start --name {}", instance.name);
    assert!(refused.stderr.contains(&hint), "{}", refused.stderr);
}
