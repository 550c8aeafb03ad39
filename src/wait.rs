//! Waiting: a [`Wait`] looks until something is there, shows why it is not, and keeps
//! the last reason to the end.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::Step;
use crate::words::duration;

/// How often a reason of a kind that has been shown is shown again.
const REPEAT: Duration = Duration::from_secs(15);

/// What one look found.
#[derive(Debug)]
pub(crate) enum Look<T> {
    Done(T),
    /// It goes on, for this reason.
    NotYet(Reason),
}

/// Why a wait is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Reasons of one kind are the same trouble, whatever their text holds of numbers
    /// and addresses.
    kind: Cow<'static, str>,
    text: String,
}

impl Reason {
    /// A reason whose text varies while its kind stays the same.
    pub(crate) fn new(kind: impl Into<Cow<'static, str>>, text: impl Into<String>) -> Reason {
        Reason {
            kind: kind.into(),
            text: text.into(),
        }
    }
}

impl From<&'static str> for Reason {
    fn from(text: &'static str) -> Reason {
        Reason::new(text, text)
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Reason {
        Reason::new(text.clone(), text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A wait that ended without what it waited for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("timed out after {} waiting for {awaited}: {reason}", duration(*waited))]
pub struct TimedOut {
    awaited: &'static str,
    waited: Duration,
    /// The last one, in a few words.
    pub(crate) reason: String,
}

/// A wait for one thing: `Wait::new("the Kubernetes API").within(limit).run(look)`.
#[derive(Clone, Copy)]
pub(crate) struct Wait<'a> {
    awaited: &'static str,
    every: Duration,
    began: Instant,
    deadline: Instant,
    step: Option<&'a Step>,
}

impl<'a> Wait<'a> {
    /// A wait for what `awaited` names, such as `the Kubernetes API`. It looks five
    /// times a second, and only once unless it is given time.
    pub(crate) fn new(awaited: &'static str) -> Wait<'a> {
        let now = Instant::now();
        Wait {
            awaited,
            every: Duration::from_millis(200),
            began: now,
            deadline: now,
            step: None,
        }
    }

    /// The pause between two looks.
    pub(crate) fn every(self, every: Duration) -> Wait<'a> {
        Wait { every, ..self }
    }

    pub(crate) fn within(self, limit: Duration) -> Wait<'a> {
        self.until(self.began + limit)
    }

    pub(crate) fn until(self, deadline: impl Into<Instant>) -> Wait<'a> {
        Wait {
            deadline: deadline.into(),
            ..self
        }
    }

    /// Shows as the step's state why the wait is not over: each kind of reason once,
    /// then the present one every 15 s.
    pub(crate) fn shown_by(self, step: &'a Step) -> Wait<'a> {
        Wait {
            step: Some(step),
            ..self
        }
    }

    /// Looks until the look is done, fails, or the time is over. At least one look is
    /// taken. The outer result is the look's, as with tokio's own `timeout`.
    pub(crate) async fn run<T, E>(
        self,
        mut look: impl AsyncFnMut() -> Result<Look<T>, E>,
    ) -> Result<Result<T, TimedOut>, E> {
        let mut shown = Shown::default();
        loop {
            let reason = match look().await? {
                Look::Done(value) => return Ok(Ok(value)),
                Look::NotYet(reason) => reason,
            };
            let now = Instant::now();
            if let Some(step) = self.step
                && shown.is_due(&reason, now)
            {
                step.state(format!("waiting for {}: {reason}", self.awaited));
            }
            if now + self.every > self.deadline {
                return Ok(Err(TimedOut {
                    awaited: self.awaited,
                    waited: now - self.began,
                    reason: reason.text,
                }));
            }
            tokio::time::sleep(self.every).await;
        }
    }
}

/// Which reasons a wait has shown.
#[derive(Debug, Default)]
struct Shown {
    kinds: HashSet<Cow<'static, str>>,
    at: Option<Instant>,
}

impl Shown {
    /// Whether a reason is worth a line. Two kinds that alternate are not news after
    /// the first time.
    fn is_due(&mut self, reason: &Reason, now: Instant) -> bool {
        let is_new = self.kinds.insert(reason.kind.clone());
        let is_old = self.at.is_none_or(|at| now - at >= REPEAT);
        if is_new || is_old {
            self.at = Some(now);
        }
        is_new || is_old
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;
    use crate::event::{Event, Events, Reporter};

    #[derive(Default)]
    struct Lines(Mutex<Vec<String>>);

    impl Reporter for Lines {
        fn report(&self, _: Duration, event: &Event) {
            if let Event::StepState { text, .. } = event {
                self.0.lock().unwrap().push(text.clone());
            }
        }
    }

    /// What a wait shows and how it ends, when its looks give these reasons in turn.
    async fn wait(limit: u64, reasons: &[Reason]) -> (Vec<String>, Result<usize, TimedOut>) {
        let lines = Arc::new(Lines::default());
        let events = Events::new(lines.clone());
        let step = events.step("ready");
        let mut looks = 0;
        let wait = Wait::new("a login")
            .every(Duration::from_secs(1))
            .within(Duration::from_secs(limit))
            .shown_by(&step);
        let ended: Result<_, ()> = wait
            .run(async || {
                let look = reasons.get(looks).cloned();
                looks += 1;
                Ok(look.map_or(Look::Done(looks), Look::NotYet))
            })
            .await;
        (lines.0.lock().unwrap().clone(), ended.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn alternating_reasons_are_shown_once_each_and_then_every_15_s() {
        let reasons: Vec<Reason> = (0..40)
            .map(|look| match look % 2 {
                0 => Reason::new("refused", format!("connection {look} refused")),
                _ => "reset".into(),
            })
            .collect();
        let (lines, ended) = wait(60, &reasons).await;
        assert_eq!(
            lines,
            [
                "waiting for a login: connection 0 refused",
                "waiting for a login: reset",
                "waiting for a login: connection 16 refused",
                "waiting for a login: reset",
            ]
        );
        assert_eq!(ended, Ok(41));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_times_out_keeps_the_last_reason() {
        let reasons = vec![Reason::from("refused"); 9];
        let (_, ended) = wait(5, &reasons).await;
        assert_eq!(
            ended.unwrap_err().to_string(),
            "timed out after 5 s waiting for a login: refused"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_without_time_looks_once() {
        let (lines, ended) = wait(0, &[]).await;
        assert_eq!((lines.len(), ended), (0, Ok(1)));
        assert!(wait(0, &["refused".into()]).await.1.is_err());
    }
}
