//! Instance names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of the default instance.
pub const DEFAULT_NAME: &str = "clearml";

/// Returns the name to pass to a command with `--name`; `None` for the default instance.
pub fn non_default(name: &str) -> Option<&str> {
    Some(name).filter(|name| *name != DEFAULT_NAME)
}

/// Longest name, in characters: with a longer one, the name of the node would not be a valid
/// host name.
const LONGEST_NAME: usize = 49;

/// An instance name: lower case letters, digits, `-` and `.`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceName(String);

impl InstanceName {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// See [`non_default`].
    pub fn non_default(&self) -> Option<&str> {
        non_default(self.as_str())
    }
}

impl fmt::Display for InstanceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for InstanceName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let edge =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let valid = text.chars().all(inner)
            && edge(text.chars().next())
            && edge(text.chars().last())
            && text.len() <= LONGEST_NAME;
        if valid {
            return Ok(InstanceName(text.to_owned()));
        }
        Err(format!(
            "invalid name `{text}`: expected at most {LONGEST_NAME} lower case letters, digits, \
             `-` and `.`, starting and ending with a letter or digit"
        ))
    }
}

impl TryFrom<String> for InstanceName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<InstanceName> for String {
    fn from(name: InstanceName) -> String {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_must_be_host_names() {
        for valid in ["clearml", "a", "team-2.x"] {
            assert!(valid.parse::<InstanceName>().is_ok(), "{valid}");
        }
        let long = "x".repeat(50);
        for invalid in ["", "-a", "a-", "A", "a_b", "a/b", "../x", &long] {
            assert!(invalid.parse::<InstanceName>().is_err(), "{invalid}");
        }
    }
}
