//! Errors, with their position in the text.

use std::fmt;

use crate::Difference;

/// Why a values file or an argument was rejected.
///
/// It is displayed as `line 3, column 1: duplicate key ...`. [`Error::kind`] is
/// displayed without the position, for callers that format the position themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    pub kind: ErrorKind,
    /// The position in the text. None if the error concerns the text as a whole.
    pub position: Option<Position>,
}

impl Error {
    pub(crate) fn at(position: Position, kind: ErrorKind) -> Error {
        Error {
            kind,
            position: Some(position),
        }
    }

    /// The line of the error, counted from 1.
    pub fn line(&self) -> Option<usize> {
        self.position.map(|position| position.line)
    }

    /// Returns the deliberate difference from Helm that causes the error. None if Helm
    /// rejects the text too.
    pub fn difference(&self) -> Option<Difference> {
        self.kind.difference()
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Error {
        Error {
            kind,
            position: None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position {
            Some(position) => write!(f, "{position}: {}", self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for Error {}

/// A position in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

impl Position {
    /// The position after the first `bytes` of a text.
    pub(crate) fn in_text(text: &str, bytes: usize) -> Position {
        let before = &text[..bytes];
        let line = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position {
            line: 1 + before.matches('\n').count(),
            column: 1 + before[line..].chars().count(),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// The reason for an [`Error`]. Names from the input are displayed in backticks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages describe variants and fields")]
pub enum ErrorKind {
    #[error("input is larger than {} MiB", crate::MAX_BYTES >> 20)]
    InputTooLarge,
    #[error("a key is longer than {0} bytes")]
    KeyTooLong(usize),

    // YAML
    #[error("{0}")]
    Syntax(String),
    #[error("expected a mapping of keys to values, got {0}")]
    NotAMapping(JsonType),
    #[error("duplicate key `{key}`, first used in line {first_line}")]
    DuplicateKey { key: String, first_line: usize },
    #[error("the key `{0}` must be a string: write it in quotes")]
    FractionKey(String),
    #[error("{0} cannot be a key: check for a missing quote or space")]
    InvalidKey(&'static str),
    #[error("an alias refers to a value that contains it")]
    RecursiveAlias,
    #[error("`<<` must be a mapping or a list of mappings")]
    InvalidMergeKey,
    #[error("invalid value for the tag `!!{tag}`: `{text}`")]
    TagMismatch { tag: String, text: String },
    #[error("unsupported tag `!!{0}`")]
    UnsupportedTag(String),
    #[error("unsupported number `{0}`: write it in quotes if it is a string")]
    NotFinite(String),
    #[error("more than {0} nested mappings and lists")]
    TooDeep(usize),
    #[error("more than {0} values, counting aliases")]
    TooManyValues(usize),
    #[error("more than {} MiB of text, counting aliases", .0 >> 20)]
    TooMuchText(usize),

    // `--set` and its variants
    #[error("missing key")]
    MissingKey,
    #[error("missing key at the end")]
    MissingLastKey,
    #[error("missing value for `{0}`: write KEY=VALUE")]
    MissingValue(String),
    #[error("missing value for `{0}` before the comma; write `\\,` for a comma in a value")]
    CommaInKey(String),
    #[error("a key can have at most {0} dots")]
    TooManyDots(usize),
    #[error("cannot set a key of `{name}`: it is {found}")]
    NotAMap { name: String, found: JsonType },
    #[error("cannot set an item of `{name}`: it is {found}")]
    NotAList { name: String, found: JsonType },
    #[error("invalid index `[{0}]`")]
    InvalidIndex(String),
    #[error("index `[{index}]` is too large: the maximum is {max}")]
    IndexTooLarge { index: String, max: usize },
    #[error("missing `]` after `[{0}`")]
    UnclosedIndex(String),
    #[error("expected `=`, `.` or `[` after `]`, got `{0}`")]
    UnexpectedAfterIndex(String),
    #[error("missing value for `[{0}]`")]
    MissingItem(usize),
    #[error("an empty string cannot be the first value of `[{0}]`; use --set-json")]
    EmptyFirstValue(usize),
    #[error("lists can be nested at most {0} levels deep")]
    ListsTooDeep(usize),
    #[error("more than {0} list items")]
    TooManyItems(usize),
    #[error("missing `}}` at the end of the list")]
    UnclosedList,
    #[error("the file `{0}` was not read")]
    MissingFile(String),
    #[error("missing JSON value")]
    MissingJson,
    #[error("invalid JSON at character {character}: {reason}")]
    InvalidJson {
        character: usize,
        reason: String,
        /// Whether Helm's JSON reader accepts it.
        accepted_by_helm: bool,
    },
}

impl ErrorKind {
    fn difference(&self) -> Option<Difference> {
        Some(match self {
            ErrorKind::InputTooLarge
            | ErrorKind::KeyTooLong(_)
            | ErrorKind::TooDeep(_)
            | ErrorKind::TooManyValues(_)
            | ErrorKind::TooMuchText(_) => Difference::TooLarge,
            ErrorKind::Syntax(_) => Difference::Syntax,
            ErrorKind::DuplicateKey { .. } => Difference::DuplicateKey,
            ErrorKind::FractionKey(_) => Difference::FractionKey,
            ErrorKind::InvalidKey(_)
            | ErrorKind::RecursiveAlias
            | ErrorKind::InvalidMergeKey
            | ErrorKind::TagMismatch { .. }
            | ErrorKind::NotFinite(_) => Difference::Replaced,
            ErrorKind::UnsupportedTag(_) => Difference::Tag,
            ErrorKind::MissingKey
            | ErrorKind::MissingLastKey
            | ErrorKind::IndexTooLarge { .. }
            | ErrorKind::UnclosedIndex(_)
            | ErrorKind::MissingItem(_)
            | ErrorKind::EmptyFirstValue(_) => Difference::Dropped,
            ErrorKind::ListsTooDeep(_) | ErrorKind::TooManyItems(_) => Difference::TooManyItems,
            ErrorKind::InvalidJson {
                accepted_by_helm: true,
                ..
            } => Difference::Json,
            ErrorKind::NotAMapping(_)
            | ErrorKind::MissingValue(_)
            | ErrorKind::CommaInKey(_)
            | ErrorKind::TooManyDots(_)
            | ErrorKind::NotAMap { .. }
            | ErrorKind::NotAList { .. }
            | ErrorKind::InvalidIndex(_)
            | ErrorKind::UnexpectedAfterIndex(_)
            | ErrorKind::UnclosedList
            | ErrorKind::MissingFile(_)
            | ErrorKind::MissingJson
            | ErrorKind::InvalidJson { .. } => return None,
        })
    }
}

/// The type of a JSON value, with its article.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of JSON")]
pub enum JsonType {
    Null,
    Boolean,
    Number,
    String,
    List,
    Map,
}

impl From<&serde_json::Value> for JsonType {
    fn from(value: &serde_json::Value) -> JsonType {
        match value {
            serde_json::Value::Null => JsonType::Null,
            serde_json::Value::Bool(_) => JsonType::Boolean,
            serde_json::Value::Number(_) => JsonType::Number,
            serde_json::Value::String(_) => JsonType::String,
            serde_json::Value::Array(_) => JsonType::List,
            serde_json::Value::Object(_) => JsonType::Map,
        }
    }
}

impl fmt::Display for JsonType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JsonType::Null => "null",
            JsonType::Boolean => "a boolean",
            JsonType::Number => "a number",
            JsonType::String => "a string",
            JsonType::List => "a list",
            JsonType::Map => "a map",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters() {
        let position = |line, column| Position { line, column };
        assert_eq!(Position::in_text("ab", 0), position(1, 1));
        assert_eq!(Position::in_text("é\nèa", 5), position(2, 2));
    }

    #[test]
    fn errors_are_displayed_with_their_position() {
        let kind = ErrorKind::DuplicateKey {
            key: "a".into(),
            first_line: 1,
        };
        let error = Error::at(Position { line: 3, column: 5 }, kind);
        let text = "line 3, column 5: duplicate key `a`, first used in line 1";
        assert_eq!(error.to_string(), text);
        let error = Error::from(ErrorKind::InputTooLarge);
        assert_eq!(error.to_string(), "input is larger than 1 MiB");
    }
}
