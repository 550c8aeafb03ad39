//! Findings of the checks that run before anything is changed. They are reported together.

use crate::error::{Error, Explain, Result};
use crate::failures::{self, Failure};
use crate::hint::{self, Hint};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The problem, and why it matters.
    pub(crate) what: String,
    /// What the user can do.
    pub(crate) remedies: Vec<Hint>,
    pub(crate) failure: Failure,
}

impl Finding {
    /// Creates a finding from an error.
    pub(crate) fn of(error: &impl Explain) -> Finding {
        Finding {
            what: error.to_string(),
            remedies: error.hints(),
            failure: error.failure(),
        }
    }

    /// Creates a finding from the error of any module.
    pub(crate) fn of_error(error: &Error) -> Finding {
        Finding {
            what: error.to_string(),
            remedies: error.hints(),
            failure: error.failure(),
        }
    }

    /// Returns the error of this finding alone.
    pub(crate) fn into_error(self) -> Error {
        Failed {
            findings: vec![self],
        }
        .into()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{}", summary(findings))]
pub(crate) struct Failed {
    /// At least one finding.
    pub(crate) findings: Vec<Finding>,
}

fn summary(findings: &[Finding]) -> String {
    match findings {
        [one] => one.what.clone(),
        many => format!("found {} problems; nothing was changed", many.len()),
    }
}

impl Explain for Failed {
    fn failure(&self) -> Failure {
        let first = self.findings.first();
        first.map_or(Failure::Unexpected, |finding| finding.failure)
    }

    fn failures(&self) -> Vec<Failure> {
        failures::distinct(self.findings.iter().map(|finding| finding.failure))
    }

    fn details(&self) -> Vec<String> {
        match &self.findings[..] {
            [_] => Vec::new(),
            many => many.iter().map(|f| format!("- {}", f.what)).collect(),
        }
    }

    fn hints(&self) -> Vec<Hint> {
        let remedies = self.findings.iter().flat_map(|finding| &finding.remedies);
        hint::distinct(remedies.cloned())
    }
}

/// Returns the error of these findings, if there are any.
pub(crate) fn refuse(findings: Vec<Finding>) -> Result<()> {
    match findings.is_empty() {
        true => Ok(()),
        false => Err(Failed { findings }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(what: &str, remedy: &'static str, failure: Failure) -> Finding {
        Finding {
            what: what.into(),
            remedies: vec![Hint::text(remedy)],
            failure,
        }
    }

    #[test]
    fn a_single_finding_is_the_error_message() {
        let failed = Failed {
            findings: vec![finding(
                "port 1 is in use",
                "use another",
                Failure::PortInUse,
            )],
        };
        assert_eq!(failed.to_string(), "port 1 is in use");
        assert!(failed.details().is_empty());
    }

    #[test]
    fn findings_are_reported_together_without_duplicate_remedies() {
        let failed = Failed {
            findings: vec![
                finding("a", "see docker", Failure::PortInUse),
                finding("b", "see docker", Failure::DataDiskFull),
            ],
        };
        assert_eq!(failed.to_string(), "found 2 problems; nothing was changed");
        assert_eq!(failed.details(), ["- a", "- b"]);
        assert_eq!(failed.hints(), ["see docker"]);
        assert_eq!(failed.failure(), Failure::PortInUse);
        assert_eq!(
            failed.failures(),
            [Failure::PortInUse, Failure::DataDiskFull]
        );
    }
}
