//! The Docker engine is killed: while a server runs, while `up` works, and while images are loaded.
//! Its containers run on, and end when it starts again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::under_up;
use crate::harness::{Instance, run};

/// The PID file of the rig's engine, which may be stopped.
const PID_FILE: &str = "/var/run/rig-dockerd.pid";
/// The exit code for an engine that is unreachable.
const UNREACHABLE: i32 = 10;
/// How long a command may take until it ends, on a busy machine. An engine that restarts within
/// 10 s is awaited.
const ENDED: Duration = Duration::from_secs(60);

/// When the engine is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// No command runs.
    Running,
    /// `up` starts a stopped node, and prints this.
    Up(&'static str),
    /// The first `up` of another instance loads images.
    Loading,
}

impl Moment {
    pub const ALL: [Moment; 5] = {
        let [node, api, ready] = under_up::MOMENTS;
        [
            Moment::Running,
            Moment::Up(node),
            Moment::Up(api),
            Moment::Up(ready),
            Moment::Loading,
        ]
    };
}

/// Returns whether the engine is the rig's Debian one, and prints a message if not.
pub fn may_be_stopped() -> bool {
    let root = run("docker", &["info", "-f", "{{.DockerRootDir}}"]).expect(0);
    let is_ours = Path::new(PID_FILE).exists() && root.stdout.trim() == "/var/lib/docker";
    if !is_ours {
        eprintln!("SKIPPED: only the rig's Debian engine is stopped");
    }
    is_ours
}

/// Kills the engine at a moment, and starts it again. A command that runs meanwhile, or comes
/// before the engine is back, must say that the engine is unreachable.
pub fn kill_at(moment: Moment, instance: &Instance) {
    match moment {
        Moment::Running => {
            end("KILL");
            let status = instance.run(&["status"]).expect(UNREACHABLE);
            assert!(
                status.stdout.contains("[docker-unreachable]"),
                "{}",
                status.stdout
            );
        }
        Moment::Up(line) => {
            instance.run(&["stop"]).expect(0);
            let mut up = instance.command();
            kill_under(up.arg("up"), line);
        }
        Moment::Loading => {
            instance.run(&["stop"]).expect(0);
            let other = Instance::new("loading");
            kill_under(&mut other.up_command(), r#""step":"images""#);
            start();
            other.up(&[]).expect(0);
            other.run(&["status", "--wait=1m"]).expect(0);
        }
    }
    start();
}

/// Runs a command and kills the engine when the command prints a line with this text.
fn kill_under(command: &mut Command, text: &str) {
    let piped = command.args(["-o", "json"]).stdout(Stdio::piped());
    let mut process = piped.stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let mut lines = lines.map_while(Result::ok);
    assert!(lines.any(|line| line.contains(text)), "{text}");
    end("KILL");
    let killed = Instant::now();
    let rest: Vec<String> = lines.collect();
    let output = process.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    let seconds = killed.elapsed();
    eprintln!("the command ended {:.1} s later", seconds.as_secs_f64());
    assert_eq!(
        output.status.code(),
        Some(UNREACHABLE),
        "{rest:#?}\n{stderr}"
    );
    assert!(
        rest.iter().any(|line| line.contains("docker-unreachable")),
        "{rest:#?}\n{stderr}"
    );
    assert!(seconds < ENDED, "{rest:#?}\n{stderr}");
}

/// Stops the engine with all containers, and starts it with an empty `/run`.
pub fn reboot() {
    end("TERM");
    // Only what a reboot removes: nothing of it is mounted any more.
    run("rm", &["-rf", "--one-file-system", "/var/run/docker"]);
    start();
}

/// Sends a signal to the engine, and waits until it has ended.
fn end(signal: &str) {
    let process = std::fs::read_to_string(PID_FILE).unwrap();
    let process = process.trim();
    run("kill", &["-s", signal, process]).expect(0);
    let deadline = Instant::now() + Duration::from_secs(120);
    // A zombie process has no program.
    let program = format!("/proc/{process}/exe");
    while std::fs::read_link(&program).is_ok() {
        assert!(Instant::now() < deadline, "the engine does not stop");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn start() {
    let start = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rig/start");
    let started = Command::new(start)
        .env("RIG_ENGINE", "debian")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status();
    assert!(started.unwrap().success(), "the engine does not start");
}
