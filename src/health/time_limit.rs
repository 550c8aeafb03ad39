//! The time that `--timeout` gives, and an error that says which step used it up.

use std::fmt;
use std::time::{Duration, Instant};

use crate::error::{Code, Explain};
use crate::hint::{Hint, ours};
use crate::words::duration;

#[derive(Debug, Clone)]
pub(crate) struct TimeLimit {
    limit: Duration,
    began: Instant,
}

impl TimeLimit {
    /// A bound that counts from now.
    pub(crate) fn new(limit: Duration) -> TimeLimit {
        TimeLimit {
            limit,
            began: Instant::now(),
        }
    }

    /// What is left, after steps that took these times.
    pub(crate) fn after(&self, steps: &[(String, Duration)]) -> TimeLeft {
        TimeLeft {
            limit: self.limit,
            deadline: self.began + self.limit,
            spent: steps.to_vec(),
        }
    }
}

/// What earlier steps have left of a command's time.
#[derive(Debug, Clone)]
pub(crate) struct TimeLeft {
    limit: Duration,
    pub(crate) deadline: Instant,
    spent: Vec<(String, Duration)>,
}

impl TimeLeft {
    /// What to say of a wait that ended at the deadline. Where the steps before have
    /// used most of the time, that is the diagnosis, and not what the server was at.
    pub(crate) fn judge(&self, late: impl Explain) -> crate::error::Error {
        let spent: Duration = self.spent.iter().map(|(_, took)| *took).sum();
        if spent < self.limit / 2 {
            return late.into();
        }
        let worth_naming = |(_, took): &&(String, Duration)| *took >= self.limit / 10;
        UsedUp {
            limit: self.limit,
            steps: self.spent.iter().filter(worth_naming).cloned().collect(),
            late: Box::new(late),
        }
        .into()
    }
}

/// The time of a command went into its earlier steps.
#[derive(Debug)]
pub(crate) struct UsedUp {
    limit: Duration,
    steps: Vec<(String, Duration)>,
    late: Box<dyn Explain>,
}

impl fmt::Display for UsedUp {
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

impl std::error::Error for UsedUp {}

impl Explain for UsedUp {
    fn code(&self) -> Code {
        self.late.code()
    }

    fn hints(&self) -> Vec<Hint> {
        let mut hints = vec![Hint::run("give it more time", ours!(Up, "--timeout 15m"))];
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
        fn code(&self) -> Code {
            Code::NotReady
        }
    }

    fn judged(spent: &[(&str, u64)]) -> String {
        let steps = spent.iter();
        let steps = steps.map(|(name, took)| ((*name).to_owned(), Duration::from_secs(*took)));
        let steps: Vec<_> = steps.collect();
        let left = TimeLimit::new(Duration::from_secs(60)).after(&steps);
        left.judge(Late).to_string()
    }

    #[test]
    fn names_the_step_that_used_up_the_time() {
        assert_eq!(
            judged(&[("preflight", 1), ("node", 8), ("images", 65)]),
            "timed out after 1 m (`--timeout`): node took 8 s, images took 1 m 5 s; redis is not ready"
        );
        assert_eq!(judged(&[("images", 20)]), "redis is not ready");
    }
}
