//! What a command does when it is asked to end.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Home;
use super::engine::{Answers, silence};

/// `up` against an engine that never says what it is, from when it listens to signals.
fn waiting(home: &Home, before: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_clearml-local");
    let line = format!("{before} exec {program} up");
    // Also where the tests themselves run under `nohup`.
    let up = home
        .command("env")
        .args(["--default-signal=HUP", "sh", "-c", &line])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", up.id());
    let deadline = Instant::now() + Duration::from_secs(30);
    while !catches(&status, 15) {
        assert!(Instant::now() < deadline, "it never listens to SIGTERM");
        std::thread::sleep(Duration::from_millis(10));
    }
    up
}

/// Whether a process has a handler for the signal.
fn catches(status: &str, signal: u32) -> bool {
    let text = std::fs::read_to_string(status).unwrap_or_default();
    let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
}

fn send(signal: &str, to: &Child) {
    let mut kill = Command::new("kill");
    let sent = kill.args(["-s", signal, &to.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

fn ended(mut up: Child) -> String {
    let mut said = String::new();
    let mut stderr = up.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    let code = up.wait().unwrap().code().unwrap_or(-1);
    format!("exit code {code}\n{said}")
}

#[test]
fn a_command_that_is_asked_to_end_says_so() {
    let home = Home::new(Answers::empty().and("GET /info", silence()));
    let said = ["INT", "TERM", "HUP"].map(|signal| {
        let up = waiting(&home, "");
        send(signal, &up);
        ended(up)
    });
    insta::assert_snapshot!(said.join(""));
}

#[test]
fn nohup_keeps_a_command_alive() {
    let home = Home::new(Answers::empty().and("GET /info", silence()));
    let mut up = waiting(&home, "trap '' HUP;");
    send("HUP", &up);
    send("HUP", &up);
    assert!(up.try_wait().unwrap().is_none());
    send("TERM", &up);
    assert!(ended(up).starts_with("exit code 143\n"));
}
