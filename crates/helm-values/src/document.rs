//! A YAML document with the line of each key.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::{Error, reader};

/// A YAML document as Helm reads it, with the line of each key and item.
#[derive(Debug, Clone)]
pub struct Document {
    pub value: Value,
    pub(crate) lines: Lines,
}

/// The lines and spellings of the keys of a document.
#[derive(Debug, Clone)]
pub(crate) struct Lines {
    pub(crate) marks: Marks,
    /// Top-level keys whose value contains an anchor that an alias uses.
    pub(crate) anchored: HashSet<String>,
}

/// The line of a node, and the marks of its children.
#[derive(Debug, Clone)]
pub(crate) struct Marks {
    pub(crate) line: usize,
    pub(crate) children: Children,
    /// The spelling of a key that is read as something else.
    pub(crate) spelling: Option<String>,
}

#[derive(Debug, Clone)]
pub(crate) enum Children {
    None,
    Keys(HashMap<String, Marks>),
    Items(Vec<Marks>),
}

impl Document {
    /// Reads all documents of a file, including empty ones.
    pub fn read_all(text: &str) -> Result<Vec<Document>, Error> {
        reader::read(text)
    }

    /// Returns the line (counted from 1) of the key or item at a path, or of its nearest
    /// ancestor. Items of lists are written `[0]` or `0`.
    pub fn line_of(&self, path: &[&str]) -> Option<usize> {
        self.lines.line_of(path)
    }

    /// Returns the spelling of a key that YAML reads as something else, such as `on`,
    /// which becomes `true`.
    pub fn spelling(&self, path: &[&str]) -> Option<&str> {
        self.lines.spelling(path)
    }

    /// Returns whether the value of a top-level key contains an anchor that an alias
    /// uses, such as `x-common: &common` in Compose files.
    pub fn is_anchored(&self, key: &str) -> bool {
        self.lines.is_anchored(key)
    }
}

impl Lines {
    pub(crate) fn line_of(&self, path: &[&str]) -> Option<usize> {
        let (marks, depth) = self.nearest(path);
        (depth > 0).then_some(marks.line)
    }

    pub(crate) fn spelling(&self, path: &[&str]) -> Option<&str> {
        let (marks, depth) = self.nearest(path);
        marks.spelling.as_deref().filter(|_| depth == path.len())
    }

    pub(crate) fn is_anchored(&self, key: &str) -> bool {
        self.anchored.contains(key)
    }

    /// Returns the marks at a path or of its nearest ancestor, and the depth of those.
    fn nearest(&self, path: &[&str]) -> (&Marks, usize) {
        let mut marks = &self.marks;
        for (depth, step) in path.iter().enumerate() {
            let child = match &marks.children {
                Children::None => None,
                Children::Keys(keys) => keys.get(*step),
                Children::Items(items) => index(step).and_then(|index| items.get(index)),
            };
            match child {
                Some(child) => marks = child,
                None => return (marks, depth),
            }
        }
        (marks, path.len())
    }
}

/// Parses an index of a list: `[0]` or `0`.
pub(crate) fn index(step: &str) -> Option<usize> {
    let inner = step.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
    inner.unwrap_or(step).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The line in the last document that has the path.
    fn line_of(text: &str, path: &[&str]) -> Option<usize> {
        let documents = Document::read_all(text).unwrap();
        let lines = documents.iter().rev().map(|one| one.line_of(path));
        lines.flatten().next()
    }

    #[test]
    fn keys_are_found_by_their_path() {
        let text = "server:\n  # tag: no\n  image:\n    tag: 1\nworker:\n  image:\n    tag: 2\n";
        assert_eq!(line_of(text, &["worker", "image", "tag"]), Some(7));
        assert_eq!(line_of(text, &["server", "image", "tag"]), Some(4));
        assert_eq!(line_of(text, &["server", "nope"]), Some(1));
        assert_eq!(line_of(text, &["nope"]), None);
    }

    #[test]
    fn keys_are_found_in_every_notation() {
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
        let first = &Document::read_all(text).unwrap()[0];
        assert_eq!(first.line_of(&["list", "[1]", "name"]), Some(14));
        assert_eq!(first.line_of(&["list", "0", "value"]), Some(12));
        assert_eq!(first.line_of(&["list", "7"]), Some(10));
    }

    #[test]
    fn records_spellings_and_used_anchors() {
        let text = "on: 1\nx-used: &used {a: 1}\nx-unused: &unused {}\nb: *used\n";
        let document = &Document::read_all(text).unwrap()[0];
        assert_eq!(document.spelling(&["true"]), Some("on"));
        assert_eq!(document.spelling(&["b"]), None);
        assert!(document.is_anchored("x-used"));
        assert!(!document.is_anchored("x-unused"));
    }

    #[test]
    fn errors_name_line_and_reason() {
        for (text, line, reason) in [
            ("a: 1\nb: {c\n", 2, "`{` is not closed"),
            ("a: 1\na: 2\n", 2, "duplicate key `a`, first used in line 1"),
            ("a:\n  &x b: *x\n", 2, ""),
            (
                "a: &x [*x]\n",
                1,
                "an alias refers to a value that contains it",
            ),
            (
                "? [a]\n: 1\n",
                1,
                "a list cannot be a key: check for a missing quote or space",
            ),
            (
                "a: 1\nb: {{c: d}}\n",
                2,
                "a mapping cannot be a key: check for a missing quote or space",
            ),
            ("a: !!int x\n", 1, "invalid value for the tag `!!int`: `x`"),
            (
                "1.10: x\n",
                1,
                "the key `1.10` must be a string: write it in quotes",
            ),
        ] {
            match Document::read_all(text) {
                Ok(read) => assert_eq!(reason, "", "{text:?} {read:?}"),
                Err(error) => assert!(
                    error.line() == Some(line) && error.kind.to_string().contains(reason),
                    "{text:?}: {error:?}"
                ),
            }
        }
    }

    #[test]
    fn errors_name_the_column() {
        let column = |text| {
            let error = Document::read_all(text).unwrap_err();
            error.position.unwrap().column
        };
        assert_eq!(column("a:\n  é: 1\n  é: 2\n"), 3);
        assert_eq!(column("a: !!int x\n"), 10);
    }
}
