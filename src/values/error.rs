//! Invalid values.

use std::fmt;

use serde::Serialize;

use crate::error::Explain;
use crate::failures::Failure;
use crate::words;

/// The number of problems that are shown; names are suggested only for these.
pub(super) const SHOWN: usize = 20;

/// A problem and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A place such as `values.yaml:12` or `--set a=b`.
    pub place: String,
    pub what: String,
    /// The replacements, if several keys of a file are one problem.
    pub suggestions: Vec<Suggestion>,
}

/// A key and its replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The lines of the key in the file.
    pub lines: Vec<usize>,
    /// The name of the key; `{a,b}.c` are two.
    pub key: String,
    pub what: String,
}

impl Suggestion {
    fn table(all: &[Suggestion]) -> Vec<String> {
        let place = |one: &Suggestion| {
            let lines: Vec<String> = one.lines.iter().map(usize::to_string).collect();
            match &lines[..] {
                [] => String::new(),
                [line] => format!("line {line}"),
                lines => format!("lines {}", lines.join(", ")),
            }
        };
        let width = |text: &dyn Fn(&Suggestion) -> usize| all.iter().map(text).max().unwrap_or(0);
        let (places, keys) = (width(&|one| place(one).len()), width(&|one| one.key.len()));
        let line = |one: &Suggestion| {
            let (place, key, what) = (place(one), &one.key, &one.what);
            format!("  {place:places$}  {key:keys$}  {what}")
        };
        all.iter().map(line).collect()
    }
}

impl Problem {
    pub(super) fn new(place: impl Into<String>, what: impl Into<String>) -> Problem {
        /// Long values and keys are cut.
        const MAX_LENGTH: usize = 301;
        Problem {
            place: place.into(),
            what: words::cut(&what.into(), MAX_LENGTH),
            suggestions: Vec::new(),
        }
    }

    /// Returns the problem, or the replacement of each key, for JSON output.
    pub fn findings(&self) -> Vec<Finding> {
        if self.suggestions.is_empty() {
            return vec![Finding::error(&self.place, None, &self.what)];
        }
        let of = |one: &Suggestion| {
            let place = match one.lines.first() {
                Some(line) => format!("{}:{line}", self.place),
                None => self.place.clone(),
            };
            Finding::error(&place, Some(&one.key), &one.what)
        };
        self.suggestions.iter().map(of).collect()
    }

    /// Returns the problem, followed by a line for each suggestion.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.to_string()];
        lines.extend(Suggestion::table(&self.suggestions));
        lines
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// All problems of the values.
#[derive(Debug, thiserror::Error)]
#[error("{}", summary(problems))]
pub struct Error {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// A problem or warning in JSON output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `error` or `warning`.
    pub level: &'static str,
    /// A place such as `values.yaml:12` or `--set a=b`; warnings have it in their message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The key, if the message does not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The problem or the instruction.
    pub message: String,
}

impl Finding {
    fn error(place: &str, key: Option<&str>, message: &str) -> Finding {
        Finding {
            level: "error",
            place: Some(place.to_owned()),
            key: key.map(str::to_owned),
            message: message.to_owned(),
        }
    }

    pub fn warning(message: &str) -> Finding {
        Finding {
            level: "warning",
            place: None,
            key: None,
            message: message.to_owned(),
        }
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [one] => one.to_string(),
        many => {
            let values = many.iter().map(|one| one.suggestions.len().max(1));
            format!("{} invalid values", values.sum::<usize>())
        }
    }
}

impl Error {
    fn lines(&self) -> Vec<String> {
        let lines = self.problems.iter().flat_map(Problem::lines);
        let in_message = usize::from(self.problems.len() == 1);
        lines.skip(in_message).collect()
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        Failure::InvalidValues
    }

    fn details(&self) -> Vec<String> {
        let mut lines = self.lines();
        let hidden = lines.len().saturating_sub(SHOWN);
        lines.truncate(SHOWN);
        if hidden > 0 {
            lines.push(format!("and {hidden} more; add -v to see all"));
        }
        lines
    }

    fn all_details(&self) -> Vec<String> {
        self.lines()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_first_twenty_problems() {
        let of = |count: usize| Error {
            problems: (0..count)
                .map(|i| Problem::new("a", i.to_string()))
                .collect(),
        };
        assert_eq!(of(20).details().len(), 20);
        let details = of(25).details();
        assert_eq!(details.len(), 21);
        assert_eq!(details[20], "and 5 more; add -v to see all");
        assert_eq!(of(25).all_details().len(), 25);
    }
}
