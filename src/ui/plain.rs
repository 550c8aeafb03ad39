//! Progress off a terminal: one line for each change, with the time since the
//! start. Reads well in the log of a CI job.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::component::{Component, StateKind};
use crate::event::{Event, Progress, Reporter};
use crate::words;

use super::screen::duration;
use super::{Paint, Sink, error};

/// At most one line of bytes in this time ...
const PAUSE: Duration = Duration::from_secs(5);
/// ... if this much of the whole has come, in percent ...
const STRIDE: u64 = 10;
/// ... or this time has gone, so that a slow line does not look dead.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Progress as lines on stderr.
#[derive(Debug)]
pub(super) struct Plain {
    sink: Sink,
    paint: Paint,
    decisions: bool,
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    /// By step and item: time and bytes of the last line.
    bytes: HashMap<(String, String), (Duration, u64)>,
    components: HashMap<Component, String>,
}

impl Plain {
    /// `decisions` says whether to show what steps find and decide (`-v`).
    pub(super) fn new(sink: Sink, paint: Paint, decisions: bool) -> Self {
        Plain {
            sink,
            paint,
            decisions,
            memory: Mutex::default(),
        }
    }
}

impl Reporter for Plain {
    fn report(&self, elapsed: Duration, event: &Event) {
        if matches!(event, Event::Decision { .. }) && !self.decisions {
            return;
        }
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = memory.line(elapsed, event, self.paint) {
            let time = format!("[{}]", words::right(&words::tenths(elapsed), 8));
            self.sink
                .say(&format!("{} {text}", self.paint.quiet(&time)));
        }
    }
}

impl Memory {
    fn line(&mut self, now: Duration, event: &Event, paint: Paint) -> Option<String> {
        Some(match event {
            Event::Started { name, summary } => format!("{name}: {summary}"),
            Event::StepStarted { step } => format!("{step}: started"),
            Event::StepState { step, text } | Event::Decision { step, text } => {
                format!("{step}: {}", words::one_line(text))
            }
            Event::StepCount { step, done, total } => format!("{step}: {done} of {total}"),
            Event::StepBytes {
                step,
                item,
                progress,
            } => self.bytes(now, (step, item), *progress)?,
            Event::StepFinished {
                step,
                seconds,
                detail,
                ..
            } => {
                let took = words::tenths(duration(*seconds));
                with(format!("{step}: done in {took}"), ", ", detail)
            }
            Event::StepFailed {
                step,
                seconds,
                reason,
            } => {
                let took = words::tenths(duration(*seconds));
                let failed = paint.bad("failed");
                with(format!("{step}: {failed} after {took}"), ": ", reason)
            }
            Event::Component {
                component,
                state,
                seconds,
            } => {
                let said = words::one_line(&state.line());
                // The same again is no change.
                if self.components.get(component) == Some(&said) {
                    return None;
                }
                self.components.insert(*component, said.clone());
                match state.kind {
                    StateKind::Ready => {
                        let after = words::tenths(duration(*seconds));
                        format!("{component}: ready after {after}")
                    }
                    StateKind::Failed => with(
                        format!("{component}: {}", paint.bad("failed")),
                        ": ",
                        &state.reason,
                    ),
                    _ => format!("{component}: {said}"),
                }
            }
            Event::Warning { text } => error::warning(&words::one_line(text), paint),
        })
    }

    fn bytes(
        &mut self,
        now: Duration,
        (step, item): (&str, &str),
        Progress { done, total, .. }: Progress,
    ) -> Option<String> {
        let key = (step.to_owned(), item.to_owned());
        let complete = total.is_some_and(|total| done >= total);
        match self.bytes.get(&key) {
            Some(&(at, before)) => {
                let more = done.saturating_sub(before);
                let grown = total.is_none_or(|total| more.saturating_mul(100) >= total * STRIDE);
                let waited = now.saturating_sub(at);
                let due = (waited >= PAUSE && grown) || waited >= HEARTBEAT;
                let last = complete && more > 0;
                if !due && !last {
                    return None;
                }
            }
            None if !complete => {
                // The first line waits too: small items say one thing, the end.
                self.bytes.insert(key, (now, 0));
                return None;
            }
            None => {}
        }
        self.bytes.insert(key, (now, done));
        let item = words::one_line(item);
        Some(match total {
            Some(total) if complete => format!("{step}: {item} {}", words::bytes(total)),
            Some(total) => format!("{step}: {item} {}", words::bytes_of(done, total)),
            None => format!("{step}: {item} {}", words::bytes(done)),
        })
    }
}

/// `text`, and what came of it where that is known.
fn with(text: String, separator: &str, more: &str) -> String {
    if more.is_empty() {
        text
    } else {
        format!("{text}{separator}{}", words::one_line(more))
    }
}
