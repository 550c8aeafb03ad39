//! The one entry point to YAML. serde_yaml is archived; serde-saphyr is what
//! the kube crate uses as well, and refuses duplicate keys and YAML bombs. Values
//! files are read with its parser alone ([`located`]), because they mean what they
//! mean to Helm, and errors name lines.

mod located;
mod reader;
mod scalar;
mod syntax;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::located::{Kind, Located, Unreadable, index};
pub use self::reader::located;
pub use self::scalar::number;

/// YAML that makes no sense, with line and column.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// Kubernetes manifests write file modes as `0644`, which is octal in YAML 1.1.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { legacy_octal_numbers: true }
}

fn plainly(error: serde_saphyr::Error) -> Error {
    let text = error.to_string();
    Error(text.lines().next().unwrap_or_default().to_owned())
}

/// Reads a document.
///
/// # Errors
/// When it is no YAML, or not of the type.
pub fn one<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_saphyr::from_str_with_options(text, options()).map_err(plainly)
}

/// Reads all documents; empty ones are left out.
///
/// # Errors
/// When one of them is no YAML.
pub fn documents(text: &str) -> Result<Vec<Value>, Error> {
    let all: Vec<Value> =
        serde_saphyr::from_multiple_with_options(text, options()).map_err(plainly)?;
    Ok(all.into_iter().filter(|value| !value.is_null()).collect())
}

/// Writes a value as a document.
///
/// # Panics
/// When the value cannot be serialised, which plain data can.
pub fn to_string(value: &impl Serialize) -> String {
    let mut text = serde_saphyr::to_string(value).expect("plain data become YAML");
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// The line (from 1) of the key or item at that path, or of its nearest parent that
/// is there. For more than one path: [`located`] once.
pub fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let documents = located(text).ok()?;
    // The last that says it counts.
    let lines = documents.iter().rev().map(|one| one.line_of(path));
    lines.flatten().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_modes_are_octal_and_duplicates_are_refused() {
        let documents = documents("mode: 0644\n---\n# nothing\n---\nother: 1\n").unwrap();
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0]["mode"], 420);
        assert!(one::<Value>("a: 1\na: 2\n").is_err());
    }

    #[test]
    fn bombs_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let last = format!("*a{}", level - 1);
            let row = vec![last; 9].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{row}]\n"));
        }
        assert!(one::<Value>(&bomb).is_err());
    }

    #[test]
    fn keys_are_found_by_their_path() {
        let text =
            "apiserver:\n  # tag: no\n  image:\n    tag: 1\nwebserver:\n  image:\n    tag: 2\n";
        assert_eq!(line_of(text, &["webserver", "image", "tag"]), Some(7));
        assert_eq!(line_of(text, &["apiserver", "image", "tag"]), Some(4));
        assert_eq!(line_of(text, &["apiserver", "nope"]), Some(1));
        assert_eq!(line_of(text, &["nope"]), None);
    }

    #[test]
    fn keys_are_found_however_they_are_written() {
        let text = r#"
flow: {a: 1,
  b: {c: [x, {d: 2}]}}
"quoted.key": &anchor
  one: |
    two: no key
    flow: none
  two: 2
alias: *anchor
list:
- name: A
  value: 1
-
  name: B
merged:
  <<: *anchor
  own: 1
---
list: [1]
"#;
        for (path, line) in [
            (&["flow", "a"][..], 2),
            (&["flow", "b", "c", "[1]", "d"], 3),
            (&["quoted.key", "two"], 8),
            (&["alias"], 9),
            (&["alias", "two"], 8),
            (&["merged", "one"], 5),
            (&["merged", "own"], 17),
            (&["list"], 19),
            (&["list", "0"], 19),
        ] {
            assert_eq!(line_of(text, path), Some(line), "{path:?}");
        }
        let first = &located(text).unwrap()[0];
        assert_eq!(first.line_of(&["list", "[1]", "name"]), Some(14));
        assert_eq!(first.line_of(&["list", "0", "value"]), Some(12));
        assert_eq!(first.line_of(&["list", "7"]), Some(10));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        for (text, line, what) in [
            ("a: 1\nb: {c\n", 2, "`{` is not closed"),
            (
                "a: 1\na: 2\n",
                2,
                "the key `a` stands there twice, first in line 1",
            ),
            ("a:\n  &x b: *x\n", 2, ""),
            ("a: &x [*x]\n", 1, "an alias stands within what it names"),
            (
                "? [a]\n: 1\n",
                1,
                "a list cannot be a key; is a quote or a blank missing?",
            ),
            (
                "a: 1\nb: {{c: d}}\n",
                2,
                "a mapping cannot be a key; is a quote or a blank missing?",
            ),
            ("a: !!int x\n", 1, "`x` is no int"),
            (
                "1.10: x\n",
                1,
                "the key `1.10` is to be text: write it in quotes",
            ),
        ] {
            match located(text) {
                Ok(read) => assert_eq!(what, "", "{text:?} {read:?}"),
                Err(error) => assert!(
                    error.line == line && error.what.contains(what),
                    "{text:?}: {error:?}"
                ),
            }
        }
    }
}
