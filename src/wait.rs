//! Waiting: a [`Wait`] tries until something is ready, reports why it is not, and
//! returns the last reason when it times out.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::event::Step;
use crate::words::duration;

/// How often a reason is reported again after all kinds have been reported.
const REPEAT: Duration = Duration::from_secs(15);

/// The result of one attempt.
#[derive(Debug)]
pub(crate) enum Attempt<T> {
    Done(T),
    Pending(Reason),
}

/// Why a wait continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// Reasons of one kind are the same problem, even if numbers or addresses in their
    /// texts differ.
    kind: Cow<'static, str>,
    text: String,
}

impl Reason {
    /// Creates a reason whose text may vary while its kind stays the same.
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

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("timed out after {} waiting for {awaited}: {reason}", duration(*waited))]
pub struct TimedOut {
    awaited: &'static str,
    waited: Duration,
    /// The last reason.
    pub(crate) reason: String,
}

/// A wait for one condition:
/// `Wait::new("the Kubernetes API").within(limit).run(attempt)`.
#[derive(Clone, Copy)]
pub(crate) struct Wait<'a> {
    awaited: &'static str,
    every: Duration,
    started: Instant,
    deadline: Instant,
    step: Option<&'a Step>,
}

impl<'a> Wait<'a> {
    /// Waits for what `awaited` names, such as `the Kubernetes API`. It tries every 200
    /// ms, and only once unless a time limit is set.
    pub(crate) fn new(awaited: &'static str) -> Wait<'a> {
        let now = Instant::now();
        Wait {
            awaited,
            every: Duration::from_millis(200),
            started: now,
            deadline: now,
            step: None,
        }
    }

    /// Sets the pause between two attempts.
    pub(crate) fn every(self, every: Duration) -> Wait<'a> {
        Wait { every, ..self }
    }

    /// Sets the time limit, from now.
    pub(crate) fn within(self, limit: Duration) -> Wait<'a> {
        self.until(self.started + limit)
    }

    /// Sets the deadline.
    pub(crate) fn until(self, deadline: impl Into<Instant>) -> Wait<'a> {
        Wait {
            deadline: deadline.into(),
            ..self
        }
    }

    /// Reports as the step's state why the wait continues: each kind of reason once,
    /// then the current one every 15 s.
    pub(crate) fn reported_by(self, step: &'a Step) -> Wait<'a> {
        Wait {
            step: Some(step),
            ..self
        }
    }

    /// Tries until an attempt is done or fails, or the deadline has passed. At least
    /// one attempt is made. The outer result is that of the attempt, as with tokio's
    /// `timeout`.
    pub(crate) async fn run<T, E>(
        self,
        mut attempt: impl AsyncFnMut() -> Result<Attempt<T>, E>,
    ) -> Result<Result<T, TimedOut>, E> {
        let mut reported = Reported::default();
        loop {
            let reason = match attempt().await? {
                Attempt::Done(value) => return Ok(Ok(value)),
                Attempt::Pending(reason) => reason,
            };
            let now = Instant::now();
            if let Some(step) = self.step
                && reported.is_due(&reason, now)
            {
                step.state(format!("waiting for {}: {reason}", self.awaited));
            }
            if now + self.every > self.deadline {
                return Ok(Err(TimedOut {
                    awaited: self.awaited,
                    waited: now - self.started,
                    reason: reason.text,
                }));
            }
            tokio::time::sleep(self.every).await;
        }
    }
}

/// The reasons that a wait has reported.
#[derive(Debug, Default)]
struct Reported {
    kinds: HashSet<Cow<'static, str>>,
    at: Option<Instant>,
}

impl Reported {
    /// Returns whether to report a reason. Two kinds that alternate are reported only
    /// once each.
    fn is_due(&mut self, reason: &Reason, now: Instant) -> bool {
        let is_new = self.kinds.insert(reason.kind.clone());
        let is_due_again = self.at.is_none_or(|at| now - at >= REPEAT);
        if is_new || is_due_again {
            self.at = Some(now);
        }
        is_new || is_due_again
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::event::Events;
    use crate::event::fixtures::EventLog;

    /// Returns what a wait reports and its result, if its attempts give these reasons
    /// in turn.
    async fn wait(limit: u64, reasons: &[Reason]) -> (Vec<String>, Result<usize, TimedOut>) {
        let log = Arc::new(EventLog::default());
        let events = Events::new(log.clone());
        let step = events.step("ready");
        let mut attempts = 0;
        let wait = Wait::new("a login")
            .every(Duration::from_secs(1))
            .within(Duration::from_secs(limit))
            .reported_by(&step);
        let ended: Result<_, ()> = wait
            .run(async || {
                let reason = reasons.get(attempts).cloned();
                attempts += 1;
                Ok(reason.map_or(Attempt::Done(attempts), Attempt::Pending))
            })
            .await;
        (log.states(), ended.unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn alternating_reasons_are_reported_once_each_and_then_every_15_s() {
        let reasons: Vec<Reason> = (0..40)
            .map(|attempt| match attempt % 2 {
                0 => Reason::new("refused", format!("connection {attempt} refused")),
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
    async fn a_timeout_contains_the_last_reason() {
        let reasons = vec![Reason::from("refused"); 9];
        let (_, ended) = wait(5, &reasons).await;
        assert_eq!(
            ended.unwrap_err().to_string(),
            "timed out after 5 s waiting for a login: refused"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_without_a_time_limit_tries_once() {
        let (lines, ended) = wait(0, &[]).await;
        assert_eq!((lines.len(), ended), (0, Ok(1)));
        assert!(wait(0, &["refused".into()]).await.1.is_err());
    }
}
