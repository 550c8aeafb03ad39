//! Environment variables for the tasks of an agent.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::Hint;

/// The variables that decide which server an agent and its tasks use, and as which worker. With
/// other values, they would not reach this one, or `agent status` would not find them.
const RESERVED: [&str; 7] = [
    "CLEARML_API_ACCESS_KEY",
    "CLEARML_API_HOST",
    "CLEARML_API_SECRET_KEY",
    "CLEARML_CONFIG_FILE",
    "CLEARML_FILES_HOST",
    "CLEARML_WEB_HOST",
    "CLEARML_WORKER_ID",
];

/// The variables of an agent, by name.
pub type Variables = BTreeMap<String, SecretText>;

/// The value of a variable, which is often a password. `Debug` masks it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Returns the value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What options change in the variables of an agent: the new value of each, or `None` to remove it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariableChanges(BTreeMap<String, Option<SecretText>>);

impl VariableChanges {
    /// Returns the variables after the changes.
    #[must_use]
    pub fn apply(self, mut variables: Variables) -> Variables {
        for (name, value) in self.0 {
            match value {
                Some(value) => variables.insert(name, value),
                None => variables.remove(&name),
            };
        }
        variables
    }

    /// Returns the names of variables to remove that are not there.
    pub fn absent_from<'a>(&'a self, variables: &Variables) -> Vec<&'a str> {
        let removed = self.0.iter().filter(|(_, value)| value.is_none());
        let names = removed.map(|(name, _)| name.as_str());
        names
            .filter(|name| !variables.contains_key(*name))
            .collect()
    }
}

/// An option `NAME=VALUE`, `NAME` for the value in the user's environment, or `NAME-` to remove a
/// variable, as for `kubectl set env`. Parsing accepts everything, because clap prints what a
/// parser refuses.
#[derive(Clone)]
pub struct VariableOption(String);

impl FromStr for VariableOption {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<VariableOption, Infallible> {
        Ok(VariableOption(text.to_owned()))
    }
}

impl fmt::Debug for VariableOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VariableOption(***)")
    }
}

/// Why a variable cannot be set. Never contains its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidVariable {
    #[error(
        "invalid value for `--env`: expected NAME=VALUE, NAME or NAME-, and a name of letters, \
         digits and `_`"
    )]
    Name,
    #[error(
        "`--env` cannot set `{0}`: the agent sets it or its configuration, so that tasks use this \
         server"
    )]
    Reserved(String),
    #[error("`--env {0}` has no value: the variable is not set in your environment")]
    Missing(String),
}

impl Explain for InvalidVariable {
    fn failure(&self) -> Failure {
        Failure::InvalidOption
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            InvalidVariable::Missing(name) => {
                vec![Hint::text(format!(
                    "set it first, or give it a value: --env {name}=VALUE"
                ))]
            }
            InvalidVariable::Name | InvalidVariable::Reserved(_) => Vec::new(),
        }
    }
}

/// Returns what some options change; a later one takes precedence. `environment` reads a variable
/// of the user.
///
/// # Errors
/// One of them cannot be set.
pub fn variables(
    options: &[VariableOption],
    environment: impl Fn(&str) -> Option<String>,
) -> Result<VariableChanges, InvalidVariable> {
    let mut changes = BTreeMap::new();
    for VariableOption(text) in options {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text.as_str(), None),
        };
        let removed = name.strip_suffix('-').filter(|_| value.is_none());
        if !is_name(removed.unwrap_or(name)) {
            return Err(InvalidVariable::Name);
        }
        if let Some(name) = removed {
            changes.insert(name.to_owned(), None);
            continue;
        }
        if RESERVED.contains(&name) {
            return Err(InvalidVariable::Reserved(name.to_owned()));
        }
        let value = value.or_else(|| environment(name));
        let value = value.ok_or_else(|| InvalidVariable::Missing(name.to_owned()))?;
        changes.insert(name.to_owned(), Some(SecretText(value)));
    }
    Ok(VariableChanges(changes))
}

fn is_name(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty() && text.chars().all(is_word) && !text.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(options: &[&str]) -> Result<VariableChanges, InvalidVariable> {
        let options: Vec<VariableOption> = options.iter().map(|it| it.parse().unwrap()).collect();
        variables(&options, |name| {
            (name == "AWS_REGION").then(|| "eu-central-1".to_owned())
        })
    }

    #[test]
    fn a_name_alone_takes_the_value_from_the_environment() {
        let found = of(&["AWS_REGION", "TOKEN=a=b", "EMPTY=", "TOKEN=c=d"]).unwrap();
        let found = found.apply(Variables::new());
        let found: Vec<(&str, &str)> = found
            .iter()
            .map(|(name, value)| (&**name, value.reveal()))
            .collect();
        let expected = [
            ("AWS_REGION", "eu-central-1"),
            ("EMPTY", ""),
            ("TOKEN", "c=d"),
        ];
        assert_eq!(found, expected);
        let missing = of(&["AWS_PROFILE"]).unwrap_err();
        assert_eq!(missing, InvalidVariable::Missing("AWS_PROFILE".to_owned()));
    }

    #[test]
    fn a_name_with_a_minus_removes_the_variable() {
        let names = |variables: &Variables| variables.keys().cloned().collect::<Vec<_>>();
        let before = of(&["A=1", "B=2", "C=3"]).unwrap().apply(Variables::new());
        // A later option takes precedence; what follows `=` is a value.
        let changes = of(&["A-", "B=4", "B-", "C-", "C=-", "TYPO-"]).unwrap();
        assert_eq!(changes.absent_from(&before), ["TYPO"]);
        let after = changes.apply(before);
        assert_eq!(names(&after), ["C"]);
        assert_eq!(after["C"].reveal(), "-");
        for invalid in ["-", "my-key-", "9-", "A--"] {
            assert_eq!(
                of(&[invalid]).unwrap_err(),
                InvalidVariable::Name,
                "{invalid}"
            );
        }
    }

    #[test]
    fn no_error_and_no_debug_output_contains_a_value() {
        for invalid in [
            "9LIVES=hidden",
            "my-key=hidden",
            "=hidden",
            "hidden key",
            "CLEARML_API_SECRET_KEY=hidden",
        ] {
            let error = of(&[invalid]).unwrap_err();
            assert_eq!(error.failure(), Failure::InvalidOption);
            let text = format!("{error} {error:?} {:?}", error.hints());
            assert!(!text.contains("hidden"), "{text}");
        }
        let option: VariableOption = "TOKEN=hidden".parse().unwrap();
        let text = format!("{option:?} {:?}", of(&["TOKEN=hidden"]).unwrap());
        assert!(!text.contains("hidden"), "{text}");
    }

    #[test]
    fn the_server_of_an_agent_is_not_changed_by_a_variable() {
        let refused = of(&["CLEARML_API_HOST=http://elsewhere"]).unwrap_err();
        assert!(
            refused.to_string().contains("`CLEARML_API_HOST`"),
            "{refused}"
        );
        // Logins for private repositories are the user's business.
        assert!(of(&["CLEARML_AGENT_GIT_PASS=token"]).is_ok());
    }
}
