//! Progress for programs: one JSON object a line.

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::Summary;
use crate::error::Error;
use crate::event::{Event, Reporter};

/// Lines on a writer.
pub(super) struct JsonLines(Mutex<Box<dyn Write + Send>>);

impl JsonLines {
    pub(super) fn new(out: Box<dyn Write + Send>) -> JsonLines {
        JsonLines(Mutex::new(out))
    }
}

impl Reporter for JsonLines {
    fn report(&self, _: Duration, event: &Event) {
        let Ok(mut out) = self.0.lock() else {
            return;
        };
        let value = serde_json::to_value(event).unwrap_or_default();
        let _ = out.write_all(stamped(value).as_bytes());
        let _ = out.flush();
    }
}

/// The value as a line, with the time of day.
fn stamped(mut value: Value) -> String {
    value["time"] = Value::String(jiff::Timestamp::now().to_string());
    format!("{value}\n")
}

/// The last line of an `up` that went well.
pub(super) fn ready(summary: &Summary) -> String {
    let phases: Vec<Value> = summary
        .phases
        .iter()
        .map(|(name, took)| json!({"name": name, "seconds": took.as_secs_f64()}))
        .collect();
    stamped(json!({
        "event": "ready",
        "name": summary.name,
        "endpoints": summary.endpoints,
        "dataDir": summary.data_dir,
        "changed": summary.changed,
        "seconds": summary.took.as_secs_f64(),
        "phases": phases,
    }))
}

/// The last line of a command that failed.
pub(super) fn failed(error: &Error) -> String {
    stamped(json!({
        "event": "failed",
        "code": error.code().number(),
        "error": error.to_string(),
        "causes": error.causes(),
        "details": error.details(),
        "hints": error.hints(),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::plain::tests::{Closed, Shared, tell};
    use super::*;

    #[test]
    fn every_line_is_an_event_with_a_time() {
        let out = Shared::default();
        tell(&JsonLines::new(Box::new(out.clone())));
        let lines: Vec<Value> = out
            .text()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[1]["event"], "step-started");
        assert_eq!(lines[1]["step"], "images");
        assert!(lines.iter().all(|line| line["time"].is_string()));
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error() {
        tell(&JsonLines::new(Box::new(Closed)));
    }
}
