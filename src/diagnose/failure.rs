//! A component that does not start, as an error for the command line.

use std::fmt;
use std::time::Duration;

use super::finding::{Cause, Draft, see_logs};
use super::{ComponentObservation, Finding, describe};
use crate::error::{Code, Explain};
use crate::hint::{Hint, ours};
use crate::words::duration;

/// The number of log lines that a failure shows.
const LINES: usize = 20;

/// The last lines of the log of the failing container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogTail {
    pub container: String,
    /// Whether the lines are from the previous run of the container.
    pub previous: bool,
    /// The lines, oldest first.
    pub lines: Vec<String>,
}

/// A finding that ends a wait, with the last lines of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub finding: Finding,
    pub log: LogTail,
}

impl Failure {
    /// Creates the failure of a component that was not ready in time for no known reason.
    pub fn not_ready(seen: &ComponentObservation, waited: Duration, log: LogTail) -> Self {
        let line = describe(seen).line();
        let mut draft = Draft::new(
            Cause::Timeout,
            Code::NotReady,
            format!("is not ready after {}: {line}", duration(waited)),
            line,
        );
        draft.hint(see_logs(seen.component));
        draft.hint(Hint::run(
            "if it only needs more time, continue with",
            ours!(Up),
        ));
        let finding = draft.finish(seen);
        Failure { finding, log }
    }

    /// Whether the wait timed out before the component was known to need help.
    pub(crate) fn is_late(&self) -> bool {
        self.finding.heals || self.finding.kind == Cause::Timeout
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.cause)
    }
}

impl std::error::Error for Failure {}

impl Explain for Failure {
    fn code(&self) -> Code {
        self.finding.code
    }

    fn hints(&self) -> Vec<Hint> {
        self.finding.hints.clone()
    }

    fn details(&self) -> Vec<String> {
        let mut details = Vec::new();
        if let Some(event) = &self.finding.last_event {
            details.push(format!("last event: {event}"));
        }
        let lines = &self.log.lines;
        if !lines.is_empty() {
            let of = if self.log.previous {
                "of the log of its previous run"
            } else {
                "of its log"
            };
            details.push(format!("last lines {of} ({}):", self.log.container));
            let skip = lines.len().saturating_sub(LINES);
            details.extend(lines.iter().skip(skip).map(|line| format!("  {line}")));
        }
        details
    }
}
