//! Runs a target with random inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::bounds;
use crate::mutations::Mutations;

/// The result of reading one input.
pub enum Outcome {
    /// It was read, or refused for what it means.
    Read,
    /// It was refused as a text.
    Refused,
}

impl Outcome {
    pub fn of<T, E>(result: &Result<T, E>) -> Outcome {
        match result {
            Ok(_) => Outcome::Read,
            Err(_) => Outcome::Refused,
        }
    }
}

/// The number of random inputs: `FUZZ_CASES`, or 1000, because each takes some milliseconds.
pub fn cases() -> usize {
    bounds::cases_or(1000)
}

/// Whether one of the inputs is repeated, so that their share means nothing. A part of many inputs
/// does not count.
pub fn is_repeated() -> bool {
    bounds::first() > 0 && inputs() < 1000
}

/// The number of inputs of this process.
pub fn inputs() -> usize {
    cases().saturating_sub(bounds::first())
}

/// Runs a target once per input. `least` is the percentage of inputs that must be read, so that
/// the test does not only test a parser.
///
/// # Panics
/// With the seed and the number of the input, if the target panics.
pub fn run(least: usize, mut target: impl FnMut(&mut Mutations, usize) -> Outcome) {
    let (seed, cases) = (bounds::seed(), cases());
    let start = Instant::now();
    let mut read = 0;
    for number in bounds::first()..cases {
        let mut mutations = Mutations::new(&seed, number);
        let outcome = catch_unwind(AssertUnwindSafe(|| target(&mut mutations, number)));
        match outcome {
            Ok(Outcome::Read) => read += 1,
            Ok(Outcome::Refused) => {}
            Err(_) => panic!("E2E_SEED={seed} FUZZ_FIRST={number}: panicked"),
        }
    }
    let share = 100 * read / inputs().max(1);
    let (seconds, inputs) = (start.elapsed().as_secs_f32(), inputs());
    println!("E2E_SEED={seed}: {inputs} inputs in {seconds:.1} s, {share} % read");
    assert!(is_repeated() || share >= least, "only {share} % were read");
}
