//! Snapshots of all output, from a recorded session.

mod bars;
mod output;
mod pages;
mod progress;
mod revisions;
mod session;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use super::{Environment, Output, Policy, Sink};
use crate::options::{OutputOptions, ProgressChoice};

/// Replaces the escape character for snapshots.
fn visible(text: &str) -> String {
    text.replace('\x1b', "␛")
}

/// A stream in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn raw(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    fn text(&self) -> String {
        visible(&self.raw())
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream whose writes fail.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

fn noon() -> Timestamp {
    "2026-02-03T12:00:00.25Z".parse().unwrap()
}

fn policy(options: OutputOptions, colour: bool, width: Option<usize>) -> Policy {
    let environment = Environment {
        force_color: colour,
        stdout_terminal: width.is_some(),
        stderr_terminal: width.is_some(),
        stderr_width: width,
        no_color: !colour,
        width,
        home: Some("/home/ada".into()),
        ..Environment::default()
    };
    Policy::new(&options, &environment)
}

fn without_progress() -> OutputOptions {
    OutputOptions {
        progress: ProgressChoice::None,
        ..OutputOptions::default()
    }
}

/// Returns an output with its stdout and stderr.
fn output(policy: Policy) -> (Output, Memory, Memory) {
    let (out, err) = (Memory::default(), Memory::default());
    let output = Output::to(policy, Sink::new(out.clone()), Sink::new(err.clone()), noon);
    (output, out, err)
}
