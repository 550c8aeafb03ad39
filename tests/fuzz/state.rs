//! The files that are stored: in the state directory, in the data directory and in the working
//! directory. Another version wrote them, or a disk is broken.

use std::path::Path;

use clearml_local::testing::options::{Options, SettingsFile};
use clearml_local::testing::revisions;
use clearml_local::testing::settings::Instance;
use clearml_local::testing::state::{Lock, Marker, StateDir, read_keys};
use serde_json::{Value, json};

use crate::bounds;
use crate::runner::{self, Outcome};

#[test]
fn random_state_files_cause_no_panic_and_need_bounded_memory() {
    bounds::run("state::random_files", 60 + runner::cases() / 100);
}

#[test]
#[ignore = "runs as a child process"]
fn random_files() {
    let dir = tempfile::tempdir().unwrap();
    let files = [
        ("instance.json", settings()),
        ("revisions/4.json", revision()),
        (".clearml-local.json", marker()),
        (".clearml-local-keys.json", keys()),
        (
            "forward.json",
            json!({"process": 4711, "ports": {"web": 8080, "api": 8008, "files": 8081}}),
        ),
        ("copies.json", json!(["/data/one", "/data/two"])),
        ("clearml-local.yaml", settings_file()),
        ("lock", json!("`clearml-local up` (process 7)")),
    ];
    std::fs::create_dir(dir.path().join("revisions")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runner::run(30, |mutations, number| {
        let (name, document) = &files[number % files.len()];
        let text = mutations.text(document);
        write(&dir.path().join(name), &text);
        runtime.block_on(read(name, dir.path()))
    });
}

async fn read(name: &str, dir: &Path) -> Outcome {
    let state = StateDir::at(dir.to_owned());
    match name {
        "instance.json" => {
            let read = state.instance();
            if let Ok(Some(instance)) = &read {
                saved_settings_mean_the_same(instance);
                let _ = Options::default().apply(instance.clone());
            }
            Outcome::of(&read)
        }
        "revisions/4.json" => {
            let history = revisions::load(&state, None).await;
            let Ok(history) = history else {
                return Outcome::Refused;
            };
            history.entries(true);
            let mut again = history.clone();
            let Some(latest) = history.latest() else {
                return Outcome::Refused;
            };
            let _ = history.target(None).map(|revision| revision.number);
            revisions::diff(&latest.values, &json!({"apiserver": {"replicaCount": 2}}));
            let mut next = latest.clone();
            next.values = json!({"other": true});
            again.start(next);
            Outcome::Read
        }
        ".clearml-local.json" => {
            let read = Marker::read(dir);
            if let Ok(Some(marker)) = &read {
                let label = marker.label();
                let again = Marker::from_labels(&[label].into());
                assert_eq!(again.as_ref(), Some(marker));
                let _ = marker.check(dir);
                marker.is_current(dir);
            }
            Outcome::of(&read)
        }
        ".clearml-local-keys.json" => {
            let read = read_keys(dir);
            if let Ok(Some(keys)) = &read {
                keys.completed();
                keys.for_programs(true);
                assert!(keys.is_same_instance(keys));
            }
            Outcome::of(&read)
        }
        "forward.json" => {
            // The process that is described holds the lock.
            let lock = std::fs::File::open(dir.join(name)).unwrap();
            lock.try_lock().unwrap();
            match state.background() {
                Ok(Some(_)) => Outcome::Read,
                _ => Outcome::Refused,
            }
        }
        "copies.json" => Outcome::of(&state.copies()),
        "clearml-local.yaml" => Outcome::of(&SettingsFile::read(dir)),
        _ => match Lock::holder(&state) {
            Ok(None) => Outcome::Read,
            _ => Outcome::Refused,
        },
    }
}

fn saved_settings_mean_the_same(instance: &Instance) {
    let text = serde_json::to_string(instance).unwrap();
    let again: Instance = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(&again, instance, "{text}");
}

fn settings() -> Value {
    json!({
        "listen": "0.0.0.0", "ports": {"web": 8080, "api": 8008, "files": 8081},
        "release": "/r.yaml", "releaseFile": {"path": "/r.yaml", "text": "name: mine\n"},
        "nodeImage": "kindest/node:v1.36.0", "dataDir": "volume:data",
        "values": [{"path": "values.yaml", "text": "a: 1\n"}],
        "sets": [{"kind": "set", "text": "a=2"},
            {"kind": "file", "text": "b=motd", "files": [{"path": "motd", "text": "hello"}]}],
        "ca": {"path": "/ca.pem", "text": "-----BEGIN CERTIFICATE-----"},
        "registryMirror": "http://mirror.corp:5000/hub", "pull": "node", "autostart": false,
        "mergeKubeconfig": true, "ingress": {"enabled": true, "httpPort": 81, "httpsPort": 444,
            "hosts": {"web": {"name": "app.corp", "tlsSecret": "tls"},
                "api": {"name": "api.corp"}, "files": {"name": "files.corp"}}},
        "cluster": {"context": "production", "namespace": "ml", "kubeconfig": "/corp/config"},
    })
}

fn settings_file() -> Value {
    json!({
        "name": "demo", "values": ["a.yaml", "b.yaml"], "set": ["a=1", "b=2"], "listen": "0.0.0.0",
        "webPort": 8080, "apiPort": 8008, "filesPort": 8081, "dataDir": "~/data", "timeout": "10m",
        "registryMirror": "http://mirror.corp:5000/hub", "nodeImage": "kindest/node:v1.36.0",
    })
}

pub fn revision() -> Value {
    json!({
        "number": 4, "at": "2026-11-23T13:41:00Z", "program": "0.1.0", "backTo": 2,
        "result": "failed", "code": 7, "reason": "it did not start", "instance": settings(),
        "values": {"apiserver": {"replicaCount": 1, "extraEnvs": [{"name": "A", "value": "b"}]},
            "redis": {"password": "secret"}, "secret": {"authToken": null}},
    })
}

fn marker() -> Value {
    json!({
        "instance": "demo", "release": "1.5.0",
        "databases": {"mongodb": "4.4", "elasticsearch": "7", "redis": "6"},
        "folders": ["mongodb", "elasticsearch", "redis", "fileserver"], "made_directory": true,
    })
}

pub fn keys() -> Value {
    let pair = |name: &str| json!({"access_key": format!("{name}-key"), "secret_key": "secret"});
    json!({
        "http_session": "session", "auth_token": "token",
        "credentials": {
            "apiserver": pair("apiserver"), "webserver": pair("webserver"),
            "tests": pair("tests"), "fileserver": pair("fileserver"),
            "services_agent": pair("services_agent"),
        },
        "later": {"sdk": pair("sdk"), "redis": "redis-password", "mongodb": "mongodb-password"},
    })
}

#[expect(clippy::disallowed_methods, reason = "bytes that may not be text")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}
