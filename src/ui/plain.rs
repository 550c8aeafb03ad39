//! Progress off a terminal: one line a change, with the time since the start.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use super::words;
use crate::event::{Event, Reporter};

/// Bytes are told again after that time.
const BYTES_EVERY: Duration = Duration::from_secs(5);

/// Lines on a writer.
pub(super) struct PlainLines(Mutex<State>);

struct State {
    out: Box<dyn Write + Send>,
    /// When the bytes of a step's item were told last.
    told: BTreeMap<(String, String), Duration>,
}

impl PlainLines {
    pub(super) fn new(out: Box<dyn Write + Send>) -> PlainLines {
        PlainLines(Mutex::new(State {
            out,
            told: BTreeMap::new(),
        }))
    }
}

impl Reporter for PlainLines {
    fn report(&self, elapsed: Duration, event: &Event) {
        let Ok(mut state) = self.0.lock() else {
            return;
        };
        if let Event::StepBytes { step, item, .. } = event {
            let key = (step.clone(), item.clone());
            let due = state
                .told
                .get(&key)
                .is_none_or(|told| elapsed >= *told + BYTES_EVERY);
            if !due {
                return;
            }
            state.told.insert(key, elapsed);
        }
        if let Some(text) = line(event) {
            let _ = writeln!(state.out, "[{:>6.1} s] {text}", elapsed.as_secs_f64());
        }
    }
}

fn line(event: &Event) -> Option<String> {
    let with = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!(", {text}")
        }
    };
    Some(match event {
        Event::Started { name, summary } => format!("{name}: {summary}"),
        Event::StepStarted { .. } => return None,
        Event::StepState { step, text } => format!("{step}: {text}"),
        Event::StepBytes {
            step,
            item,
            done,
            total,
        } => {
            let of = total.map_or_else(String::new, |total| format!(" of {}", words::bytes(total)));
            format!("{step}: {item} {}{of}", words::bytes(*done))
        }
        Event::StepFinished {
            step,
            seconds,
            detail,
            ..
        } => format!("{step}: done in {seconds:.1} s{}", with(detail)),
        Event::StepFailed {
            step,
            seconds,
            reason,
        } => format!("{step}: failed after {seconds:.1} s{}", with(reason)),
        Event::Component {
            component,
            ready,
            state,
            reason,
            ..
        } => {
            let text = if *ready || reason.is_empty() {
                state
            } else {
                reason
            };
            format!("{component}: {text}")
        }
        Event::Warning { text } => format!("warning: {text}"),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::component::Component;

    /// A writer that a test can read.
    #[derive(Clone, Default)]
    pub(in crate::ui) struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Shared {
        pub(in crate::ui) fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Nobody reads any more.
    pub(in crate::ui) struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
    }

    /// A short `up`, with its times in tenths of a second.
    pub(in crate::ui) fn story() -> Vec<(u64, Event)> {
        let bytes = |done| Event::StepBytes {
            step: "images".into(),
            item: "redis".into(),
            done,
            total: Some(40_000_000),
        };
        vec![
            (
                0,
                Event::Started {
                    name: "clearml".into(),
                    summary: "release 1.5.0".into(),
                },
            ),
            (
                1,
                Event::StepStarted {
                    step: "images".into(),
                },
            ),
            (2, bytes(0)),
            (20, bytes(10_000_000)),
            (60, bytes(39_000_000)),
            (
                62,
                Event::StepFinished {
                    step: "images".into(),
                    seconds: 6.1,
                    detail: "1 of 4 brought".into(),
                    changed: true,
                },
            ),
            (
                70,
                Event::Component {
                    component: Component::Apiserver,
                    ready: false,
                    state: "waiting".into(),
                    reason: "waiting for elasticsearch".into(),
                    seconds: 0.5,
                },
            ),
            (
                99,
                Event::StepFailed {
                    step: "ready".into(),
                    seconds: 3.0,
                    reason: String::new(),
                },
            ),
        ]
    }

    pub(in crate::ui) fn tell(reporter: &dyn Reporter) {
        for (tenths, event) in story() {
            reporter.report(Duration::from_millis(tenths * 100), &event);
        }
    }

    #[test]
    fn one_line_a_change() {
        let out = Shared::default();
        tell(&PlainLines::new(Box::new(out.clone())));
        insta::assert_snapshot!(out.text(), @r"
        [   0.0 s] clearml: release 1.5.0
        [   0.2 s] images: redis 0 B of 40 MB
        [   6.0 s] images: redis 39 MB of 40 MB
        [   6.2 s] images: done in 6.1 s, 1 of 4 brought
        [   7.0 s] apiserver: waiting for elasticsearch
        [   9.9 s] ready: failed after 3.0 s
        ");
    }

    #[test]
    fn a_reader_that_is_gone_is_no_error() {
        tell(&PlainLines::new(Box::new(Closed)));
    }
}
