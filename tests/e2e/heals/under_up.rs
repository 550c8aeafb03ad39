//! The node ends while `up` works: Docker is still stopping it for a command that was killed, or
//! somebody else stops it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::faults::STUCK;
use crate::harness::{Instance, run};

/// How Docker ends a node.
pub const ENDS: [&[&str]; 3] = [&["stop", "--time=0"], &["kill"], &["rm", "--force"]];
/// The output of `up` at the moment.
pub const MOMENTS: [&str; 3] = [
    r#""step":"node""#,
    "waiting for the Kubernetes API",
    r#""step":"ready""#,
];

/// Starts a stopped node with `up`, and ends it meanwhile. `up` must make the server ready, unless
/// the moment was one in which runc had frozen a pod (see [`STUCK`]).
pub fn end(instance: &Instance, moment: &str, how: &[&str]) {
    eprintln!("docker {} at {moment} of up", how.join(" "));
    instance.run(&["stop"]).expect(0);
    let mut up = instance.command();
    up.args(["up", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut up = up.spawn().unwrap();
    let lines = BufReader::new(up.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line.contains(moment)), "{moment}");
    let node = instance.node();
    await_running(&node);
    let ended = run("docker", &[how, &[&node]].concat());
    if ended.stderr.contains(STUCK) {
        eprintln!("{}", ended.stderr.trim_end());
        lines.for_each(drop);
        up.wait().unwrap();
        return;
    }
    ended.expect(0);
    let rest: Vec<String> = lines.collect();
    let output = up.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{rest:#?}\n{stderr}");
    let again = rest.iter().any(|line| line.contains("starting again"));
    assert!(again, "{rest:#?}\n{stderr}");
}

fn await_running(node: &str) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let inspect = ["inspect", "-f", "{{.State.Running}}", node];
    while run("docker", &inspect).expect(0).stdout.trim() != "true" {
        assert!(Instant::now() < deadline, "the node does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
}
