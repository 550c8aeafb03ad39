//! Commands that receive a signal.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::Home;
use super::engine::{Responses, no_response};

/// Starts `up` against an engine that does not respond, and returns once it handles
/// signals.
fn start_up(home: &Home, before: &str) -> Child {
    let program = env!("CARGO_BIN_EXE_clearml-local");
    let line = format!("{before} exec {program} up");
    // The tests themselves may run under `nohup`.
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
        assert!(Instant::now() < deadline, "it does not handle SIGTERM");
        std::thread::sleep(Duration::from_millis(10));
    }
    up
}

/// Returns whether a process handles a signal.
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

fn wait_for_end(mut up: Child) -> String {
    let mut text = String::new();
    let mut stderr = up.stderr.take().unwrap();
    stderr.read_to_string(&mut text).unwrap();
    let code = up.wait().unwrap().code().unwrap_or(-1);
    format!("exit code {code}\n{text}")
}

#[test]
fn a_command_reports_the_signal_that_ends_it() {
    let home = Home::new(Responses::empty().with("GET /info", no_response()));
    let outputs = ["INT", "TERM", "HUP"].map(|signal| {
        let up = start_up(&home, "");
        send(signal, &up);
        wait_for_end(up)
    });
    insta::assert_snapshot!(outputs.join(""));
}

#[test]
fn nohup_keeps_a_command_alive() {
    let home = Home::new(Responses::empty().with("GET /info", no_response()));
    let mut up = start_up(&home, "trap '' HUP;");
    send("HUP", &up);
    send("HUP", &up);
    assert!(up.try_wait().unwrap().is_none());
    send("TERM", &up);
    assert!(wait_for_end(up).starts_with("exit code 143\n"));
}

/// Returns once the lock file names a process.
fn await_holder(home: &Home, process: &Child) {
    let name = format!("(process {})", process.id());
    let deadline = Instant::now() + Duration::from_secs(30);
    let lock = home.state().join("lock");
    while !std::fs::read_to_string(&lock).is_ok_and(|text| text.contains(&name)) {
        assert!(Instant::now() < deadline, "no {name} in {}", lock.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_second_command_waits_and_takes_over_the_lock_of_a_killed_one() {
    let home = Home::new(Responses::empty().with("GET /info", no_response()));
    let first = start_up(&home, "");
    await_holder(&home, &first);
    let mut second = home
        .command(env!("CARGO_BIN_EXE_clearml-local"))
        .arg("down")
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut messages = BufReader::new(second.stderr.take().unwrap());
    let mut message = String::new();
    messages.read_line(&mut message).unwrap();
    let pattern = format!(
        r"waiting for `clearml-local up` \(process {}, since \d\d:\d\d:\d\dZ, \d+ s ago\), which is working",
        first.id()
    );
    let pattern = regex::Regex::new(&pattern).unwrap();
    assert!(pattern.is_match(&message), "{message}");
    send("KILL", &first);
    wait_for_end(first);
    let mut rest = String::new();
    messages.read_to_string(&mut rest).unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(0), "{rest}");
}
