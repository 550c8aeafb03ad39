//! The whole way: up from nothing, work, up again, down, up, and away.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::harness::{Instance, has, run};
use crate::proxy::RecordingProxy;
use crate::server::{User, api_of_page, login_status};

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn a_server_from_nothing_to_nothing() {
    let instance = Instance::new("life");
    let proxy = RecordingProxy::start();
    let mut up = instance.up_command();
    up.args(["-o", "json"]).env("HTTPS_PROXY", proxy.url());
    let first = instance.ran(&mut up).expect(0);
    the_proxy_is_for_others(&instance, &proxy);
    let events = first.events();
    let last = events.last().unwrap();
    assert_eq!(last["event"], "ready");
    let web = format!("http://localhost:{}", instance.web);
    assert_eq!(last["endpoints"]["web"], Value::String(web));
    assert!(
        events.iter().all(|event| event["time"].is_string()),
        "{}",
        first.stdout
    );

    // Its web app guesses where the API is, and knows two sets of ports.
    assert_eq!(api_of_page(&instance).await, "http://127.0.0.1:8008");
    let warned = |event: &&Value| {
        event["event"] == "warning"
            && event["text"]
                .as_str()
                .unwrap()
                .contains("its page may stay empty")
    };
    assert_eq!(events.iter().filter(warned).count(), 1, "{}", first.stdout);

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

    instance.was_restarted(0);
    let before = instance.versions();
    let again = instance.run(&["up"]).expect(0);
    let since = again.stderr.contains("Already up: ready for ");
    assert!(since, "{}", again.stderr);
    assert!(again.stderr.contains("nothing changed"), "{}", again.stderr);
    assert_eq!(instance.versions(), before, "a second up changes nothing");

    a_pull_hangs(&instance, &proxy);
    instance.run(&["stop"]).expect(0);
    assert_eq!(instance.run(&["status"]).code, 5);
    let listed = instance.run(&["list", "-o", "json"]).expect(0).json();
    let ours = listed.as_array().unwrap().iter();
    let ours = ours.filter(|one| one["name"] == instance.name.as_str());
    assert_eq!(
        ours.map(|one| &one["state"]).collect::<Vec<_>>(),
        ["stopped"]
    );
    // The pull that hung when the node stopped harms nobody who uses the image.
    let started = another_home_starts_it(&instance);
    for of_the_stop in [
        "exited with code 0",
        "exited with code 143",
        "exited with code 255",
        "ready after 0.0 s",
        "(not running)",
    ] {
        assert!(!started.contains(of_the_stop), "{started}");
    }
    instance.kubectl(&["-n", "default", "delete", "pod", "hangs", "--now"]);
    // nginx ends for a name that does not resolve, and DNS is silent for a while.
    instance.was_restarted(1);
    kubelet_and_certificates_are_put_right(&instance);
    // The former user's connections ended with the server.
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

    // The settings of the first `up` are kept: no flags. Keys that the home has lost are
    // beside the data.
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
        kind_knows_the_node(&instance);
    } else {
        instance.run(&["down"]).expect(0);
    }
    assert_eq!(instance.run(&["status"]).code, 6);
    instance.run(&["down", "--purge", "--yes"]).expect(0);
    assert_eq!(instance.remains(), Vec::<String>::new());
    assert!(!instance.state_dir().exists());
}

/// A pod of somebody's pulls the image of a component anew, and waits for a registry
/// that does not answer.
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

/// Nothing of ours was asked of the proxy, which containerd knows with its password.
fn the_proxy_is_for_others(instance: &Instance, proxy: &RecordingProxy) {
    assert_eq!(proxy.requests(), Vec::<String>::new());
    let node = instance.node();
    proxy.ask_from(&node);
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

/// A home that knows nothing of the stopped instance starts it, with the same keys and
/// settings. Returns what its `start` said.
fn another_home_starts_it(instance: &Instance) -> String {
    let home = tempfile::tempdir().unwrap();
    let elsewhere = |arguments: &[&str]| {
        let ran = instance.ran(instance.command_in(home.path()).args(arguments));
        ran.expect(0)
    };
    let started = elsewhere(&["start"]).stderr;
    let state = home.path().join("share/clearml-local").join(&instance.name);
    std::fs::remove_dir_all(&state).unwrap();
    let before = instance.versions();
    let [here, there] = [
        instance.run(&["credentials"]).expect(0),
        elsewhere(&["credentials"]),
    ];
    assert_eq!(here.stdout, there.stdout);
    let status = elsewhere(&["status", "-o", "json"]).json();
    assert_eq!(
        (&status["state"], &status["release"]),
        (&"ready".into(), &"1.5.0".into())
    );
    assert!(!state.exists(), "who only looks keeps nothing");
    let up = elsewhere(&["up"]);
    assert!(up.stderr.contains("nothing changed"), "{}", up.stderr);
    assert_eq!(instance.versions(), before);
    let up = instance.run(&["up"]).expect(0);
    assert!(up.stderr.contains("nothing changed"), "{}", up.stderr);
    started
}

/// Neither kind's bootstrap token nor any key that is printed in a README.
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

/// The node is one that the `kind` program lists, exports and deletes.
fn kind_knows_the_node(instance: &Instance) {
    let clusters = run("kind", &["get", "clusters"]).expect(0);
    assert!(clusters.stdout.lines().any(|line| line == instance.name));
    let kubeconfig = run("kind", &["get", "kubeconfig", "--name", &instance.name]).expect(0);
    assert!(kubeconfig.stdout.contains("server: https://127.0.0.1:"));
    let logs = tempfile::tempdir().unwrap();
    let folder = logs.path().to_str().unwrap();
    let exported = run(
        "kind",
        &["export", "logs", "--name", &instance.name, folder],
    );
    // The rig's node has no crictl, which is the one thing that may be missed.
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

/// As an interrupted `stop` leaves the kubelet, and a year the certificates.
fn kubelet_and_certificates_are_put_right(instance: &Instance) {
    let node = instance.node();
    let ends = [
        "exec",
        &node,
        "sha256sum",
        "/etc/kubernetes/pki/apiserver.crt",
    ];
    let before = run("docker", &ends).expect(0).stdout;
    let short = "printf 'apiVersion: kubeadm.k8s.io/v1beta4\\nkind: ClusterConfiguration\\nkubernetesVersion: %s\\ncertificateValidityPeriod: 240h\\n' \"$(cat /kind/version)\" >/tmp/short.yaml && \
        kubeadm certs renew apiserver --config /tmp/short.yaml && systemctl stop kubelet";
    run("docker", &["exec", &node, "sh", "-c", short]).expect(0);
    instance.await_status("expire in 9 days");
    let healed = instance.run(&["start"]).expect(0).stderr;
    assert!(
        healed.contains("starting kubelet (not running)"),
        "{healed}"
    );
    assert!(healed.contains("renewing certificates"), "{healed}");
    assert_ne!(run("docker", &ends).expect(0).stdout, before);
    let status = instance.run(&["status"]).expect(0);
    assert!(!status.stdout.contains("certificates"), "{}", status.stdout);
}
