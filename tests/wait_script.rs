//! The script with which init containers wait for a dependency, run by a real bash.
//! `tests/e2e/dns.rs` tests a DNS server that does not respond.

#![cfg(target_os = "linux")]
#![expect(clippy::disallowed_methods, reason = "programs of the test's own")]

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

const SCRIPT: &str = include_str!("../templates/clearml/wait.sh");

fn wait(kind: &str, port: u16, programs: Option<&Path>) -> Vec<String> {
    let port = port.to_string();
    run(&["apiserver", kind, "127.0.0.1", &port], programs)
}

/// Runs the script with `programs` first in `PATH`, and returns its output.
fn run(servers: &[&str], programs: Option<&Path>) -> Vec<String> {
    let mut command = Command::new("bash");
    command.args(["-c", SCRIPT, "wait"]).args(servers);
    if let Some(programs) = programs {
        let script = "PATH=$0:$PATH; export PATH; exec \"$@\"";
        let inner = command;
        command = Command::new("bash");
        command.args(["-c", script]).arg(programs).arg("bash");
        command.args(inner.get_args());
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().map(str::to_owned).collect()
}

/// Creates a `curl` that prints a text and exits with a code, once for each entry of the port
/// that it is called with; then it succeeds.
fn curl(answers: &[(u16, &[(&str, u8)])]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (port, answers) in answers {
        let lines = answers
            .iter()
            .map(|(text, code)| format!("{text} {code}\n"));
        let queue = directory.path().join(port.to_string());
        std::fs::write(queue, lines.collect::<String>()).unwrap();
    }
    let queues = directory.path().display();
    let program = format!(
        "#!/bin/bash\nurl=${{@: -1}} port=${{url##*:}} queue='{queues}'/${{port%/}}\n\
         read -r text code <\"$queue\"\nsed -i 1d \"$queue\"\n\
         printf %s \"$text\"\nexit \"$code\"\n"
    );
    let path = directory.path().join("curl");
    std::fs::write(&path, program).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    directory
}

#[test]
fn a_name_counts_as_resolved_only_after_a_lookup() {
    const TIMEOUT: &str = "waiting for apiserver: the name 127.0.0.1 does not resolve yet: DNS did not respond within 2 s";
    const UNKNOWN: &str = "waiting for apiserver: the name 127.0.0.1 does not resolve yet";
    // A DNS server and a host that do not respond both cause exit code 28; old versions
    // of curl print fewer digits.
    let answers = [
        ("0.000000", 28),
        ("0.000", 28),
        ("0.000000", 6),
        ("0.001234", 28),
    ];
    let programs = curl(&[(80, &answers)]);
    let printed = wait("resolved", 80, Some(programs.path()));
    assert_eq!(printed, [TIMEOUT, UNKNOWN, "apiserver answers"]);
}

#[test]
fn a_refused_connection_shows_that_the_name_resolved() {
    // Old versions of curl measure milliseconds, so that a fast lookup takes 0.
    for answer in [("0.000", 7), ("0.000", 0), ("0.000", 52), ("0.002", 22)] {
        let programs = curl(&[(80, &[answer])]);
        let printed = wait("resolved", 80, Some(programs.path()));
        assert_eq!(printed, ["apiserver answers"], "{answer:?}");
    }
}

/// Prints each reason once per server. One that does not answer does not delay the others.
#[test]
fn waits_for_several_servers_independently() {
    let (unknown, refused) = (("0.000000", 6), ("0.001000", 7));
    let programs = curl(&[
        (80, &[unknown, unknown, unknown, refused]),
        (81, &[unknown, refused]),
    ]);
    let servers = [("api", "80"), ("files", "81")];
    let servers = servers.map(|(name, port)| [name, "resolved", "127.0.0.1", port]);
    let printed = run(&servers.concat(), Some(programs.path()));
    let of = |name: &str| -> Vec<&String> { printed.iter().filter(|l| l.contains(name)).collect() };
    for name in ["api", "files"] {
        let waiting = format!("waiting for {name}: the name 127.0.0.1 does not resolve yet");
        assert_eq!(of(name), [&waiting, &format!("{name} answers")]);
    }
    assert_eq!(printed.last().unwrap(), "api answers");
}

#[test]
fn waits_for_the_api_server_until_its_ping_succeeds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let mut statuses = ["503 Service Unavailable", "200 OK"].into_iter();
        let mut status = statuses.next();
        while let Some(current) = status {
            let (mut stream, _) = listener.accept().unwrap();
            let mut first = String::new();
            // The script connects once before it sends a request.
            let read = BufReader::new(stream.try_clone().unwrap()).read_line(&mut first);
            if read.unwrap_or(0) > 0 {
                assert!(first.starts_with("GET /debug.ping "), "{first}");
                let answer = "content-length: 0\r\nconnection: close\r\n\r\n";
                write!(stream, "HTTP/1.1 {current}\r\n{answer}").unwrap();
                status = statuses.next();
            }
        }
    });
    let printed = wait("clearml", port, None);
    server.join().unwrap();
    let not_ready = "waiting for apiserver: its ping returned 503";
    assert_eq!(printed, [not_ready, "apiserver answers"]);
}

/// The first process of a container ignores signals that it does not handle.
#[test]
fn ends_with_its_pod() {
    let mut waiting = Command::new("bash")
        .args(["-c", SCRIPT, "wait", "mongodb", "mongodb", "127.0.0.1", "1"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let mut printed = BufReader::new(waiting.stdout.take().unwrap());
    printed.read_line(&mut first).unwrap();
    assert_eq!(first, "waiting for mongodb: connection refused\n");
    let kill = Command::new("kill").arg(waiting.id().to_string()).status();
    assert!(kill.unwrap().success());
    assert_eq!(waiting.wait().unwrap().code(), Some(143));
}
