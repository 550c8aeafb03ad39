//! What a file says, with the line of each key, and why one cannot be read.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
    /// Which kind of wrong it is.
    pub kind: Kind,
}

/// What is wrong with a file that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is no YAML.
    Syntax,
    /// It is YAML, and means nothing.
    Meaning,
    /// A key stands there twice.
    DuplicateKey,
    /// It is too large, too deep, or grows by its aliases.
    TooLarge,
    /// A key is a number with a fraction.
    FractionKey,
    /// A tag asks for what JSON does not have.
    Tag,
}

/// A document and the lines of its keys and items.
#[derive(Debug, Clone)]
pub struct Located {
    /// What it says.
    pub value: Value,
    pub(super) marks: Marks,
    /// Keys at the top that hold an anchor which an alias names.
    pub(super) anchored: HashSet<String>,
}

/// Where a node is, and what is below it.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    pub(super) line: usize,
    pub(super) below: Below,
    /// A key's own spelling, where it is read as another word.
    pub(super) spelled: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) enum Below {
    Nothing,
    Keys(HashMap<String, Marks>),
    Items(Vec<Marks>),
}

impl Located {
    /// The line (from 1) of the key or item at that path, or of its nearest parent
    /// that is there. An item is `[0]` or `0`.
    pub fn line_of(&self, path: &[&str]) -> Option<usize> {
        let (marks, depth) = self.nearest(path);
        (depth > 0).then_some(marks.line)
    }

    /// How a key is written that YAML reads as another word, such as `on` for `true`.
    pub fn spelling(&self, path: &[&str]) -> Option<&str> {
        let (marks, depth) = self.nearest(path);
        marks.spelled.as_deref().filter(|_| depth == path.len())
    }

    /// Whether a key at the top holds an anchor that is used, as `x-common: &common` in
    /// Compose files does.
    pub fn is_anchored(&self, key: &str) -> bool {
        self.anchored.contains(key)
    }

    /// The marks at that path or of its nearest parent, and the number of steps there.
    fn nearest(&self, path: &[&str]) -> (&Marks, usize) {
        let mut marks = &self.marks;
        for (depth, step) in path.iter().enumerate() {
            let below = match &marks.below {
                Below::Nothing => None,
                Below::Keys(keys) => keys.get(*step),
                Below::Items(items) => index(step).and_then(|index| items.get(index)),
            };
            match below {
                Some(below) => marks = below,
                None => return (marks, depth),
            }
        }
        (marks, path.len())
    }
}

/// The number of an item of a list: `[0]` or `0`.
pub fn index(step: &str) -> Option<usize> {
    let inner = step.strip_prefix('[').and_then(|s| s.strip_suffix(']'));
    inner.unwrap_or(step).parse().ok()
}
