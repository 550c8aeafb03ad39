//! Findings of the checks that run before anything is changed. They are reported together.

use crate::error::{Code, Explain, Result};
use crate::hint::{self, Hint};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The problem, and why it matters.
    pub(crate) what: String,
    /// What the user can do.
    pub(crate) remedies: Vec<Hint>,
    pub(crate) code: Code,
}

impl Finding {
    /// Creates a finding from an error.
    pub(crate) fn of(error: &impl Explain) -> Finding {
        Finding {
            what: error.to_string(),
            remedies: error.hints(),
            code: error.code(),
        }
    }

    /// Returns the error of this finding alone.
    pub(crate) fn into_error(self) -> crate::error::Error {
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
    fn code(&self) -> Code {
        self.findings.first().map_or(Code::Unexpected, |f| f.code)
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

    fn finding(what: &str, remedy: &'static str, code: Code) -> Finding {
        Finding {
            what: what.into(),
            remedies: vec![Hint::text(remedy)],
            code,
        }
    }

    #[test]
    fn a_single_finding_is_the_error_message() {
        let failed = Failed {
            findings: vec![finding("port 1 is in use", "use another", Code::PortInUse)],
        };
        assert_eq!(failed.to_string(), "port 1 is in use");
        assert!(failed.details().is_empty());
    }

    #[test]
    fn findings_are_reported_together_without_duplicate_remedies() {
        let failed = Failed {
            findings: vec![
                finding("a", "see docker", Code::PortInUse),
                finding("b", "see docker", Code::DiskFull),
            ],
        };
        assert_eq!(failed.to_string(), "found 2 problems; nothing was changed");
        assert_eq!(failed.details(), ["- a", "- b"]);
        assert_eq!(failed.hints(), ["see docker"]);
        assert_eq!(failed.code(), Code::PortInUse);
    }
}
