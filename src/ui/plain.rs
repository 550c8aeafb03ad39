//! Progress without a terminal: one line for each change, with the time since the
//! start. Suitable for the log of a CI job.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::component::{Component, StateKind};
use crate::event::{Event, Progress, Reporter};
use crate::words;

use super::screen::seconds_to_duration;
use super::{Paint, Sink, error};

/// At most one progress line is printed in this time ...
const MIN_INTERVAL: Duration = Duration::from_secs(5);
/// ... if the progress has grown by this percentage ...
const MIN_PERCENT: u64 = 10;
/// ... or after this time, so that a slow transfer does not look stalled.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Prints progress as lines on stderr.
#[derive(Debug)]
pub(super) struct Plain {
    sink: Sink,
    paint: Paint,
    decisions: bool,
    last: Mutex<LastLines>,
}

#[derive(Debug, Default)]
struct LastLines {
    /// Time and bytes of the last line, by step and item.
    bytes: HashMap<(String, String), (Duration, u64)>,
    components: HashMap<Component, String>,
}

impl Plain {
    /// `decisions` tells whether to print decisions (`-v`).
    pub(super) fn new(sink: Sink, paint: Paint, decisions: bool) -> Self {
        Plain {
            sink,
            paint,
            decisions,
            last: Mutex::default(),
        }
    }
}

impl Reporter for Plain {
    fn report(&self, elapsed: Duration, event: &Event) {
        if matches!(event, Event::Decision { .. }) && !self.decisions {
            return;
        }
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = last.line(elapsed, event, self.paint) {
            let time = format!("[{}]", words::right(&words::tenths(elapsed), 8));
            self.sink
                .write_line(&format!("{} {text}", self.paint.quiet(&time)));
        }
    }
}

impl LastLines {
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
                let duration = words::tenths(seconds_to_duration(*seconds));
                append(format!("{step}: done in {duration}"), ", ", detail)
            }
            Event::StepFailed {
                step,
                seconds,
                reason,
            } => {
                let duration = words::tenths(seconds_to_duration(*seconds));
                let failed = paint.bad("failed");
                append(format!("{step}: {failed} after {duration}"), ": ", reason)
            }
            Event::Component {
                component,
                state,
                seconds,
            } => {
                let text = words::one_line(&state.line());
                // Only changes are printed.
                if self.components.get(component) == Some(&text) {
                    return None;
                }
                self.components.insert(*component, text.clone());
                match state.kind {
                    StateKind::Ready => {
                        let after = words::tenths(seconds_to_duration(*seconds));
                        format!("{component}: ready after {after}")
                    }
                    StateKind::Failed => append(
                        format!("{component}: {}", paint.bad("failed")),
                        ": ",
                        &state.reason,
                    ),
                    _ => format!("{component}: {text}"),
                }
            }
            Event::Warning { text } => error::warning(&words::one_line(text), paint),
        })
    }

    /// Returns a progress line if one is due.
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
                let grown =
                    total.is_none_or(|total| more.saturating_mul(100) >= total * MIN_PERCENT);
                let waited = now.saturating_sub(at);
                let due = (waited >= MIN_INTERVAL && grown) || waited >= HEARTBEAT;
                let last = complete && more > 0;
                if !due && !last {
                    return None;
                }
            }
            None if !complete => {
                // The first line is delayed as well, so that small items only print the
                // last one.
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

/// Appends `more` if it is not empty.
fn append(text: String, separator: &str, more: &str) -> String {
    if more.is_empty() {
        text
    } else {
        format!("{text}{separator}{}", words::one_line(more))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixtures::Memory;
    use crate::ui::fixtures::recorded::{self, at};

    #[test]
    fn plain_lines() {
        let plain = |colour| {
            let memory = Memory::default();
            let plain = Plain::new(Sink::new(memory.clone()), Paint::new(colour), false);
            for (time, event) in recorded::whole() {
                plain.report(time, &event);
            }
            plain.report(
                at(45.3),
                &Event::StepFailed {
                    step: "ready".into(),
                    seconds: 31.0,
                    reason: "elasticsearch does not start".into(),
                },
            );
            memory.text()
        };
        insta::assert_snapshot!(plain(false));
        insta::assert_snapshot!("plain_lines_in_colour", plain(true));
    }

    #[test]
    fn a_slow_transfer_without_a_terminal_is_reported_regularly() {
        let memory = Memory::default();
        let plain = Plain::new(Sink::new(memory.clone()), Paint::none(), false);
        for second in 0..=70_u32 {
            plain.report(
                at(f64::from(second)),
                &recorded::bytes("mongodb", second.into(), 2000),
            );
        }
        insta::assert_snapshot!(memory.text(), @r"
        [  30.0 s] images: mongodb 0.0 of 2.0 GB
        [     1 m] images: mongodb 0.1 of 2.0 GB
        ");
    }

    #[test]
    fn decisions_are_shown_only_with_verbose() {
        let shown = |decisions| {
            let memory = Memory::default();
            let plain = Plain::new(Sink::new(memory.clone()), Paint::none(), decisions);
            let decision = Event::Decision {
                step: "images".into(),
                text: "mongo:7 is in the node already".into(),
            };
            plain.report(at(1.0), &decision);
            memory.text()
        };
        assert_eq!(
            shown(true),
            "[   1.0 s] images: mongo:7 is in the node already\n"
        );
        assert_eq!(shown(false), "");
    }
}
