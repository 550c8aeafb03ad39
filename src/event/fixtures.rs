//! A reporter for tests.

use std::sync::Mutex;
use std::time::Duration;

use super::{Event, Reporter};

/// Keeps all events.
#[derive(Default)]
pub(crate) struct EventLog(Mutex<Vec<Event>>);

impl Reporter for EventLog {
    fn report(&self, _: Duration, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl EventLog {
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// Returns the states that steps reported.
    pub(crate) fn states(&self) -> Vec<String> {
        self.texts(|event| match event {
            Event::StepState { text, .. } => Some(text),
            _ => None,
        })
    }

    pub(crate) fn warnings(&self) -> Vec<String> {
        self.texts(|event| match event {
            Event::Warning { text } => Some(text),
            _ => None,
        })
    }

    fn texts(&self, of: impl Fn(Event) -> Option<String>) -> Vec<String> {
        self.events().into_iter().filter_map(of).collect()
    }
}
