//! What the engine room says while it works. Steps emit typed events; renderers
//! in `ui` show them. Nothing here knows of terminals.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use self::timing::Recorder;
pub use self::timing::{Awaited, Timing, Timings};
use crate::component::{Component, State};

mod timing;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first line: instance, release, engine, profile.
    Started {
        name: String,
        /// The rest of the line, for people.
        summary: String,
    },
    StepStarted {
        /// The step's name, such as `node`.
        step: String,
    },
    /// What a running step does now.
    StepState {
        step: String,
        /// Such as `waiting for the Kubernetes API: connection refused`.
        text: String,
    },
    /// What a step found, and what it does because of that: for `-v`.
    Decision {
        step: String,
        /// Such as `mongo:7: in Docker, copied layer by layer`.
        text: String,
    },
    /// How many of a step's items are done.
    StepCount {
        step: String,
        done: usize,
        total: usize,
    },
    /// Bytes of one item of a step, such as an image.
    StepBytes {
        step: String,
        /// What is transferred, such as `elasticsearch`.
        item: String,
        #[serde(flatten)]
        progress: Progress,
    },
    /// A step ended well.
    StepFinished {
        step: String,
        seconds: f64,
        /// What came of it, such as `Kubernetes 1.37.0`; may be empty.
        detail: String,
        changed: bool,
    },
    /// A step ended badly, or was left.
    StepFailed {
        step: String,
        seconds: f64,
        /// Why, in a few words; may be empty.
        reason: String,
    },
    /// A component's state changed while `up` waits for it.
    Component {
        component: Component,
        /// What it does and why.
        #[serde(flatten, serialize_with = "state_fields")]
        state: State,
        /// Seconds since the wait began.
        seconds: f64,
    },
    /// Something worth knowing that stops nothing.
    Warning { text: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Progress {
    /// Bytes so far.
    pub done: u64,
    /// Bytes in all, where known.
    pub total: Option<u64>,
    /// How many layers are downloaded at the same time; 0 where nobody tells.
    #[serde(skip_serializing_if = "is_zero")]
    pub layers: usize,
}

/// A state as programs read it; how often a component was restarted is in `status`.
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
    /// Bytes of what has no layers.
    pub fn bytes(done: u64, total: Option<u64>) -> Progress {
        Progress {
            done,
            total,
            layers: 0,
        }
    }
}

/// Where events go: a renderer.
pub trait Reporter: Send + Sync {
    /// Shows or records one event. `elapsed` is the time since the command began.
    fn report(&self, elapsed: Duration, event: &Event);
}

/// The door through which everything below `cli` speaks; cheap to clone.
#[derive(Clone)]
pub struct Events {
    started: Instant,
    reporter: Arc<dyn Reporter>,
    recorder: Arc<Mutex<Recorder>>,
    warned: Arc<Mutex<BTreeSet<String>>>,
}

impl Events {
    /// Events that go to `reporter`, with time counted from now.
    pub fn new(reporter: Arc<dyn Reporter>) -> Self {
        Events {
            started: Instant::now(),
            reporter,
            recorder: Arc::default(),
            warned: Arc::default(),
        }
    }

    /// Events that nobody sees.
    #[cfg(test)]
    pub(crate) fn silent() -> Self {
        struct Silent;
        impl Reporter for Silent {
            fn report(&self, _: Duration, _: &Event) {}
        }
        Events::new(Arc::new(Silent))
    }

    pub fn emit(&self, event: Event) {
        let elapsed = self.started.elapsed();
        self.recorder().take(&event, elapsed);
        self.reporter.report(elapsed, &event);
    }

    pub fn timings(&self) -> Timings {
        self.recorder().timings()
    }

    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a warning, once: what concerns several images is no news the second time.
    pub fn warn(&self, text: impl Into<String>) {
        let text = text.into();
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert(text.clone()) {
            drop(warned);
            self.emit(Event::Warning { text });
        }
    }

    /// The warnings so far, in the order of their text.
    pub fn warnings(&self) -> Vec<String> {
        let warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warned.iter().cloned().collect()
    }

    /// The time since the command began.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Begins a step. The guard reports failure unless it is finished.
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

/// A running step: says how it goes, and that it failed when it is dropped
/// without [`Step::finish`].
pub struct Step {
    events: Events,
    name: String,
    started: Instant,
    reason: String,
    open: bool,
}

impl Step {
    /// Says what the step does now.
    pub fn state(&self, text: impl Into<String>) {
        self.events.emit(Event::StepState {
            step: self.name.clone(),
            text: text.into(),
        });
    }

    /// Says what the step found and does because of that.
    pub fn decide(&self, text: impl Into<String>) {
        self.events.emit(Event::Decision {
            step: self.name.clone(),
            text: text.into(),
        });
    }

    pub fn warn(&self, text: impl Into<String>) {
        self.events.warn(text);
    }

    pub fn count(&self, done: usize, total: usize) {
        self.events.emit(Event::StepCount {
            step: self.name.clone(),
            done,
            total,
        });
    }

    pub fn progress(&self, item: &str, progress: Progress) {
        self.events.emit(Event::StepBytes {
            step: self.name.clone(),
            item: item.to_owned(),
            progress,
        });
    }

    pub fn finish(mut self, changed: bool, detail: impl Into<String>) {
        self.open = false;
        let took = self.started.elapsed();
        self.events.emit(Event::StepFinished {
            step: self.name.clone(),
            seconds: took.as_secs_f64(),
            detail: detail.into(),
            changed,
        });
    }

    /// Ends the step as its work ended: with what `done` says of a good result
    /// (whether it changed anything, and what came of it), or with the error.
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
    use super::*;

    #[derive(Default)]
    struct Recorder(Mutex<Vec<Event>>);

    impl Reporter for Recorder {
        fn report(&self, _: Duration, event: &Event) {
            self.0.lock().unwrap().push(event.clone());
        }
    }

    #[test]
    fn a_step_that_is_left_reports_failure() {
        let recorder = Arc::new(Recorder::default());
        let events = Events::new(recorder.clone());
        drop(events.step("node"));
        let failed: Result<(), _> = events
            .step("apply")
            .end(Err("refused"), |()| (true, String::new()));
        assert!(failed.is_err());
        events.step("images").finish(true, "4 of 4");
        let seen = recorder.0.lock().unwrap();
        assert!(matches!(&seen[1], Event::StepFailed { step, .. } if step == "node"));
        assert!(
            matches!(&seen[5], Event::StepFinished { step, changed: true, .. } if step == "images")
        );
        assert!(matches!(&seen[3], Event::StepFailed { reason, .. } if reason == "refused"));
        assert_eq!(seen.len(), 6);
    }
}
