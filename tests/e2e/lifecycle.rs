//! The lifecycle: `up` on an empty host, work, `up` again, `down`, `up`, and purge.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::browser::Browser;
use crate::first_steps;
use crate::harness::{Instance, has, known_ports, run};
use crate::proxy::RecordingProxy;
use crate::sdk::Sdk;
use crate::server::{User, login_status};
use crate::verify;

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn a_server_from_first_up_to_purge() {
    let instance = Instance::on("life", known_ports());
    let proxy = RecordingProxy::start();
    let mut up = instance.up_command();
    up.args(["--verify", "-o", "json"])
        .env("HTTPS_PROXY", proxy.url());
    let first = instance.run_command(&mut up).expect(0);
    our_requests_bypass_the_proxy(&instance, &proxy);
    let events = first.events();
    let last = events.last().unwrap();
    assert_eq!(last["event"], "ready");
    let [web, api] = ["web", "api"].map(|server| last["endpoints"][server].as_str().unwrap());
    assert_eq!(web, format!("http://localhost:{}", instance.web));
    let is_deleted = |event: &Value| event["event"] == "step-finished" && event["step"] == "delete";
    assert!(events.iter().any(is_deleted), "{}", first.stdout);
    assert!(
        events.iter().all(|event| event["time"].is_string()),
        "{}",
        first.stdout
    );

    let status = instance.run(&["status", "-o", "json"]).expect(0).json();
    assert_eq!(status["state"], "ready");
    assert_eq!(status["components"].as_array().unwrap().len(), 6);

    for file in ["kubeconfig", "secrets.json"] {
        let metadata = std::fs::metadata(instance.state_dir().join(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600, "{file}");
    }

    let user = User::of(&instance).await;
    let work = user.work().await;
    user.finds(&work).await;
    nothing_public_is_accepted(&instance).await;
    first_steps::work(&instance);
    verify::works_and_leaves_nothing(&instance).await;
    let mut browser = Browser::start();
    if let Some(browser) = &mut browser {
        let seen = browser.sees(web, api, &["Ada Lovelace", "end to end", "train"]);
        assert!(seen.asked_for_login, "{seen:#?}");
    }
    if let Some(sdk) = Sdk::of(&instance) {
        sdk.runs_an_experiment();
        let experiment = sdk.runs_the_example();
        if let Some(browser) = &mut browser {
            let shown = ["First experiment", "completed", "loss / train"];
            let seen = browser.sees(&experiment, api, &shown);
            assert!(!seen.asked_for_login, "{seen:#?}");
        }
        sdk.runs_a_task_in_an_agent().await;
    }

    instance.assert_restarts(0);
    let before = instance.versions();
    let second = instance.run(&["up"]).expect(0);
    let was_ready = second.stderr.contains("Already up: ready for ");
    assert!(was_ready, "{}", second.stderr);
    assert!(
        second.stderr.contains("nothing changed"),
        "{}",
        second.stderr
    );
    assert_eq!(instance.versions(), before, "a second up changes nothing");

    a_pull_hangs(&instance, &proxy);
    instance.run(&["stop"]).expect(0);
    assert_eq!(instance.run(&["status"]).code, 5);
    let stopped = instance.run(&["verify"]).expect(50);
    assert!(
        stopped.stderr.contains("clearml-local start"),
        "{}",
        stopped.stderr
    );
    let listed = instance.run(&["list", "-o", "json"]).expect(0).json();
    let ours = listed.as_array().unwrap().iter();
    let ours = ours.filter(|one| one["name"] == instance.name.as_str());
    assert_eq!(
        ours.map(|one| &one["state"]).collect::<Vec<_>>(),
        ["stopped"]
    );
    // The pull that hung when the node stopped does not affect other pods with the same
    // image.
    let started = another_home_starts_the_instance(&instance);
    for from_the_stop in [
        "exited with code 0",
        "exited with code 143",
        "exited with code 255",
        "ready after 0.0 s",
        "(not running)",
    ] {
        assert!(!started.contains(from_the_stop), "{started}");
    }
    instance.kubectl(&["-n", "default", "delete", "pod", "hangs", "--now"]);
    // nginx exits if a name does not resolve, and DNS does not respond for a while.
    instance.assert_restarts(1);
    start_repairs_kubelet_and_certificates(&instance);
    // The previous user's connections ended with the server.
    User::of(&instance).await.finds(&work).await;

    let down = instance.run(&["down"]).expect(0);
    assert!(down.stderr.contains("/data"), "{}", down.stderr);
    assert_eq!(instance.run(&["status"]).code, 6);
    let containers = run(
        "docker",
        &[
            "ps",
            "-aq",
            "--filter",
            &format!("name={}", instance.node()),
        ],
    );
    assert_eq!(containers.stdout, "");

    // The settings of the first `up` are stored, so no flags are needed. Keys that the
    // home has lost are restored from the data directory.
    let credentials = || instance.run(&["credentials"]).expect(0).stdout;
    let before = credentials();
    std::fs::remove_file(instance.state_dir().join("secrets.json")).unwrap();
    instance.run(&["up"]).expect(0);
    assert_eq!(credentials(), before);
    let mongodb = instance.run(&["logs", "mongodb"]).expect(0).stdout;
    assert!(mongodb.contains("MongoDB starting"), "{mongodb}");
    assert!(
        !mongodb.contains("unclean shutdown"),
        "stopped in order: {mongodb}"
    );
    User::of(&instance).await.finds(&work).await;

    if has("kind") {
        kind_can_use_the_node(&instance);
    } else {
        instance.run(&["down"]).expect(0);
    }
    assert_eq!(instance.run(&["status"]).code, 6);
    instance.run(&["down", "--purge", "--yes"]).expect(0);
    assert_eq!(instance.resources(), Vec::<String>::new());
    assert!(!instance.state_dir().exists());
}

/// A user's pod pulls the image of a component again, from a registry that does not
/// respond.
fn a_pull_hangs(instance: &Instance, proxy: &RecordingProxy) {
    let path = "{.items[*].spec.containers[0].image}";
    let redis = [
        "get",
        "pods",
        "-l",
        "clearml-local.io/component=redis",
        "-o",
    ];
    let image = instance.kubectl(&[&redis[..], &[&format!("jsonpath={path}")]].concat());
    let image = format!("--image={image}");
    let pod = [
        "-n",
        "default",
        "run",
        "hangs",
        "--image-pull-policy=Always",
    ];
    instance.kubectl(&[&pod[..], &[&image]].concat());
    proxy.await_request("registry-1.docker.io");
}

/// No request of ours went through the proxy, but containerd has its URL with the
/// password.
fn our_requests_bypass_the_proxy(instance: &Instance, proxy: &RecordingProxy) {
    assert_eq!(proxy.requests(), Vec::<String>::new());
    let node = instance.node();
    proxy.request_from(&node);
    assert_eq!(proxy.requests(), ["CONNECT asked.invalid:443 HTTP/1.1"]);
    let script = "tr '\\0' '\\n' </proc/$(pidof containerd)/environ";
    let environment = run("docker", &["exec", &node, "sh", "-c", script]).expect(0);
    let arrived = format!("HTTPS_PROXY={}", proxy.strict_url());
    assert!(
        environment.stdout.lines().any(|line| line == arrived),
        "{}",
        environment.stdout
    );
}

/// Another home, which does not know the stopped instance, starts it with the same keys
/// and settings. Returns the output of `start`.
fn another_home_starts_the_instance(instance: &Instance) -> String {
    let home = tempfile::tempdir().unwrap();
    let in_other_home = |arguments: &[&str]| {
        let output = instance.run_command(instance.command_in(home.path()).args(arguments));
        output.expect(0)
    };
    let started = in_other_home(&["start"]).stderr;
    let state = home.path().join("share/clearml-local").join(&instance.name);
    std::fs::remove_dir_all(&state).unwrap();
    let before = instance.versions();
    let [here, other] = [
        instance.run(&["credentials"]).expect(0),
        in_other_home(&["credentials"]),
    ];
    assert_eq!(here.stdout, other.stdout);
    let status = in_other_home(&["status", "-o", "json"]).json();
    assert_eq!(
        (&status["state"], &status["release"]),
        (&"ready".into(), &"1.5.0".into())
    );
    assert!(!state.exists(), "reading commands must not store anything");
    let up = in_other_home(&["up"]);
    assert!(up.stderr.contains("nothing changed"), "{}", up.stderr);
    assert_eq!(instance.versions(), before);
    let up = instance.run(&["up"]).expect(0);
    assert!(up.stderr.contains("nothing changed"), "{}", up.stderr);
    started
}

/// Neither kind's bootstrap token nor any key from a README is accepted.
async fn nothing_public_is_accepted(instance: &Instance) {
    let kubeconfig = clearml_local::testing::files::read(&instance.state_dir().join("kubeconfig"));
    let kubeconfig = kubeconfig.unwrap().unwrap();
    let server = kubeconfig
        .lines()
        .find_map(|line| line.trim().strip_prefix("server: "));
    let url = format!("{}/api/v1/secrets", server.unwrap());
    let token = "Authorization: Bearer abcdef.0123456789abcdef";
    let status = run(
        "curl",
        &[
            "-sk",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-H",
            token,
            &url,
        ],
    );
    assert_eq!(status.stdout, "401");
    for (key, secret) in [
        (
            "5442F3443MJMORWZA3ZH",
            "BxapIRo9ZINi8x25CRxz8Wdmr2pQjzuWVB4PNASZqCtTyWgWVQ",
        ),
        (
            "ENP39EQM4SLACGD5FXB7",
            "lPcm0imbcBZ8mwgO7tpadutiS3gnJD05x9j7afwXPS35IKbpiQ",
        ),
        (
            "EYVQ385RW7Y2QQUH88CZ7DWIQ1WUHP",
            "yfc8KQo*GMXb*9p((qcYC7ByFIpF7I&4VH3BfUYXH%o9vX1ZUZQEEw1Inc)S",
        ),
    ] {
        assert_eq!(login_status(instance, key, secret).await, 401, "{key}");
    }
}

/// The `kind` program lists, exports and deletes the node.
fn kind_can_use_the_node(instance: &Instance) {
    let clusters = run("kind", &["get", "clusters"]).expect(0);
    assert!(clusters.stdout.lines().any(|line| line == instance.name));
    let kubeconfig = run("kind", &["get", "kubeconfig", "--name", &instance.name]).expect(0);
    assert!(kubeconfig.stdout.contains("server: https://127.0.0.1:"));
    let logs = tempfile::tempdir().unwrap();
    let directory = logs.path().to_str().unwrap();
    let exported = run(
        "kind",
        &["export", "logs", "--name", &instance.name, directory],
    );
    // The rig's node has no crictl; nothing else may be missing.
    assert!(
        exported.code == 0 || exported.stderr.contains("crictl"),
        "{}",
        exported.stderr
    );
    assert!(
        logs.path()
            .join(instance.node())
            .join("kubelet.log")
            .exists()
    );
    run("kind", &["delete", "cluster", "--name", &instance.name]).expect(0);
}

/// Simulates an interrupted `stop`, and certificates that are about to expire.
fn start_repairs_kubelet_and_certificates(instance: &Instance) {
    let node = instance.node();
    let checksum = [
        "exec",
        &node,
        "sha256sum",
        "/etc/kubernetes/pki/apiserver.crt",
    ];
    let before = run("docker", &checksum).expect(0).stdout;
    let short = "printf 'apiVersion: kubeadm.k8s.io/v1beta4\\nkind: ClusterConfiguration\\nkubernetesVersion: %s\\ncertificateValidityPeriod: 240h\\n' \"$(cat /kind/version)\" >/tmp/short.yaml && \
        kubeadm certs renew apiserver --config /tmp/short.yaml && systemctl stop kubelet";
    run("docker", &["exec", &node, "sh", "-c", short]).expect(0);
    instance.await_status("expire in 9 days");
    let repaired = instance.run(&["start"]).expect(0).stderr;
    assert!(
        repaired.contains("starting kubelet (not running)"),
        "{repaired}"
    );
    assert!(repaired.contains("renewing certificates"), "{repaired}");
    assert_ne!(run("docker", &checksum).expect(0).stdout, before);
    let status = instance.run(&["status"]).expect(0);
    assert!(!status.stdout.contains("certificates"), "{}", status.stdout);
}
