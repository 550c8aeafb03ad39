//! The parts that are read before anything is written, because they tell which secrets there
//! are.

use std::time::Duration;

use serde_json::Value;

use super::{Sources, TIMEOUT, Unread};
use crate::error::Error;
use crate::event::{Events, Step};
use crate::provider::NoCluster;
use crate::redact::Redactor;
use crate::words;

/// Why there are neither objects nor logs.
pub(super) const NO_CLUSTER: &str = "the instance has no cluster";

/// The content of a part.
#[derive(Debug)]
pub(super) enum Content {
    Json(Value),
    Text(String),
}

/// Parts in memory, and the secrets that they contain.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) parts: Vec<(String, Content)>,
    pub(super) unread: Vec<Unread>,
    pub(super) redactor: Redactor,
}

impl Gathered {
    pub(super) fn json(&mut self, path: &str, value: Value) {
        self.parts.push((path.to_owned(), Content::Json(value)));
    }

    pub(super) fn text(&mut self, path: &str, text: String) {
        self.parts.push((path.to_owned(), Content::Text(text)));
    }

    pub(super) fn unread(&mut self, part: &str, why: impl Into<String>) {
        self.unread.push(Unread {
            part: part.to_owned(),
            why: why.into(),
        });
    }
}

/// A step that reads several parts.
pub(super) struct Reading {
    step: Step,
    read: usize,
    unread: usize,
}

impl Reading {
    pub(super) fn start(events: &Events, name: &str) -> Reading {
        Reading {
            step: events.step(name),
            read: 0,
            unread: 0,
        }
    }

    pub(super) fn read(&mut self, files: usize) {
        self.read += files;
    }

    pub(super) fn failed(&mut self) {
        self.unread += 1;
    }

    /// Ends the step. A part that could not be read is no failure.
    pub(super) fn finish(self) {
        let read = words::count(self.read as u64, "file");
        let detail = match (self.read, self.unread) {
            (0, 0) => "nothing to read".to_owned(),
            (_, 0) => read,
            (0, _) => "could not be read".to_owned(),
            (_, unread) => format!("{read}, {unread} could not be read"),
        };
        self.step.finish(false, detail);
    }
}

/// Returns an error and its causes in one line.
pub(super) fn reason(error: &Error) -> String {
    if error.is::<NoCluster>() {
        return NO_CLUSTER.to_owned();
    }
    let mut text = error.to_string();
    for cause in error.causes() {
        text.push_str(": ");
        text.push_str(&cause);
    }
    words::one_line(&text)
}

/// Runs a read that ends in time.
pub(super) async fn in_time<T>(
    limit: Duration,
    reading: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    match tokio::time::timeout(limit, reading).await {
        Ok(read) => read.map_err(|error| reason(&error)),
        Err(_) => Err(format!("no answer within {}", words::duration(limit))),
    }
}

/// Reads what only the place has, such as a description of the engine.
pub(super) async fn own_parts(sources: &Sources<'_>, gathered: &mut Gathered) {
    let mut reading = Reading::start(sources.events, "place");
    let provider = match sources.provider {
        Ok(provider) => provider,
        Err(error) => {
            gathered.unread("place", reason(error));
            reading.failed();
            return reading.finish();
        }
    };
    match in_time(TIMEOUT, provider.facts()).await {
        Ok(facts) => {
            gathered.text("place.txt", facts.summary);
            reading.read(1);
        }
        Err(why) => {
            gathered.unread("place.txt", why);
            reading.failed();
        }
    }
    for part in provider.own_parts() {
        let path = part.path();
        match in_time(TIMEOUT, provider.own_part(*part)).await {
            Ok(text) => {
                match serde_json::from_str(&text) {
                    Ok(value) if path.ends_with(".json") => {
                        gathered.redactor.learn_logins(&value);
                        gathered.json(path, value);
                    }
                    _ => gathered.text(path, text),
                }
                reading.read(1);
            }
            Err(why) => {
                gathered.unread(path, why);
                reading.failed();
            }
        }
    }
    reading.finish();
}
