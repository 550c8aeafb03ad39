//! Commands against what real engines answered.

use serde_json::Value;

use super::engine::Responses;
use super::*;

/// An engine with the storage driver overlay2, and one with the image store of containerd.
const RECORDED: [&str; 2] = [
    include_str!("../fuzz/recorded/engine.json"),
    include_str!("../fuzz/recorded/engine.containerd.json"),
];

#[test]
fn the_answers_of_each_engine_are_understood() {
    for text in RECORDED {
        let recorded: Value = serde_json::from_str(text).unwrap();
        let home = Home::new(Responses::recorded(text));
        let json = |arguments: &[&str]| -> Value {
            let mut command = home.command(env!("CARGO_BIN_EXE_clearml-local"));
            let output = command.args(arguments).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            serde_json::from_str(&text).unwrap_or_else(|error| {
                let stderr = String::from_utf8_lossy(&output.stderr);
                panic!("{error}: {text}{stderr}")
            })
        };
        let listed = json(&["list", "-o", "json"]);
        assert_eq!(listed[0]["name"], "demo", "{listed}");
        // The node runs, and its API does not answer here.
        let status = json(&["status", "--name", "demo", "-o", "json"]);
        assert_eq!(status["release"], "1.5.0", "{status}");
        assert_eq!(status["dataDir"], "/srv/clearml", "{status}");
        assert_eq!(
            status["versions"]["docker"], recorded["version"]["Version"],
            "{status}"
        );
        // All checks of `up` read what the engine says about its host.
        let doctor = json(&["doctor", "--name", "other", "-o", "json"]);
        let findings = doctor["findings"].to_string();
        for unread in ["docker-too-old", "docker-lacks", "too-little-memory"] {
            assert!(!findings.contains(unread), "{doctor}");
        }
    }
}
