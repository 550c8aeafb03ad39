//! The namespace with the objects of an instance.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest label of a DNS name, in characters.
const LONGEST_LABEL: usize = 63;

/// The name of a namespace: a label of a DNS name (RFC 1123).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

impl Namespace {
    /// The namespace of a local node, and of a cluster for which no other is set.
    pub const DEFAULT: &str = "clearml";

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Namespace {
    fn default() -> Self {
        Namespace(Namespace::DEFAULT.to_owned())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if is_label(text) {
            return Ok(Namespace(text.to_owned()));
        }
        Err(format!(
            "invalid namespace `{text}`: expected at most {LONGEST_LABEL} lower case letters, \
             digits and `-`, starting and ending with a letter or digit"
        ))
    }
}

impl TryFrom<String> for Namespace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> String {
        namespace.0
    }
}

/// Returns whether a text is a label of a DNS name.
pub(crate) fn is_label(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !text.is_empty()
        && text.len() <= LONGEST_LABEL
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_must_be_labels() {
        for valid in [Namespace::DEFAULT, "a", "team-2", &"x".repeat(63)] {
            let parsed = valid.parse::<Namespace>().unwrap();
            assert_eq!(parsed.to_string(), valid);
        }
        let long = "x".repeat(64);
        for invalid in ["", "-a", "a-", "A", "a_b", "a.b", "a/b", &long] {
            assert!(invalid.parse::<Namespace>().is_err(), "{invalid}");
        }
        assert_eq!(
            "team/a".parse::<Namespace>().unwrap_err(),
            "invalid namespace `team/a`: expected at most 63 lower case letters, digits and `-`, \
             starting and ending with a letter or digit"
        );
    }
}
