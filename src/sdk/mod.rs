//! ClearML's SDK: its configuration file `clearml.conf`, and the variables that override it.

mod conf;
mod uses;

use std::path::{Path, PathBuf};

pub(crate) use self::conf::{Conf, Invalid, complete};
pub use self::uses::Uses;
pub(crate) use self::uses::{configured, is_same};

/// The script of `clearml-local example`: a training that needs nothing but the SDK, and records
/// parameters, scalars, a plot, an artifact and a model.
pub(crate) const EXAMPLE: &str = include_str!("first_experiment.py");

/// The variables that take precedence over `clearml.conf`, as of SDK 2.1.
pub(crate) const OVERRIDING: [&str; 5] = [
    API_HOST,
    "CLEARML_WEB_HOST",
    "CLEARML_FILES_HOST",
    "CLEARML_API_ACCESS_KEY",
    "CLEARML_API_SECRET_KEY",
];

const API_HOST: &str = "CLEARML_API_HOST";

/// Returns the file that the SDK reads, with the home directory of the user: the path in
/// `CLEARML_CONFIG_FILE`, which it expands, or `~/clearml.conf`.
pub(crate) fn conf_path(
    environment: impl Fn(&str) -> Option<String>,
    home: Option<&Path>,
) -> Option<PathBuf> {
    match environment("CLEARML_CONFIG_FILE") {
        None => Some(home?.join("clearml.conf")),
        Some(path) => Some(match path.strip_prefix("~/") {
            Some(below) => home?.join(below),
            None => PathBuf::from(path),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_the_one_that_the_sdk_reads() {
        let home = Path::new("/home/me");
        let path = |value: Option<&str>| conf_path(|_| value.map(str::to_owned), Some(home));
        assert_eq!(path(None), Some("/home/me/clearml.conf".into()));
        assert_eq!(path(Some("~/x.conf")), Some("/home/me/x.conf".into()));
        assert_eq!(path(Some("x.conf")), Some("x.conf".into()));
        assert_eq!(conf_path(|_| None, None), None);
    }
}
