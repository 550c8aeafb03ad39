//! The node ends while `up` works: Docker is still stopping it for a command that was killed, or
//! somebody else stops it.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::faults::{self, STUCK};
use crate::harness::{Instance, run};

/// How a node ends.
#[derive(Debug, Clone, Copy)]
pub enum End {
    /// By a command of Docker.
    Docker(&'static [&'static str]),
    /// It is killed while a pod is frozen, which Docker does not notice.
    Frozen,
}

/// The output of `up` at each moment. The pods start during the last one.
pub const MOMENTS: [&str; 3] = [
    r#""step":"node""#,
    "waiting for the Kubernetes API",
    r#""step":"ready""#,
];

/// Returns each moment of `up`, as its output then, with each end that is possible there.
pub fn cases() -> Vec<(&'static str, End)> {
    let commands: [&[&str]; 3] = [&["stop", "--time=0"], &["kill"], &["rm", "--force"]];
    let of_docker = MOMENTS
        .into_iter()
        .flat_map(|moment| commands.map(|command| (moment, End::Docker(command))));
    let frozen = faults::can_freeze().then_some((MOMENTS[2], End::Frozen));
    of_docker.chain(frozen).collect()
}

/// Starts a stopped node with `up`, and ends it meanwhile. `up` must make the server ready.
pub fn end(instance: &Instance, moment: &str, how: End) {
    eprintln!("{how:?} at {moment} of up");
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
    match how {
        End::Docker(command) => {
            let ended = run("docker", &[command, &[&node]].concat());
            // With cgroup v1, runc may have frozen a pod at that moment.
            if !ended.stderr.contains(STUCK) {
                ended.expect(0);
            }
        }
        End::Frozen => faults::freeze_and_kill(instance),
    }
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
