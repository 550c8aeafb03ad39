//! Whole commands with the real binary, engine and node, through the proxy: each command
//! succeeds or fails with an identifier of the catalogue, and the next `up` is ready.
//! `tests/run` runs these tests, which are ignored otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use clearml_local::testing::failures::Failure;

use super::cluster;
use super::harness::{Instance, Output};
use super::proxy::{Fault, Proxy, Times};

/// The variable and the limit of a request for commands with a fault, in seconds.
const LIMIT: (&str, &str) = ("DOCKER_CLIENT_TIMEOUT", "15");

/// A command with the state of the instance before it.
struct Row {
    arguments: &'static [&'static str],
    /// The command that leads to that state from a ready server.
    before: Option<&'static str>,
    /// Roughly the number of its requests to the engine.
    requests: usize,
    /// How many faults are tried without `E2E_FULL`.
    sample: usize,
    /// With a fault and the pauses that follow from it.
    deadline: Duration,
}

const fn row(
    arguments: &'static [&'static str],
    before: Option<&'static str>,
    (requests, sample): (usize, usize),
    seconds: u64,
) -> Row {
    Row {
        arguments,
        before,
        requests,
        sample,
        deadline: Duration::from_secs(seconds),
    }
}

const ROWS: [Row; 10] = [
    row(&["up"], Some("down"), (110, 1), 240),
    row(&["up"], None, (28, 2), 120),
    row(&["status"], None, (6, 2), 30),
    // Without `--node`, the Kubernetes API is asked.
    row(&["logs", "--node", "--tail=5"], None, (5, 2), 60),
    row(&["doctor"], None, (11, 1), 90),
    row(&["support-bundle"], None, (27, 2), 120),
    row(&["restart", "redis"], None, (3, 1), 120),
    row(&["stop"], None, (20, 1), 180),
    row(&["start"], Some("stop"), (35, 1), 180),
    row(&["down"], None, (20, 1), 180),
];

/// A generator of numbers from a seed (Knuth's constants).
pub struct Numbers(u64);

impl Numbers {
    pub fn from_seed() -> Numbers {
        let seed = std::env::var("E2E_SEED").unwrap_or_default();
        eprintln!("E2E_SEED={seed}");
        let hash = seed.bytes().fold(5381_u64, |hash, byte| {
            hash.wrapping_mul(33) ^ u64::from(byte)
        });
        Numbers(hash)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }

    fn fault(&mut self) -> Fault {
        Fault::ALL[self.below(Fault::ALL.len())]
    }
}

pub fn is_full() -> bool {
    std::env::var_os("E2E_FULL").is_some()
}

fn proxy() -> Proxy {
    let address = std::env::var("DOCKER_HOST").unwrap_or_default();
    let socket = address
        .strip_prefix("unix://")
        .filter(|path| !path.is_empty());
    Proxy::start(&PathBuf::from(socket.unwrap_or("/var/run/docker.sock")))
}

/// Runs a command through the proxy, and ends it after the deadline.
fn run(command: &mut Command, proxy: &Proxy, deadline: Duration) -> Result<Output, String> {
    let socket = format!("unix://{}", proxy.socket().display());
    run_until(
        command.env("DOCKER_HOST", socket).env(LIMIT.0, LIMIT.1),
        deadline,
    )
}

/// Runs a command, and ends it after the deadline.
pub fn run_until(command: &mut Command, deadline: Duration) -> Result<Output, String> {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let process = child.id().to_string();
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || sender.send(child.wait_with_output()));
    match ended.recv_timeout(deadline) {
        Ok(output) => Ok(Output::new(output.unwrap())),
        Err(_) => {
            let killed = Command::new("kill").args(["-s", "KILL", &process]).status();
            assert!(killed.unwrap().success());
            let output = Output::new(ended.recv().unwrap().unwrap());
            Err(format!("hangs\n{}{}", output.stdout, output.stderr))
        }
    }
}

/// Returns whether a failed command names an entry of the catalogue, other than that for the
/// unexpected.
fn has_identifier(output: &Output) -> bool {
    let text = format!("{}{}", output.stdout, output.stderr);
    let expected = |failure: &&Failure| **failure != Failure::Unexpected;
    let mut failures = Failure::ALL.iter().filter(expected);
    failures.any(|failure| text.contains(&format!("[{}]", failure.id())))
}

/// Runs a command with a fault, and then a healthy `up`. Returns whether the command made that
/// many requests.
fn try_fault(instance: &Instance, row: &Row, proxy: &Proxy, number: usize, fault: Fault) -> bool {
    if let Some(before) = row.before {
        instance.run(&[before]).expect(0);
    }
    let what = format!("{:?} with {fault:?} in request {number}", row.arguments);
    proxy.inject(number, fault, Times::Once);
    let began = Instant::now();
    let mut command = match row.arguments {
        ["up"] => instance.up_command(),
        arguments => {
            let mut command = instance.command();
            command.args(arguments);
            command
        }
    };
    let output = run(&mut command, proxy, row.deadline);
    let output = output.unwrap_or_else(|problem| panic!("{what}: {problem}"));
    let reached = ended_well(&what, (number, began), &output, proxy);
    if reached {
        instance.up(&[]).expect(0);
        instance.run(&["status"]).expect(0);
    }
    reached
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn after_a_fault_in_any_command_the_next_up_is_ready() {
    let mut numbers = Numbers::from_seed();
    let instance = Instance::new("faults");
    let proxy = proxy();
    for row in &ROWS {
        if !is_full() {
            for _ in 0..row.sample {
                let number = numbers.below(row.requests);
                try_fault(&instance, row, &proxy, number, numbers.fault());
            }
            continue;
        }
        let mut number = 0;
        while try_fault(&instance, row, &proxy, number, numbers.fault()) {
            number += 1;
        }
        assert!(number > 0, "{:?}", row.arguments);
    }
    // The last command has removed the node.
    instance.up(&[]).expect(0);
    cluster::try_all(&instance, &mut numbers);
}

#[test]
#[ignore = "needs an engine: tests/run"]
fn an_interrupted_load_of_images_continues() {
    let instance = Instance::new("loads");
    let proxy = proxy();
    // A copy of layers on an engine whose layers can be copied, otherwise a stream.
    let driver = super::harness::run("docker", &["info", "-f", "{{.Driver}}"]).expect(0);
    let copies = driver.stdout.trim() == "overlay2";
    let (before, fault) = match copies {
        true => ("-layers/exec", Fault::CloseInBody),
        false => ("\"import\"", Fault::CloseInInput),
    };
    proxy.inject_into_command(before, fault);
    let mut up = instance.up_command();
    up.arg("-v");
    let output = run(&mut up, &proxy, Duration::from_secs(240));
    let output = output
        .unwrap_or_else(|problem| panic!("{problem}"))
        .expect(0);
    assert!(proxy.was_reached(), "{}", output.stderr);
    assert!(output.stderr.contains("interrupted"), "{}", output.stderr);
    let mut exports = BTreeMap::new();
    for request in proxy.requests() {
        if request.starts_with("GET /images/get") {
            *exports.entry(request).or_insert(0) += 1;
        }
    }
    let mut counts: Vec<i32> = exports.values().copied().collect();
    counts.sort_unstable();
    let last = counts.pop();
    match copies {
        true => assert_eq!(
            last, None,
            "only the missing layers are copied again: {exports:?}"
        ),
        false => assert_eq!(last, Some(2), "{exports:?}"),
    }
    assert!(counts.iter().all(|count| *count == 1), "{exports:?}");
}

/// Reports how a command ended whose request `number` had a fault, checks that an error has an
/// identifier, and ends the fault. Returns whether the command made that request.
pub fn ended_well(
    what: &str,
    (number, began): (usize, Instant),
    output: &Output,
    proxy: &Proxy,
) -> bool {
    let requests = proxy.requests();
    eprintln!(
        "{what} ({}): exit code {}, {:.1} s, {} requests\n  {}",
        requests.get(number).map_or("not reached", String::as_str),
        output.code,
        began.elapsed().as_secs_f64(),
        requests.len(),
        output
            .stderr
            .lines()
            .find(|line| line.contains("error"))
            .unwrap_or_default(),
    );
    assert!(
        output.code == 0 || has_identifier(output),
        "{what}: exit code {}\n{}{}",
        output.code,
        output.stdout,
        output.stderr
    );
    let reached = proxy.was_reached();
    proxy.heal();
    reached
}
