//! The time limit of `--timeout`, and an error that names the steps that used it up.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::words::duration;

#[derive(Debug, Clone)]
pub(crate) struct TimeLimit {
    limit: Duration,
    began: Instant,
}

impl TimeLimit {
    /// Creates a limit that starts now.
    pub(crate) fn new(limit: Duration) -> TimeLimit {
        TimeLimit {
            limit,
            began: Instant::now(),
        }
    }

    /// Returns the time left after steps that took these times.
    pub(crate) fn after(&self, steps: &[(String, Duration)]) -> TimeLeft {
        TimeLeft {
            limit: self.limit,
            deadline: self.began + self.limit,
            spent: steps.to_vec(),
        }
    }
}

/// The rest of a command's time after earlier steps.
#[derive(Debug, Clone)]
pub(crate) struct TimeLeft {
    limit: Duration,
    pub(crate) deadline: Instant,
    spent: Vec<(String, Duration)>,
}

impl TimeLeft {
    /// Returns the error of a wait that ended at the deadline. If earlier steps took at least
    /// half of the time, the error blames them instead of the server.
    pub(crate) fn timed_out(&self, late: impl Explain) -> crate::error::Error {
        let spent: Duration = self.spent.iter().map(|(_, took)| *took).sum();
        if spent < self.limit / 2 {
            return late.into();
        }
        let is_long = |(_, took): &&(String, Duration)| *took >= self.limit / 10;
        LimitExceeded {
            limit: self.limit,
            steps: self.spent.iter().filter(is_long).cloned().collect(),
            late: Box::new(late),
        }
        .into()
    }
}

/// A command timed out because its earlier steps took most of the time.
#[derive(Debug)]
pub(crate) struct LimitExceeded {
    limit: Duration,
    steps: Vec<(String, Duration)>,
    late: Box<dyn Explain>,
}

impl fmt::Display for LimitExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = |(name, took): &(String, Duration)| format!("{name} took {}", duration(*took));
        let steps: Vec<String> = self.steps.iter().map(took).collect();
        write!(
            f,
            "timed out after {} (`--timeout`): {}; {}",
            duration(self.limit),
            steps.join(", "),
            self.late
        )
    }
}

impl std::error::Error for LimitExceeded {}

impl Explain for LimitExceeded {
    fn failure(&self) -> Failure {
        self.late.failure()
    }

    fn failures(&self) -> Vec<Failure> {
        self.late.failures()
    }

    fn hints(&self) -> Vec<Hint> {
        let mut hints = vec![Hint::run(
            "increase the timeout",
            ours!(Up, "--timeout 15m"),
        )];
        hints.extend(self.late.hints());
        hints.truncate(2);
        hints
    }

    fn details(&self) -> Vec<String> {
        self.late.details()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("redis is not ready")]
    struct Late;

    impl Explain for Late {
        fn failure(&self) -> Failure {
            Failure::ComponentNotReady
        }
    }

    fn error_after(spent: &[(&str, u64)]) -> String {
        let steps = spent.iter();
        let steps = steps.map(|(name, took)| ((*name).to_owned(), Duration::from_secs(*took)));
        let steps: Vec<_> = steps.collect();
        let left = TimeLimit::new(Duration::from_secs(60)).after(&steps);
        left.timed_out(Late).to_string()
    }

    #[test]
    fn names_the_step_that_used_up_the_time() {
        assert_eq!(
            error_after(&[("preflight", 1), ("node", 8), ("images", 65)]),
            "timed out after 1 m (`--timeout`): node took 8 s, images took 1 m 5 s; redis is not ready"
        );
        assert_eq!(error_after(&[("images", 20)]), "redis is not ready");
    }
}
