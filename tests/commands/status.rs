//! `status` with unreachable components: it ends in time and shows what is known.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clearml_local::testing::secrets::Secrets;
use clearml_local::testing::state::StateDir;

use super::engine::{no_response, start_cluster};
use super::*;

impl Home {
    pub fn state(&self) -> PathBuf {
        self.dir.path().join(".local/share/clearml-local/clearml")
    }

    /// Stores settings like `up`.
    pub fn store_settings(&self) {
        let [web, api, files] = self.ports;
        let settings = json!({
            "listen": "127.0.0.1", "ports": {"web": web, "api": api, "files": files},
            "release": "1.5.0", "nodeImage": "node:1", "dataDir": "/nowhere/data",
            "values": [], "sets": [],
        });
        std::fs::create_dir_all(self.state()).unwrap();
        std::fs::write(self.state().join("instance.json"), settings.to_string()).unwrap();
    }

    /// Stores keys like `up`.
    pub fn store_keys(&self) {
        StateDir::at(self.state())
            .save_secrets(&Secrets::generate())
            .unwrap();
    }

    fn store_kubeconfig(&self, port: u16) {
        let server = format!("http://127.0.0.1:{port}");
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        });
        let state = StateDir::at(self.state());
        state.save_kubeconfig(&kubeconfig.to_string()).unwrap();
    }

    fn status(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_clearml-local"));
        command.arg("status").args(arguments);
        command
    }
}

/// Returns the stdout of a command, its exit code and its duration.
fn timed(command: &mut Command) -> (String, Option<i32>, Duration) {
    let started = Instant::now();
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (text, output.status.code(), started.elapsed())
}

/// A running node whose Kubernetes API and server accept connections but do not
/// respond.
fn unresponsive_node() -> (Home, Vec<TcpListener>) {
    let running = Responses::empty().with_container("clearml-control-plane", node("clearml", true));
    let mut home = Home::new(running);
    let listeners: Vec<_> = (0..3)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    let ports: Vec<u16> = listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect();
    home.ports = [ports[0], ports[1], ports[2]];
    home.store_settings();
    home.store_keys();
    home.store_kubeconfig(ports[0]);
    (home, listeners)
}

/// Starts a cluster whose MongoDB exited with code 62 and waits for its next start.
fn cluster_with_other_data(log: serde_json::Value) -> u16 {
    let labels = json!({
        "clearml-local.io/component": "mongodb", "pod-template-hash": "h",
    });
    let revision = json!({"deployment.kubernetes.io/revision": "1"});
    let terminated = json!({"terminated": {"exitCode": 62, "reason": "Error"}});
    let pod = json!({
        "metadata": {"name": "mongodb-0", "uid": "p", "labels": labels},
        "spec": {"nodeName": "n", "containers": [{"name": "mongodb", "image": "mongo:4.4.29"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{
                "name": "mongodb", "image": "mongo:4.4.29", "imageID": "", "ready": false,
                "restartCount": 0, "state": terminated,
            }],
        },
    });
    let deployment = json!({
        "metadata": {
            "name": "clearml-mongodb", "uid": "d", "generation": 1, "annotations": revision,
            "labels": labels,
        },
        "spec": {
            "replicas": 1, "selector": {},
            "template": {"spec": {"containers": [{"name": "mongodb", "image": "mongo:4.4.29"}]}},
        },
        "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1},
    });
    let owner = json!([{"apiVersion": "apps/v1", "kind": "Deployment", "name": "x", "uid": "d"}]);
    let set = json!({
        "metadata": {
            "name": "clearml-mongodb-h", "uid": "r", "annotations": revision,
            "labels": labels, "ownerReferences": owner,
        },
        "spec": {"selector": {}},
    });
    let list = |items| json!({"metadata": {}, "items": items});
    let (core, apps) = (
        "GET /api/v1/namespaces/clearml",
        "GET /apis/apps/v1/namespaces/clearml",
    );
    let responses = Responses::default()
        .with(
            "GET /version",
            json!({"major": "1", "minor": "37", "gitVersion": "v1.37.2",
            "gitCommit": "", "gitTreeState": "", "buildDate": "", "goVersion": "",
            "compiler": "", "platform": ""}),
        )
        .with(&format!("{core}/pods"), list(json!([pod])))
        .with(&format!("{core}/persistentvolumeclaims"), list(json!([])))
        .with(&format!("{core}/events"), list(json!([])))
        .with(&format!("{apps}/deployments"), list(json!([deployment])))
        .with(&format!("{apps}/replicasets"), list(json!([set])))
        .with(&format!("{apps}/statefulsets"), list(json!([])))
        .with(&format!("{core}/pods/mongodb-0/log"), log);
    start_cluster(responses)
}

#[test]
fn a_known_failure_of_a_component_has_a_hint() {
    let upgrade = json!("UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document\n");
    for (log, known) in [(upgrade, true), (no_response(), false)] {
        let (home, _listeners) = unresponsive_node();
        home.store_kubeconfig(cluster_with_other_data(log));
        let (text, code, duration) = timed(&mut home.status(&["-o", "json"]));
        assert!(duration < Duration::from_secs(2), "{duration:?}: {text}");
        assert_eq!(code, Some(4), "{text}");
        let view: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(view["versions"]["kubernetes"], "1.37.2");
        let mongodb = &view["components"][1];
        assert_eq!(mongodb["state"], "failed", "{text}");
        if known {
            assert_eq!(mongodb["reason"], "data from another major version");
            let hint = view["hints"][0].as_str().unwrap();
            assert!(hint.contains("clearml-local up --release"), "{hint}");
        }
        // `--wait` does not wait for a permanent failure.
        let (_, code, duration) = timed(&mut home.status(&["--wait=1h"]));
        assert!(duration < Duration::from_secs(10), "{duration:?}");
        assert_eq!(code, Some(4));
    }
}

#[test]
fn loopback_connections_ignore_proxies() {
    let running = Responses::empty().with_container("clearml-control-plane", node("clearml", true));
    let home = Home::new(running);
    home.store_settings();
    home.store_kubeconfig(cluster_with_other_data(json!("")));
    home.store_keys();
    let (plain, code, _) = timed(&mut home.status(&[]));
    assert!(plain.contains("mongodb"), "{plain}");
    for proxy in [
        r"http://CORP\jane:secret@127.0.0.1:9",
        "http://jane:a^b@127.0.0.1:9 ",
        "no proxy at all",
    ] {
        let mut command = home.status(&[]);
        let set = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
        command.envs(set.map(|name| (name, proxy)));
        let (text, with_proxy, _) = timed(&mut command);
        assert_eq!(home.normalize(&text), home.normalize(&plain), "{proxy}");
        assert_eq!(with_proxy, code, "{proxy}");
    }
}

#[test]
fn without_an_engine_status_shows_stored_settings_in_time() {
    let slow = Responses::empty().with("GET /containers/clearml-control-plane/json", no_response());
    let home = Home::new(slow);
    home.store_settings();
    // A missing engine, one that accepts connections but does not respond, and one that
    // does not respond to requests for the node.
    let unresponsive = home.dir.path().join("silent.sock");
    let _listener = UnixListener::bind(&unresponsive).unwrap();
    for (socket, why) in [
        ("no.sock", "cannot connect to the Docker engine"),
        ("silent.sock", "the Docker engine does not answer"),
        ("docker.sock", "the Docker engine does not answer"),
    ] {
        let socket = home.dir.path().join(socket);
        let host = format!("unix://{}", socket.display());
        let (text, code, duration) = timed(home.status(&[]).env("DOCKER_HOST", host));
        assert!(duration < Duration::from_secs(2), "{duration:?}: {text}");
        assert_eq!(code, Some(10), "{text}");
        assert!(text.starts_with("clearml  unknown, release 1.5.0\n"));
        assert!(text.contains(&format!("http://localhost:{}", home.ports[0])));
        assert!(
            text.contains("/nowhere/data") && text.contains(why),
            "{text}"
        );
        assert!(text.contains("  hint: "), "{text}");
    }
}

#[test]
fn an_unresponsive_cluster_and_server_are_reported_in_time() {
    let (home, _listeners) = unresponsive_node();
    let (text, code, duration) = timed(&mut home.status(&[]));
    assert!(duration < Duration::from_secs(2), "{duration:?}: {text}");
    assert_eq!(code, Some(4), "{text}");
    insta::assert_snapshot!(home.normalize(&text));
}

#[test]
fn wait_ends_at_its_limit_and_immediately_if_it_cannot_help() {
    let (home, _listeners) = unresponsive_node();
    let (text, code, duration) = timed(&mut home.status(&["--wait=2s"]));
    assert!(duration >= Duration::from_secs(2), "{duration:?}");
    assert_eq!(code, Some(4), "{text}");
    let stopped =
        Responses::empty().with_container("clearml-control-plane", node("clearml", false));
    for (responses, expected) in [(Responses::empty(), 6), (stopped, 5)] {
        let home = Home::new(responses);
        let (text, code, duration) = timed(&mut home.status(&["--wait=1h"]));
        assert!(duration < Duration::from_secs(10), "{duration:?}");
        assert_eq!(code, Some(expected), "{text}");
    }
}

#[test]
fn watch_without_a_terminal_prints_changes_until_ctrl_c() {
    let home = Home::new(Responses::empty());
    let mut watching = home
        .status(&["--watch=1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!(next(), "clearml  absent");
    assert_eq!(
        [next(), next()].concat(),
        "  hint: create it: clearml-local up"
    );
    home.store_settings();
    assert_eq!(
        next(),
        "",
        "an empty line separates blocks, and only changes are printed"
    );
    assert_eq!(next(), "clearml  absent, release 1.5.0");
    let pid = watching.id().to_string();
    let killed = Command::new("kill").args(["-INT", &pid]).status();
    assert!(killed.unwrap().success());
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}
