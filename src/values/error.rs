//! Values that cannot be meant.

use std::fmt;

use crate::error::{Code, Explain};

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Such as `values.yaml:12` or `--set a=b`.
    pub place: String,
    /// What is wrong.
    pub what: String,
}

impl Problem {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Problem {
        /// More of a value or a key says nothing more.
        const LONGEST: usize = 300;
        let mut what = what.into();
        if let Some((end, _)) = what.char_indices().nth(LONGEST) {
            what.truncate(end);
            what.push('…');
        }
        Problem {
            place: place.into(),
            what,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Everything that is wrong with the values.
#[derive(Debug, thiserror::Error)]
#[error("{}", summary(problems))]
pub struct Error {
    /// At least one.
    pub problems: Vec<Problem>,
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [one] => one.to_string(),
        many => format!("{} values cannot be used", many.len()),
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        Code::Usage
    }

    fn details(&self) -> Vec<String> {
        match &self.problems[..] {
            [_] => Vec::new(),
            many => many.iter().map(Problem::to_string).collect(),
        }
    }
}
