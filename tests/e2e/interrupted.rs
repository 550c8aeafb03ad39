//! `up` that is interrupted at any step, by Ctrl-C or for good: the next one heals. The same
//! for a stop that is killed.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::harness::{Instance, run};

/// What `up` says when it comes to a step, in its order.
const MOMENTS: [&str; 7] = [
    r#""step":"preflight""#,
    r#""step":"node""#,
    "kubeadm init",
    r#""step":"images""#,
    "waiting for the Kubernetes API",
    r#""step":"apply""#,
    r#""event":"component""#,
];
const SIGNALS: [&str; 2] = ["INT", "KILL"];

/// What stops a node, and what heals one whose stop was killed.
const STOPS: [(&str, &str); 2] = [("stop", "start"), ("down", "up")];

/// Every moment with each signal, or with `tests/run` alone two of them, chosen by
/// the seed.
fn chosen() -> Vec<(&'static str, &'static str)> {
    let all: Vec<_> = MOMENTS
        .into_iter()
        .flat_map(|moment| SIGNALS.map(|signal| (moment, signal)))
        .collect();
    if std::env::var_os("E2E_FULL").is_some() {
        return all;
    }
    let seed = std::env::var("E2E_SEED").unwrap_or_default();
    let hash = seed.bytes().fold(5381_usize, |hash, byte| {
        hash.wrapping_mul(33) ^ usize::from(byte)
    });
    let half = all.len() / 2;
    let chosen = vec![all[hash % half], all[half + hash / half % half]];
    eprintln!("of {}, by the seed `{seed}`: {chosen:?}", all.len());
    chosen
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn an_up_that_was_interrupted_is_healed_by_the_next() {
    let instance = Instance::new("cut");
    // As on engines in a virtual machine: the data in a volume.
    let data = format!("--data-dir=volume:clearml-local-{}-data", instance.name);
    for ((moment, signal), (stop, heal)) in chosen().into_iter().zip(STOPS.into_iter().cycle()) {
        let mut up = instance.up_command();
        let mut up = up
            .args(["-o", "json", &data])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if !reaches(up.stdout.take().unwrap(), moment) {
            let ended = up.wait_with_output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            panic!("up never came to {moment}: {said}");
        }
        let process = up.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &process]).status();
        assert!(sent.unwrap().success());
        let ended = up.wait_with_output().unwrap();
        if signal == "INT" {
            assert_eq!(ended.status.code(), Some(130), "{moment}");
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(
                said.contains("continue with: clearml-local up"),
                "{moment}: {said}"
            );
        }
        instance.up(&[&data]).expect(0);
        instance.run(&["status"]).expect(0);
        kill_once_the_kubelet_is_stopped(&instance, stop);
        instance.run(&[heal]).expect(0);
        instance.run(&["status"]).expect(0);
        instance.run(&["down"]).expect(0);
    }
    let volume = data.rsplit(':').next().unwrap().to_owned();
    assert!(instance.remains().contains(&volume), "down keeps the data");
    instance.run(&["down", "--purge", "--yes"]).expect(0);
    assert_eq!(instance.remains(), Vec::<String>::new());
    assert_eq!(run("docker", &["volume", "inspect", &volume]).code, 1);
}

/// Whether a program says a line with these words, before it ends.
fn reaches(output: impl Read, words: &str) -> bool {
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    lines.any(|line| line.contains(words))
}

fn kill_once_the_kubelet_is_stopped(instance: &Instance, command: &str) {
    let mut stop = instance.command();
    let mut stop = stop
        .args([command, "--progress=plain"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Said when the kubelet has ended.
    let reached = reaches(stop.stderr.take().unwrap(), "stopping the servers");
    stop.kill().unwrap();
    stop.wait().unwrap();
    assert!(reached, "{command} never came to the servers");
    let node = instance.node();
    let kubelet = ["exec", &node, "systemctl", "is-active", "kubelet"];
    assert_eq!(run("docker", &kubelet).stdout, "inactive\n", "{command}");
}
