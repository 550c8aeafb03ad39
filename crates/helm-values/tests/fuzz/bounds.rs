//! Runs tests in child processes with limits for memory and CPU time. The tests of the
//! main crate include this file too.

use std::process::{Child, Command, Stdio};

/// Address space in KiB. The program itself takes about 100 MiB.
const SPACE: u32 = 384 << 10;

/// Runs an ignored test of this program as a child process with `ulimit -v` and `ulimit -t`.
pub fn run(test: &str, seconds: usize) {
    finish(test, start(test, seconds, &[]));
}

/// Runs a test that waits most of the time, with random inputs, in this many child processes with
/// a part of the inputs each.
#[allow(
    dead_code,
    reason = "not every test that includes this file waits most of the time"
)]
pub fn run_in_parts(test: &str, seconds: usize, cases: usize, parts: usize) {
    let size = cases.div_ceil(parts);
    let children: Vec<Child> = (first()..cases)
        .step_by(size)
        .map(|begin| {
            let end = cases.min(begin + size);
            let inputs = [("FUZZ_FIRST", begin), ("FUZZ_CASES", end)];
            start(test, seconds, &inputs)
        })
        .collect();
    for child in children {
        finish(test, child);
    }
}

fn start(test: &str, seconds: usize, variables: &[(&str, usize)]) -> Child {
    let script = format!("ulimit -v {SPACE} -t {seconds}; exec \"$@\"");
    let mut command = Command::new("bash");
    command
        .args(["-c", &script, "fuzz"])
        .arg(std::env::current_exe().unwrap())
        .args([
            test,
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ]);
    for (name, number) in variables {
        command.env(name, number.to_string());
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn finish(test: &str, child: Child) {
    let output = child.wait_with_output().unwrap();
    let log = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {log}", output.status);
    assert!(log.contains("1 passed"), "{log}");
    // `tests/run` shows the seed and the number of inputs.
    log.lines()
        .filter(|line| line.contains("E2E_SEED="))
        .for_each(|line| println!("{test}: {line}"));
}

#[expect(clippy::disallowed_methods, reason = "settings of the tests")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// The number of random inputs: `FUZZ_CASES`, or 10 000.
#[allow(
    dead_code,
    reason = "not every test that includes this file has such inputs"
)]
pub fn cases() -> usize {
    cases_or(10_000)
}

/// The number of random inputs: `FUZZ_CASES`, or a number.
pub fn cases_or(default: usize) -> usize {
    setting("FUZZ_CASES").map_or(default, |count| count.parse().unwrap())
}

/// The seed of random inputs: `E2E_SEED`.
pub fn seed() -> String {
    setting("E2E_SEED").unwrap_or_else(|| "none".into())
}

/// The number of the first random input: `FUZZ_FIRST`, to repeat one that failed.
#[allow(
    dead_code,
    reason = "not every test that includes this file repeats inputs"
)]
pub fn first() -> usize {
    setting("FUZZ_FIRST").map_or(0, |number| number.parse().unwrap())
}
