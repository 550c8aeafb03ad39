//! Paths of the host: one type for every path from a user or the engine, absolute and
//! clean, so that different spellings of a path compare as equal.

use std::fmt;
use std::ops::Deref;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An absolute path without `.`, `..`, `~`, or doubled and trailing slashes.
///
/// It is cleaned as text, as the engine does for the sources of mounts: symbolic links
/// are not resolved.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostPath(PathBuf);

impl HostPath {
    /// Resolves a path from a user: `~` is `home`, and a relative path starts at
    /// `base`.
    pub fn resolve(
        input: &Path,
        base: Option<&Path>,
        home: Option<&Path>,
    ) -> Result<HostPath, Error> {
        let mut parts = input.components();
        let path = match parts.next() {
            None => return Err(Error::Empty),
            Some(Component::Normal(first)) if first == "~" => {
                home.ok_or(Error::NoHome)?.join(parts.as_path())
            }
            Some(Component::Normal(first)) if first.as_encoded_bytes().starts_with(b"~") => {
                return Err(Error::OtherHome {
                    user: first.to_string_lossy().into_owned(),
                });
            }
            _ if input.is_absolute() => input.to_owned(),
            _ => base.ok_or(Error::NoWorkingDirectory)?.join(input),
        };
        Ok(HostPath::from(path))
    }
}

/// The path must be absolute.
impl From<PathBuf> for HostPath {
    fn from(path: PathBuf) -> Self {
        let mut clean = PathBuf::from("/");
        for part in path.components() {
            match part {
                Component::ParentDir => {
                    clean.pop();
                }
                Component::Normal(name) => clean.push(name),
                Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
            }
        }
        HostPath(clean)
    }
}

impl From<&Path> for HostPath {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}

impl FromStr for HostPath {
    type Err = Error;

    fn from_str(input: &str) -> Result<Self, Error> {
        let base = std::env::current_dir().ok();
        let home = dirs::home_dir();
        HostPath::resolve(Path::new(input), base.as_deref(), home.as_deref())
    }
}

impl TryFrom<String> for HostPath {
    type Error = Error;

    fn try_from(input: String) -> Result<Self, Error> {
        input.parse()
    }
}

impl From<HostPath> for String {
    fn from(path: HostPath) -> String {
        path.to_string()
    }
}

impl Deref for HostPath {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl AsRef<Path> for HostPath {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// Quotes a path for a shell command in a hint.
pub fn quoted(path: impl AsRef<Path>) -> String {
    let text = path.as_ref().display().to_string();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+,:=@%".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("the path is empty")]
    Empty,
    /// `~user`, which only a shell can expand.
    #[error(
        "`{user}` is another user's home: write the path in full, or `./{user}` for a directory of that name"
    )]
    OtherHome { user: String },
    #[error("`~` cannot be expanded: there is no home directory")]
    NoHome,
    #[error("the working directory does not exist: write the path in full")]
    NoWorkingDirectory,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(input: &str) -> Result<String, String> {
        let (base, home) = (Path::new("/srv/here"), Path::new("/home/me"));
        HostPath::resolve(Path::new(input), Some(base), Some(home))
            .map(String::from)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn different_spellings_become_the_same_path() {
        for input in [
            "data",
            "./data/",
            "data/.",
            "x/../data",
            "../here/data",
            "/srv//here/data/",
            "/../srv/here/./data",
        ] {
            assert_eq!(resolve(input).unwrap(), "/srv/here/data", "{input}");
        }
    }

    #[test]
    fn a_tilde_is_expanded_only_at_the_start() {
        for (input, path) in [
            ("~", "/home/me"),
            ("~/", "/home/me"),
            ("~/data/", "/home/me/data"),
            ("~/../you", "/home/you"),
            ("./~", "/srv/here/~"),
            ("./~bob", "/srv/here/~bob"),
            ("a~", "/srv/here/a~"),
            ("/srv/~/data", "/srv/~/data"),
        ] {
            assert_eq!(resolve(input).unwrap(), path, "{input}");
        }
    }

    #[test]
    fn refuses_paths_that_cannot_be_resolved() {
        assert_eq!(resolve("").unwrap_err(), "the path is empty");
        assert_eq!(
            resolve("~bob/data").unwrap_err(),
            "`~bob` is another user's home: write the path in full, or `./~bob` for a directory of that name"
        );
        let without = |input: &str| HostPath::resolve(Path::new(input), None, None);
        assert_eq!(without("~/data"), Err(Error::NoHome));
        assert_eq!(without("data"), Err(Error::NoWorkingDirectory));
        assert_eq!(without("/data/").unwrap().to_string(), "/data");
    }

    #[test]
    fn cleans_a_path_stored_by_an_earlier_version() {
        let kept: HostPath = serde_json::from_str(r#""/home/me/./data/""#).unwrap();
        assert_eq!(kept, HostPath::from(Path::new("/home/me/data")));
        assert_eq!(serde_json::to_string(&kept).unwrap(), r#""/home/me/data""#);
    }

    #[test]
    fn quotes_paths_that_a_shell_would_split_or_expand() {
        for (path, word) in [
            ("/srv/clearml-data_1.0", "/srv/clearml-data_1.0"),
            ("/srv/a:b", "/srv/a:b"),
            ("/srv/größe", "/srv/größe"),
            ("/srv/my data", "'/srv/my data'"),
            ("/srv/$HOME", "'/srv/$HOME'"),
            ("/srv/it's", r"'/srv/it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(path), word);
        }
    }
}
