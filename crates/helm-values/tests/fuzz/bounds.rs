//! Runs tests in child processes with limits for memory and CPU time. The tests of the
//! main crate include this file too.

use std::process::Command;

/// Address space in KiB. The program itself takes about 100 MiB.
const SPACE: u32 = 384 << 10;

/// Runs an ignored test of this program as a child process with `ulimit -v` and `ulimit -t`.
pub fn run(test: &str, seconds: usize) {
    let script = format!("ulimit -v {SPACE} -t {seconds}; exec \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &script, "fuzz"])
        .arg(std::env::current_exe().unwrap())
        .args([
            test,
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .output()
        .unwrap();
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
