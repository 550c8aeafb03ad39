//! `up` that is interrupted or killed at any step: the next `up` completes it. The same
//! for a killed `stop`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::harness::{Instance, run};

/// The output of `up` at each step, in order.
const MOMENTS: [&str; 8] = [
    r#""step":"preflight""#,
    r#""step":"node""#,
    "kubeadm init",
    r#""step":"images""#,
    "waiting for the Kubernetes API",
    r#""step":"apply""#,
    r#""step":"add-ons""#,
    r#""event":"component""#,
];
const SIGNALS: [&str; 2] = ["INT", "KILL"];

/// Commands that stop a node, and commands that repair a node whose stop was killed.
const STOPS: [(&str, &str); 2] = [("stop", "start"), ("down", "up")];

/// Returns every moment with each signal, or, without `E2E_FULL`, two of them, selected
/// by the seed.
fn selected() -> Vec<(&'static str, &'static str)> {
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
    let selected = vec![all[hash % half], all[half + hash / half % half]];
    eprintln!(
        "of {}, selected by the seed `{seed}`: {selected:?}",
        all.len()
    );
    selected
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn the_next_up_completes_an_interrupted_one() {
    let instance = Instance::new("cut");
    // The data are in a volume, as with engines in a virtual machine.
    let data = format!("--data-dir=volume:clearml-local-{}-data", instance.name);
    for ((moment, signal), (stop, repair)) in selected().into_iter().zip(STOPS.into_iter().cycle())
    {
        let mut up = instance.up_command();
        let mut up = up
            .args(["-o", "json", &data])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if !prints(up.stdout.take().unwrap(), moment) {
            let output = up.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&output.stderr);
            panic!("up never reached {moment}: {stderr}");
        }
        let process = up.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &process]).status();
        assert!(sent.unwrap().success());
        let output = up.wait_with_output().unwrap();
        if signal == "INT" {
            assert_eq!(output.status.code(), Some(130), "{moment}");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(
                stderr.contains("continue with: clearml-local up"),
                "{moment}: {stderr}"
            );
        }
        instance.up(&[&data]).expect(0);
        instance.run(&["status"]).expect(0);
        kill_once_the_kubelet_is_stopped(&instance, stop);
        instance.run(&[repair]).expect(0);
        instance.run(&["status"]).expect(0);
        instance.run(&["down"]).expect(0);
    }
    let volume = data.rsplit(':').next().unwrap().to_owned();
    assert!(
        instance.resources().contains(&volume),
        "down keeps the data"
    );
    instance.run(&["down", "--purge", "--yes"]).expect(0);
    assert_eq!(instance.resources(), Vec::<String>::new());
    assert_eq!(run("docker", &["volume", "inspect", &volume]).code, 1);
}

/// Returns whether the output contains a line with these words.
fn prints(stream: impl Read, words: &str) -> bool {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines.any(|line| line.contains(words))
}

fn kill_once_the_kubelet_is_stopped(instance: &Instance, command: &str) {
    let mut stop = instance.command();
    let mut stop = stop
        .args([command, "--progress=plain"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // This is printed when the kubelet has stopped.
    let reached = prints(stop.stderr.take().unwrap(), "stopping the servers");
    stop.kill().unwrap();
    stop.wait().unwrap();
    assert!(reached, "{command} never reached the servers");
    let node = instance.node();
    let kubelet = ["exec", &node, "systemctl", "is-active", "kubelet"];
    assert_eq!(run("docker", &kubelet).stdout, "inactive\n", "{command}");
}
