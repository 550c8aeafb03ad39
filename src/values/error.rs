//! Values that cannot be meant.

use std::fmt;

use serde::Serialize;

use crate::error::{Code, Explain};
use crate::words;

/// How many problems a person is shown; names are suggested for no more.
pub(super) const SHOWN: usize = 20;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Such as `values.yaml:12` or `--set a=b`.
    pub place: String,
    pub what: String,
    /// What to write instead, where several keys of a file are one problem.
    pub suggestions: Vec<Suggestion>,
}

/// A key, and what to write instead of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Where it stands in the file.
    pub lines: Vec<usize>,
    /// Its name; `{a,b}.c` are two.
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
        /// More of a value or a key says nothing more.
        const LONGEST: usize = 301;
        Problem {
            place: place.into(),
            what: words::cut(&what.into(), LONGEST),
            suggestions: Vec::new(),
        }
    }

    /// The problem, or what is to be written instead of each key, for programs.
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

    /// The problem, then a line for each suggestion.
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

/// Everything that is wrong with the values.
#[derive(Debug, thiserror::Error)]
#[error("{}", summary(problems))]
pub struct Error {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// What a check found, for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `error` or `warning`.
    pub level: &'static str,
    /// Such as `values.yaml:12` or `--set a=b`; a warning has it in its message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The key, where the message does not name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What is wrong, or what to do.
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
        let said = usize::from(self.problems.len() == 1);
        lines.skip(said).collect()
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        Code::Usage
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
    fn twenty_problems_are_enough_for_a_person() {
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
