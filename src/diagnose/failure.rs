//! A component that does not start, as an error for the command line.

use std::fmt;
use std::time::Duration;

use super::finding::{Draft, see_logs};
use super::{ComponentObservation, Finding, describe};
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::words::duration;

/// The number of log lines that a failure shows. With the cause, the last event and the hints,
/// they fit on a terminal of 25 lines.
const LINES: usize = 14;

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
pub struct ComponentFailed {
    pub finding: Finding,
    pub log: LogTail,
}

impl ComponentFailed {
    /// Creates the failure of a component that was not ready in time for no known reason.
    pub fn not_ready(observation: &ComponentObservation, waited: Duration, log: LogTail) -> Self {
        let line = describe(observation).line();
        let mut draft = Draft::new(
            Failure::ComponentNotReady,
            format!("is not ready after {}: {line}", duration(waited)),
            line,
        );
        draft.hint(see_logs(observation.component));
        draft.hint(Hint::run(
            "if it only needs more time, continue with",
            ours!(Up),
        ));
        let finding = draft.finish(observation);
        ComponentFailed { finding, log }
    }

    /// Whether the wait timed out before the component was known to need help.
    pub(crate) fn is_late(&self) -> bool {
        self.finding.may_recover || self.finding.failure == Failure::ComponentNotReady
    }
}

impl fmt::Display for ComponentFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.finding.cause)
    }
}

impl std::error::Error for ComponentFailed {}

impl Explain for ComponentFailed {
    fn failure(&self) -> Failure {
        self.finding.failure
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::component::Component::{Elasticsearch, Mongodb};
    use crate::diagnose::fixtures::{
        backing_off, end, find, observation, pod, warning, with_status,
    };

    #[test]
    fn a_failure_shows_the_last_event_and_the_last_log_lines() {
        let observation = observation(
            Elasticsearch,
            vec![pod(backing_off("10s", 1, end("OOMKilled", 137, "")))],
            vec![warning(
                "BackOff",
                "Back-off restarting failed container",
                3,
            )],
        );
        let log = LogTail {
            container: "main".to_owned(),
            previous: false,
            lines: (1..=30).map(|number| format!("line {number}")).collect(),
        };
        let failure = ComponentFailed {
            finding: find(&observation),
            log: log.clone(),
        };
        let details = failure.details();
        assert_eq!(
            details[0],
            "last event: BackOff: Back-off restarting failed container (3 times)"
        );
        assert_eq!(details[1], "last lines of its log (main):");
        assert_eq!((details[2].as_str(), details.len()), ("  line 17", 16));
        assert_eq!(failure.code().number(), 62);

        let late = ComponentFailed::not_ready(
            &with_status(Mongodb, json!({"state": {"running": {}}})),
            std::time::Duration::from_secs(600),
            log,
        );
        assert_eq!(
            late.to_string(),
            "mongodb is not ready after 10 m: starting: running, not ready yet"
        );
        assert_eq!(late.failure(), Failure::ComponentNotReady);
    }
}
