//! `support-bundle`: what it contains without an engine and in an existing cluster, and that no
//! secret is in it.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clearml_local::testing::state::StateDir;
use serde_json::Value;

use super::engine::start_cluster;
use super::*;

/// Returns the files of an archive by their names, without the directory that has the time.
fn unpack(path: &Path) -> BTreeMap<String, String> {
    let file = std::fs::File::open(path).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut files = BTreeMap::new();
    for entry in tar.entries().unwrap() {
        let mut entry = entry.unwrap();
        assert_eq!(entry.header().mode().unwrap(), 0o600);
        let path = entry.path().unwrap().display().to_string();
        let (_, name) = path.split_once('/').unwrap();
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        files.insert(name.to_owned(), text);
    }
    files
}

/// Secrets, each in one place or in several. All begin with `planted`.
const FILE: &str = "planted-in-a-values-file";
const SET: &str = "planted/with set&'quotes'";
const REVISION: &str = "planted-in-a-revision";
const ENVIRONMENT: &str = "planted-in-a-pod";
const SECRET: &str = "planted in a Secret: 1";
const REGISTRY: &str = "planted-for-a-registry";
const ANNOTATION: &str = "planted-in-an-annotation";
const CONFIG: &str = "planted-in-a-config-map";
const PROXY: &str = "planted-p@ss/of-a-proxy";
const HOME_KEY: &str = "plantedKeyOfThisHome";
const CLIENT_KEY: &str = "planted-client-key-of-the-kubeconfig";

/// The secrets that a component prints.
const IN_LOG: [&str; 9] = [
    FILE,
    SET,
    REVISION,
    ENVIRONMENT,
    SECRET,
    REGISTRY,
    CONFIG,
    HOME_KEY,
    CLIENT_KEY,
];

/// Returns the base64 of a text.
fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// Returns what a component prints that shows all of its secrets.
fn log() -> String {
    let mut text = String::new();
    for (index, secret) in IN_LOG.iter().enumerate() {
        let time = format!("2026-11-27T04:00:{index:02}Z");
        let encoded = base64(secret);
        text += &format!("{time} value={secret} again {secret:?} and {encoded}\n");
        text += &format!("{time} {}\n", json!({"conn": format!("x://u:{secret}@h")}));
    }
    text + "2026-11-27T04:01:00Z the last line\n"
}

/// Returns the objects of a namespace with secrets in all places.
fn cluster() -> Responses {
    let meta = |name: &str, kind: &str| {
        let copy = json!({"kind": kind, "data": {"x": base64(SECRET)}, "env": ENVIRONMENT});
        json!({
            "name": name, "namespace": "team", "uid": name,
            "creationTimestamp": "2026-11-27T04:00:00Z",
            "labels": {
                "clearml-local.io/instance": "clearml", "clearml-local.io/component": "redis",
                "example.com/token": ANNOTATION,
            },
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": copy.to_string(),
                "example.com/password": ANNOTATION,
            },
            "managedFields": [{"manager": "x"}],
        })
    };
    let container = json!({
        "name": "redis", "image": "redis:7",
        "args": ["--requirepass", SECRET, "--auth-token=planted-in-an-argument"],
        "env": [
            {"name": "DB_PASSWORD", "value": ENVIRONMENT},
            {"name": "HTTPS_PROXY", "value": format!("http://u:{PROXY}@proxy:3128")},
        ],
    });
    let template = json!({"metadata": {}, "spec": {"containers": [container]}});
    let pod = json!({
        "metadata": meta("redis-0", "Pod"), "spec": template["spec"],
        "status": {"phase": "Running", "containerStatuses": [{
            "name": "redis", "ready": true, "restartCount": 1, "image": "redis:7",
            "imageID": "", "state": {"running": {"startedAt": "2026-11-27T04:00:00Z"}},
            "lastState": {"terminated": {"exitCode": 1}},
        }]},
    });
    let set = json!({
        "metadata": meta("redis", "StatefulSet"),
        "spec": {"template": template, "selector": {}, "serviceName": "redis"},
    });
    let registry = json!({"auths": {"r.example": {"auth": base64(&format!("ann:{REGISTRY}"))}}});
    let secret = json!({"metadata": meta("keys", "Secret"), "data": {
        "redis": base64(SECRET),
        ".dockerconfigjson": base64(&registry.to_string()),
    }});
    let config = json!({"metadata": meta("conf", "ConfigMap"), "data": {
        "auth.conf": format!("level: info\nfixed_users {{ password: {CONFIG}\n}}\n"),
    }});
    let event = json!({
        "metadata": meta("e", "Event"), "type": "Warning", "reason": "Failed",
        "involvedObject": {"kind": "Pod", "uid": "redis-0"},
        "message": format!("cannot pull: https://ann:{REGISTRY}@r.example/v2 denied"),
        "lastTimestamp": "2026-11-27T04:00:00Z",
    });
    let list =
        |items: Value| json!({"kind": "List", "apiVersion": "v1", "metadata": {}, "items": items});
    let responses = Responses::default()
        .with("GET /version", json!({
            "major": "1", "minor": "37", "gitVersion": "v1.37.2", "gitCommit": "", "buildDate": "",
            "gitTreeState": "", "goVersion": "", "compiler": "", "platform": "",
        }))
        .with("GET /api/v1/namespaces/team/pods/redis-0/log", json!(log()));
    [
        ("api/v1", "pods", json!([pod])),
        ("api/v1", "secrets", json!([secret])),
        ("api/v1", "configmaps", json!([config])),
        ("api/v1", "events", json!([event])),
        ("api/v1", "services", json!([])),
        ("apis/apps/v1", "statefulsets", json!([set])),
        ("apis/apps/v1", "deployments", json!([])),
    ]
    .into_iter()
    .fold(responses, |all, (group, plural, items)| {
        all.with(
            &format!("GET /{group}/namespaces/team/{plural}"),
            list(items),
        )
    })
}

/// Stores what `up` stores, with secrets in the values and the kubeconfig.
fn store_secrets(home: &Home, port: u16) {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "users": [{"name": "u", "user": {"token": "planted-token-of-the-user"}}],
        "contexts": [{"name": "work", "context": {"cluster": "c", "user": "u"}}],
    });
    let path = home.dir.path().join("kubeconfig");
    std::fs::write(&path, kubeconfig.to_string()).unwrap();
    let mut settings = json!({
        "listen": "127.0.0.1", "ports": {"web": 1, "api": 2, "files": 3},
        "release": "1.5.0", "nodeImage": "node:1", "dataDir": "/nowhere",
        "values": [{"path": "v.yaml", "text": format!(
            "# password: planted-in-a-comment\n\
             redis:\n  usePassword: true\n  password: {FILE}\n"
        )}],
        "sets": [{"kind": "set", "text": format!("secret.authToken={SET}"), "files": []}],
        "cluster": {"context": "work", "namespace": "team", "kubeconfig": path},
    });
    let state = StateDir::at(home.state());
    std::fs::create_dir_all(home.state()).unwrap();
    std::fs::write(home.state().join("instance.json"), settings.to_string()).unwrap();
    settings["values"][0]["text"] =
        json!(format!("mongodb:\n  auth: {{rootPassword: {REVISION}}}\n"));
    let revision = json!({
        "number": 1, "at": "2026-11-27T04:00:00Z", "program": "0.1.0", "result": "ready",
        "instance": settings,
        "values": {"mongodb": {"auth": {"rootPassword": REVISION}}, "redis": {"password": FILE}},
    });
    state.save_revision(1, &revision.to_string()).unwrap();
    let mut keys =
        serde_json::to_value(clearml_local::testing::secrets::Secrets::generate()).unwrap();
    keys["auth_token"] = json!(HOME_KEY);
    state
        .save_secrets(&serde_json::from_value(keys).unwrap())
        .unwrap();
    // As of a local node that the instance had before.
    let old = json!({"users": [{"name": "u", "user": {"client-key-data": base64(CLIENT_KEY)}}]});
    state.save_kubeconfig(&old.to_string()).unwrap();
    state
        .save_log(
            "kubeadm.log",
            &format!("proxy http://u:{PROXY}@proxy:3128\nkey {HOME_KEY}\n"),
        )
        .unwrap();
}

#[test]
fn no_secret_is_in_a_bundle_of_an_existing_cluster() {
    let home = Home::new(Responses::empty());
    store_secrets(&home, start_cluster(cluster()));
    let mut command = home.command(env!("CARGO_BIN_EXE_clearml-local"));
    let output = command
        .args(["support-bundle", "bundle.tar.gz", "-o", "json"])
        .env("HTTPS_PROXY", format!("http://u:{PROXY}@127.0.0.1:9"))
        .env("NO_PROXY", "127.0.0.1")
        .env("CLEARML_LOCAL_SET", format!("secret.authToken={SET}"))
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stdout}{stderr}");
    let files = unpack(&home.dir.path().join("bundle.tar.gz"));
    for (name, text) in &files {
        for secret in IN_LOG.into_iter().chain([ANNOTATION, PROXY]) {
            let json = json!(secret).to_string();
            for form in [secret, json.trim_matches('"'), &base64(secret)] {
                assert!(!text.contains(form), "{name} contains {form}:\n{text}");
            }
        }
        assert!(!text.contains("planted"), "{name}:\n{text}");
        assert!(
            name.ends_with(".txt")
                || name.ends_with(".log")
                || serde_json::from_str::<Value>(text).is_ok()
        );
    }
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    for expected in [
        "contents.txt",
        "events.json",
        "logs/redis/redis-0.redis.log",
        "logs/redis/redis-0.redis.previous.log",
        "objects/pods.json",
        "objects/secrets.json",
        "objects/statefulsets.json",
        "place.txt",
        "program.json",
        "revisions.json",
        "settings.json",
        "state/logs/kubeadm.log",
        "status.json",
    ] {
        assert!(names.contains(&expected), "{expected}: {names:?}");
    }
    // The rest is there.
    assert!(files["logs/redis/redis-0.redis.log"].ends_with("the last line\n"));
    assert!(files["objects/pods.json"].contains("redis:7"));
    assert!(files["objects/configmaps.json"].contains("level: info"));
    assert!(!files["objects/pods.json"].contains("managedFields"));
    let done: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(done["event"], "support-bundle");
    // The role of the user may not list these.
    let unread = done["unread"].as_array().unwrap();
    assert!(
        unread.iter().any(|one| one["part"] == "objects/jobs.json"),
        "{stdout}"
    );
    assert!(files["contents.txt"].contains("objects/jobs.json"));
}

#[test]
fn a_bundle_without_docker_or_an_instance_says_what_is_missing() {
    let home = Home::new(Responses::empty());
    let mut command = home.command(env!("CARGO_BIN_EXE_clearml-local"));
    let output = command
        .args(["support-bundle", "bundle.tar.gz", "--progress=none"])
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| home.normalize(&String::from_utf8(bytes).unwrap());
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert_eq!(stdout, "HOME/bundle.tar.gz\n");
    let size = regex::Regex::new(r"^\d+ k?B").unwrap();
    insta::assert_snapshot!(size.replace(&stderr, "SIZE"));
    let files = unpack(&home.dir.path().join("bundle.tar.gz"));
    assert!(
        files["contents.txt"].contains("nowhere"),
        "{}",
        files["contents.txt"]
    );
}

#[test]
fn a_bundle_needs_no_readable_settings_and_replaces_no_file() {
    let home = Home::new(Responses::empty());
    std::fs::create_dir_all(home.state()).unwrap();
    std::fs::write(home.state().join("instance.json"), "{\"token\": \"planted").unwrap();
    let output = home.run(&["support-bundle", "bundle.tar.gz"]);
    assert!(output.starts_with("exit code 0\n"), "{output}");
    assert!(
        output.contains("settings.json, status.json: invalid state file"),
        "{output}"
    );
    let path = home.dir.path().join("bundle.tar.gz");
    let files = unpack(&path);
    assert!(files.contains_key("engine/info.json"));
    assert!(!files.values().any(|text| text.contains("planted")));
    let before = std::fs::read(&path).unwrap();
    let again = home.run(&["support-bundle", "bundle.tar.gz"]);
    assert!(again.starts_with("exit code 2\n"), "{again}");
    assert!(
        again.contains("bundle.tar.gz: it already exists"),
        "{again}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let missing = home.run(&["support-bundle", "missing/bundle.tar.gz"]);
    assert!(
        missing.contains("cannot create HOME/missing/bundle.tar.gz"),
        "{missing}"
    );
}
