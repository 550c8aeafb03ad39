//! Typed events that steps emit, and that renderers in `ui` show. Nothing here depends
//! on a terminal.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use self::timing::Recorder;
pub use self::timing::{Awaited, Timing, Timings};
use crate::component::{Component, State};

#[cfg(test)]
pub(crate) mod fixtures;
mod timing;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first line of output: instance, release, engine and profile.
    Started {
        name: String,
        /// The rest of the line, human-readable.
        summary: String,
    },
    StepStarted {
        /// Such as `node`.
        step: String,
    },
    /// The current activity of a running step.
    StepState {
        step: String,
        /// Such as `waiting for the Kubernetes API: connection refused`.
        text: String,
    },
    /// What a step found and does as a result, shown with `-v`.
    Decision {
        step: String,
        /// Such as `mongo:7: in Docker, copied layer by layer`.
        text: String,
    },
    StepCount {
        step: String,
        done: usize,
        total: usize,
    },
    /// Progress of one item of a step, such as an image.
    StepBytes {
        step: String,
        /// Such as `elasticsearch`.
        item: String,
        #[serde(flatten)]
        progress: Progress,
    },
    /// A step succeeded.
    StepFinished {
        step: String,
        seconds: f64,
        /// The result, such as `Kubernetes 1.37.0`; may be empty.
        detail: String,
        changed: bool,
    },
    /// A step failed or was aborted.
    StepFailed {
        step: String,
        seconds: f64,
        /// May be empty.
        reason: String,
    },
    Component {
        component: Component,
        /// The state and its reason.
        #[serde(flatten, serialize_with = "state_fields")]
        state: State,
        /// Seconds since the wait started.
        seconds: f64,
    },
    /// A problem that does not stop the command.
    Warning { text: String },
}

/// The progress of a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Progress {
    pub done: u64,
    /// `None` if unknown.
    pub total: Option<u64>,
    /// The number of layers that are downloaded at the same time; 0 if unknown.
    #[serde(skip_serializing_if = "is_zero")]
    pub layers: usize,
}

/// Serializes a state for events; the number of restarts is only in `status`.
fn state_fields<S: Serializer>(state: &State, serializer: S) -> Result<S::Ok, S::Error> {
    let mut fields = serializer.serialize_struct("State", 3)?;
    fields.serialize_field("ready", &state.is_ready())?;
    fields.serialize_field("state", &state.kind)?;
    fields.serialize_field("reason", &state.reason)?;
    fields.end()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_zero(layers: &usize) -> bool {
    *layers == 0
}

impl Progress {
    /// Progress without layers.
    pub fn bytes(done: u64, total: Option<u64>) -> Progress {
        Progress {
            done,
            total,
            layers: 0,
        }
    }
}

/// Receives events, such as a renderer.
pub trait Reporter: Send + Sync {
    /// `elapsed` is the time since the command started.
    fn report(&self, elapsed: Duration, event: &Event);
}

/// Emits events for everything below `cli`. Cheap to clone.
#[derive(Clone)]
pub struct Events {
    started: Instant,
    reporter: Arc<dyn Reporter>,
    recorder: Arc<Mutex<Recorder>>,
    warned: Arc<Mutex<BTreeSet<String>>>,
}

impl Events {
    /// Creates events for `reporter`; time counts from now.
    pub fn new(reporter: Arc<dyn Reporter>) -> Self {
        Events {
            started: Instant::now(),
            reporter,
            recorder: Arc::default(),
            warned: Arc::default(),
        }
    }

    /// Creates events that nobody sees, for commands that show no progress.
    pub(crate) fn silent() -> Self {
        struct Silent;
        impl Reporter for Silent {
            fn report(&self, _: Duration, _: &Event) {}
        }
        Events::new(Arc::new(Silent))
    }

    pub fn emit(&self, event: Event) {
        let elapsed = self.started.elapsed();
        self.recorder().record(&event, elapsed);
        self.reporter.report(elapsed, &event);
    }

    /// Returns the timings so far.
    pub fn timings(&self) -> Timings {
        self.recorder().timings()
    }

    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends each warning only once: several images may cause the same one.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert(text.clone()) {
            drop(warned);
            self.emit(Event::Warning { text });
        }
    }

    /// Returns the warnings so far, sorted.
    pub fn warnings(&self) -> Vec<String> {
        let warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.iter().cloned().collect()
    }

    /// Returns the time since the command started.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Starts a step.
    pub fn step(&self, name: &str) -> Step {
        self.emit(Event::StepStarted {
            step: name.to_owned(),
        });
        Step {
            events: self.clone(),
            name: name.to_owned(),
            started: Instant::now(),
            reason: String::new(),
            open: true,
        }
    }
}

/// A running step. It reports its progress, and failure if it is dropped without
/// [`Step::finish`].
pub struct Step {
    events: Events,
    name: String,
    started: Instant,
    reason: String,
    open: bool,
}

impl Step {
    /// Reports the current activity.
    pub fn state(&self, text: impl Into<String>) {
        self.events.emit(Event::StepState {
            step: self.name.clone(),
            text: text.into(),
        });
    }

    /// Reports what the step found and does as a result.
    pub fn decide(&self, text: impl Into<String>) {
        self.events.emit(Event::Decision {
            step: self.name.clone(),
            text: text.into(),
        });
    }

    pub fn warn(&self, text: impl Into<String>) {
        self.events.warn(text);
    }

    /// Reports how many items are done.
    pub fn count(&self, done: usize, total: usize) {
        self.events.emit(Event::StepCount {
            step: self.name.clone(),
            done,
            total,
        });
    }

    /// Reports the progress of the transfer of `item`.
    pub fn progress(&self, item: &str, progress: Progress) {
        self.events.emit(Event::StepBytes {
            step: self.name.clone(),
            item: item.to_owned(),
            progress,
        });
    }

    /// Reports success.
    pub fn finish(mut self, changed: bool, detail: impl Into<String>) {
        self.open = false;
        let duration = self.started.elapsed();
        self.events.emit(Event::StepFinished {
            step: self.name.clone(),
            seconds: duration.as_secs_f64(),
            detail: detail.into(),
            changed,
        });
    }

    /// Reports a result: on success, whether the step changed anything and a detail,
    /// both from `done`; otherwise the error.
    pub fn end<T, E: Display>(
        mut self,
        result: Result<T, E>,
        done: impl FnOnce(&T) -> (bool, String),
    ) -> Result<T, E> {
        match &result {
            Ok(value) => {
                let (changed, detail) = done(value);
                self.finish(changed, detail);
            }
            Err(error) => self.reason = error.to_string(),
        }
        result
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if self.open {
            self.events.emit(Event::StepFailed {
                step: self.name.clone(),
                seconds: self.started.elapsed().as_secs_f64(),
                reason: std::mem::take(&mut self.reason),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fixtures::EventLog;
    use super::*;

    #[test]
    fn a_dropped_step_reports_failure() {
        let log = Arc::new(EventLog::default());
        let events = Events::new(log.clone());
        drop(events.step("node"));
        let failed: Result<(), _> = events
            .step("apply")
            .end(Err("refused"), |()| (true, String::new()));
        assert!(failed.is_err());
        events.step("images").finish(true, "4 of 4");
        let found = log.events();
        assert!(matches!(&found[1], Event::StepFailed { step, .. } if step == "node"));
        assert!(
            matches!(&found[5], Event::StepFinished { step, changed: true, .. } if step == "images")
        );
        assert!(matches!(&found[3], Event::StepFailed { reason, .. } if reason == "refused"));
        assert_eq!(found.len(), 6);
    }
}
