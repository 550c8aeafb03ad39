//! Values that cannot be meant.

use std::fmt;

use crate::error::{Code, Explain};

/// How many problems a person is shown; names are suggested for no more.
pub(super) const SHOWN: usize = 20;

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
            many => {
                let shown = many.iter().take(SHOWN).map(Problem::to_string);
                let hidden = many.len().saturating_sub(SHOWN);
                let rest = (hidden > 0).then(|| format!("and {hidden} more"));
                shown.chain(rest).collect()
            }
        }
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
        assert_eq!(details[20], "and 5 more");
    }
}
