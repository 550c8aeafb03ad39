//! Prints how long it takes to read the values and render all objects.

#[path = "../tests/common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

const RUNS: usize = 200;

#[expect(clippy::print_stdout, reason = "this is a program")]
fn main() {
    let once = || {
        let started = Instant::now();
        let rendered = common::render("1.5.0", "", &[]).unwrap();
        assert!(!rendered.objects.is_empty() && rendered.warnings.is_empty());
        started.elapsed()
    };
    let first = once();
    let mut times: Vec<Duration> = (0..RUNS).map(|_| once()).collect();
    times.sort();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "rendering all objects: {:.1} ms (median of {RUNS}; the first {:.1} ms)",
        milliseconds(times[RUNS / 2]),
        milliseconds(first)
    );
}
