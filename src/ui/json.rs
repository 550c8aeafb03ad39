//! JSON output: one object per line, each with `event` and `time`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::error::Error;
use crate::event::{Awaited, Event, Progress, Reporter, Timing};

use super::Sink;
use super::summary::Summary;

/// How often the progress of one item is written at most.
const MIN_INTERVAL: Duration = Duration::from_millis(500);

/// Writes events to stdout as lines of JSON.
#[derive(Debug)]
pub(super) struct JsonLines {
    sink: Sink,
    clock: fn() -> Timestamp,
    /// When progress was last written, by step and item.
    written: Mutex<HashMap<(String, String), Duration>>,
}

impl JsonLines {
    pub(super) fn new(sink: Sink, clock: fn() -> Timestamp) -> Self {
        JsonLines {
            sink,
            clock,
            written: Mutex::default(),
        }
    }

    /// Returns whether to omit an event: progress too soon after the previous one.
    fn is_skipped(&self, elapsed: Duration, event: &Event) -> bool {
        let Event::StepBytes {
            step,
            item,
            progress: Progress { done, total, .. },
        } = event
        else {
            return false;
        };
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (step.clone(), item.clone());
        let is_recent = written
            .get(&key)
            .is_some_and(|at| elapsed.saturating_sub(*at) < MIN_INTERVAL);
        if is_recent && Some(*done) != *total {
            return true;
        }
        written.insert(key, elapsed);
        false
    }
}

impl Reporter for JsonLines {
    fn report(&self, elapsed: Duration, event: &Event) {
        if !self.is_skipped(elapsed, event) {
            let mut fields = fields(event);
            fields.insert("elapsed".to_owned(), seconds(elapsed));
            // A closed stdout must not stop the work.
            let _ = self.sink.write(&line(fields, (self.clock)()));
        }
    }
}

fn timings(timings: &[Timing]) -> Vec<Value> {
    let one = |timing: &Timing| {
        json!({
            "name": timing.name,
            "began": seconds(timing.started),
            "seconds": seconds(timing.ended - timing.started),
        })
    };
    timings.iter().map(one).collect()
}

fn awaited(awaited: &[Awaited]) -> Vec<Value> {
    let one = |awaited: &Awaited| {
        json!({
            "name": awaited.name,
            "what": awaited.state,
            "began": seconds(awaited.started),
            "seconds": seconds(awaited.ended - awaited.started),
        })
    };
    awaited.iter().map(one).collect()
}

/// Returns the last line of a successful command.
pub(super) fn ready(summary: &Summary, time: Timestamp) -> String {
    let phases: Map<String, Value> = summary
        .phases
        .iter()
        .map(|(name, duration)| (name.clone(), seconds(*duration)))
        .collect();
    let times = summary.timings.clone().unwrap_or_default();
    let value = json!({
        "event": "ready",
        "name": summary.name,
        "endpoints": summary.endpoints,
        "dataDir": summary.data.place(),
        "dataBytes": summary.data_bytes,
        "changed": summary.changed,
        "seconds": seconds(summary.took),
        "phases": phases,
        "timings": timings(&times.all),
        "awaited": awaited(&times.awaited),
        "warnings": summary.warnings,
    });
    line(fields(&value), time)
}

/// Returns the last line of a failed command.
pub(super) fn failed(error: &Error, time: Timestamp) -> String {
    let value = json!({
        "event": "failed",
        "code": error.code().number(),
        "failure": error.failure(),
        "failures": error.failures(),
        "error": error.to_string(),
        "causes": error.causes(),
        "details": error.all_details(),
        "hints": error.hints(),
    });
    line(fields(&value), time)
}

/// Returns the last line of a command that only reads.
pub(super) fn last(value: &Value, time: Timestamp) -> String {
    line(fields(value), time)
}

fn fields(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        // Plain structs with string keys always serialize to objects.
        other => Map::from_iter([("event".to_owned(), json!(format!("{other:?}")))]),
    }
}

/// Formats a line, with `event`, `step` and `time` first for human readers.
fn line(mut fields: Map<String, Value>, time: Timestamp) -> String {
    let mut ordered = Map::new();
    let time = format!("{:.3}", time);
    fields.insert("time".to_owned(), json!(time));
    for key in ["event", "step", "time"] {
        if let Some(value) = fields.shift_remove(key) {
            ordered.insert(key.to_owned(), value);
        }
    }
    for (key, value) in fields {
        let value = match (key.as_str(), value.as_f64()) {
            ("seconds", Some(number)) => rounded(number),
            _ => value,
        };
        ordered.insert(key, value);
    }
    format!("{}\n", Value::Object(ordered))
}

fn seconds(time: Duration) -> Value {
    rounded(time.as_secs_f64())
}

/// Rounds to milliseconds.
fn rounded(seconds: f64) -> Value {
    json!((seconds * 1000.0).round() / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures::recorded;
    use crate::ui::fixtures::{Memory, noon};

    #[test]
    fn json_lines() {
        let memory = Memory::default();
        let json = JsonLines::new(Sink::new(memory.clone()), noon);
        for (time, event) in recorded::whole() {
            json.report(time, &event);
        }
        let text = memory.text();
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(
                value["event"].is_string() && value["time"].is_string(),
                "{line}"
            );
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn parallel_pulls() {
        let memory = Memory::default();
        let json = JsonLines::new(Sink::new(memory.clone()), noon);
        for (time, event) in recorded::pulls().into_iter().take(6) {
            json.report(time, &event);
        }
        insta::assert_snapshot!("pulls_as_json", memory.text());
    }
}
