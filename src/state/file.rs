//! Reads the files that we write. Anything may have happened to them: they can be torn, empty,
//! replaced by something else, or written by a later version.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use crate::files::{self, Own};

/// The format that this version writes and reads. Files do not name it; a later version that
/// writes what this one must not read as its own names a higher one.
const FORMAT: u64 = 1;

#[derive(Deserialize)]
struct Header {
    format: u64,
}

/// Returns the text of a file, or `None` if it does not exist.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, Error> {
    // The data directory may be one that everyone can write to.
    files::refuse_planted(path)?;
    match files::read_own(path)? {
        Own::Missing => Ok(None),
        Own::Text(text) => Ok(Some(text)),
        Own::Other(what) => Err(broken(path, format!("it is {what}"))),
    }
}

/// Returns the text of a file that can be written again. One that is damaged counts as missing.
pub(super) fn read_cached(path: &Path) -> Result<Option<String>, Error> {
    match read_text(path) {
        Err(Error::Broken { path, reason }) => {
            tracing::warn!(path = %path.display(), reason, "ignoring a damaged file");
            Ok(None)
        }
        result => result,
    }
}

/// Returns the content of a JSON file, or `None` if it does not exist.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    match read_text(path)? {
        Some(text) => parse(path, &text).map(Some),
        None => Ok(None),
    }
}

/// Returns the format of a text that a later version wrote and this one must neither read nor
/// replace.
pub fn later_format(text: &str) -> Option<u64> {
    let header = serde_json::from_str::<Header>(text).ok()?;
    (header.format > FORMAT).then_some(header.format)
}

/// Returns whether a later version wrote a stored text, which this one must neither read nor
/// replace.
pub fn is_later(text: &str) -> bool {
    later_format(text).is_some()
}

/// Reads the copy of a file from another place, such as the cluster. A damaged one counts as
/// missing, as does one of a later version.
pub fn read_copy<T: DeserializeOwned>(text: &str) -> Option<T> {
    (!is_later(text))
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    if text.trim().is_empty() {
        return Err(broken(path, "it is empty".into()));
    }
    if let Some(format) = later_format(text) {
        let path = path.to_owned();
        return Err(Error::Newer { path, format });
    }
    serde_json::from_str(text).map_err(|error| {
        broken(
            path,
            match error.is_eof() {
                true => format!("it is incomplete: {error}"),
                false => error.to_string(),
            },
        )
    })
}

fn broken(path: &Path, reason: String) -> Error {
    Error::Broken {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_what_is_wrong_with_a_file() {
        for (text, expected) in [
            ("", "it is empty"),
            ("{\"a\":", "it is incomplete: EOF while parsing"),
            ("{\"a\": \"b\"}", "invalid type: string"),
        ] {
            let read: Result<BTreeMap<String, u64>, Error> = parse(Path::new("/file"), text);
            let error = read.unwrap_err().to_string();
            let expected = format!("invalid state file /file: {expected}");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn a_later_format_is_never_read_as_ours() {
        let read = |text: &str| parse::<BTreeMap<String, u64>>(Path::new("/file"), text);
        assert!(read(r#"{"format": 1, "a": 1}"#).is_ok());
        let error = read(r#"{"format": 2, "a": "later"}"#).unwrap_err();
        assert!(matches!(error, Error::Newer { format: 2, .. }), "{error}");
        let copy = |text: &str| read_copy::<BTreeMap<String, u64>>(text);
        assert!(copy(r#"{"a": 1}"#).is_some());
        assert_eq!(copy(r#"{"format": 2, "a": 1}"#), None);
    }
}
