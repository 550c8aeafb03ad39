//! Configuration from files and the environment, and the settings that a server
//! requires.

use crate::clearml::{hocon, log, secret_words};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Prefixes of paths whose values are secrets.
const SECRET_PATHS: &[&str] = &["secure.http.session_secret.", "secure.auth.token_secret"];

/// The directories without `CLEARML_CONFIG_DIR`.
const DEFAULT_DIRECTORIES: &str = "/opt/trains/config:/opt/clearml/config";

/// The merged files, overridden by `CLEARML__A__B=value` variables as `a.b`.
#[derive(Debug, Default)]
pub struct Config(Value);

pub struct File {
    pub path: PathBuf,
    pub text: String,
}

impl Config {
    /// Merges files, where later ones take precedence, and variables, which take
    /// precedence over all files. The name of a file is the root of its paths:
    /// `apiserver.conf`.
    ///
    /// In the real server, one malformed file or value prevents the loading of all
    /// configuration, and a mangled secret locks everybody out. Both are errors here,
    /// so that a test notices them.
    pub fn load(
        files: impl IntoIterator<Item = File>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, String> {
        let mut config = Value::Object(Map::new());
        for File { path, text } in files {
            let root = path.file_stem().unwrap_or_default().to_string_lossy();
            let value = hocon::document(&text).map_err(|error| {
                format!("failed loading configuration: {}: {error}", path.display())
            })?;
            hocon::merge(&mut config, hocon::nested(&[root.into_owned()], value));
        }
        let mut variables: Vec<_> = variables.into_iter().collect();
        variables.sort();
        for (name, text) in variables {
            let Some(path) = name.strip_prefix("CLEARML__") else {
                continue;
            };
            let path = path.to_lowercase().replace("__", ".");
            let value = if is_secret(&path) {
                secret_words::check_secret(&text).map_err(|mangled| {
                    format!("failed loading configuration from the environment: {name} does not survive HOCON: {mangled}")
                })?;
                Value::String(text)
            } else {
                hocon::value(&text).map_err(|error| {
                    format!("failed loading configuration from the environment: {name}: {error}")
                })?
            };
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            hocon::merge(&mut config, hocon::nested(&path, value));
        }
        Ok(Self(config))
    }

    /// Reads the configuration of this process.
    pub fn of_process() -> Result<Self, String> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let directories = std::env::var("CLEARML_CONFIG_DIR");
        let directories = directories.as_deref().unwrap_or(DEFAULT_DIRECTORIES);
        Self::load(files(directories)?, variables)
    }

    pub fn get(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(&self.0, |value, key| value.get(key))
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    pub fn flag(&self, path: &str, default: bool) -> bool {
        self.get(path).and_then(Value::as_bool).unwrap_or(default)
    }

    pub fn number(&self, path: &str, default: u64) -> u64 {
        self.get(path).and_then(Value::as_u64).unwrap_or(default)
    }

    /// Returns the keys at a path in their order.
    pub fn children(&self, path: &str) -> Vec<String> {
        let object = self.get(path).and_then(Value::as_object);
        object
            .map(|object| object.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Checks that a path has a value of the right type.
    pub fn require(&self, path: &str, kind: &str) -> Result<(), String> {
        let variable = format!("CLEARML__{}", path.to_uppercase().replace('.', "__"));
        let fits = match self.get(path) {
            None => return Err(format!("the environment lacks {variable}")),
            Some(value) => match kind {
                "bool" => value.is_boolean(),
                "int" => value.is_i64(),
                _ => value.is_string(),
            },
        };
        fits.then_some(())
            .ok_or_else(|| format!("{variable} is not of type {kind}"))
    }
}

/// Reads the `*.conf` files in a colon-separated list of directories. A missing
/// directory only causes a warning.
fn files(directories: &str) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    for directory in directories.split(':') {
        let Ok(entries) = std::fs::read_dir(directory) else {
            let message = format!("no such directory in CLEARML_CONFIG_DIR: {directory}");
            log("WARNING", "clearml.config", &message);
            continue;
        };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            if path.extension().is_some_and(|end| end == "conf") && path.is_file() {
                let message = format!("loading {}", path.display());
                log("INFO", "clearml.config", &message);
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                files.push(File { path, text });
            }
        }
    }
    Ok(files)
}

/// Returns a variable that must be set and not empty.
pub fn require_variable(name: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("the environment lacks {name}"))
}

/// Returns a variable that is not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns `host:port` of a database from `CLEARML_<NAME>_SERVICE_HOST` and `_PORT`.
pub fn require_service(name: &str) -> Result<String, String> {
    let host = require_variable(&format!("CLEARML_{name}_SERVICE_HOST"))?;
    let port_name = format!("CLEARML_{name}_SERVICE_PORT");
    let port: u16 = require_variable(&port_name)?
        .parse()
        .map_err(|_| format!("{port_name} is not a port"))?;
    Ok(format!("{host}:{port}"))
}

fn is_secret(path: &str) -> bool {
    SECRET_PATHS.iter().any(|prefix| path.starts_with(prefix))
        || path.starts_with("secure.credentials.")
            && (path.ends_with(".user_key") || path.ends_with(".user_secret"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &str)], pairs: &[(&str, &str)]) -> Result<Config, String> {
        let files = files.iter().map(|(path, text)| File {
            path: PathBuf::from(path),
            text: (*text).to_owned(),
        });
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Config::load(files, pairs.iter().map(owned))
    }

    #[test]
    fn only_the_prefix_must_be_upper_case() {
        let pairs = [
            ("CLEARML__apiserver__Default_Company", "abc"),
            ("clearml__a", "b"),
        ];
        let config = load(&[], &pairs).unwrap();
        assert_eq!(config.text("apiserver.default_company"), Some("abc"));
        assert_eq!(config.get("a"), None);
    }

    #[test]
    fn files_are_merged_and_variables_take_precedence() {
        let files = [
            (
                "/a/services.conf",
                "tasks.watchdog { enabled: true, threshold_sec: 60 }",
            ),
            ("/b/services.conf", "tasks { watchdog.threshold_sec = 90 }"),
            ("/b/apiserver.conf", "default_company: file"),
        ];
        let pairs = [("CLEARML__APISERVER__DEFAULT_COMPANY", "variable")];
        let config = load(&files, &pairs).unwrap();
        assert!(config.flag("services.tasks.watchdog.enabled", false));
        assert_eq!(
            config.number("services.tasks.watchdog.threshold_sec", 0),
            90
        );
        assert_eq!(config.text("apiserver.default_company"), Some("variable"));
        assert_eq!(config.children("services.tasks"), ["watchdog"]);
    }

    #[test]
    fn an_invalid_file_is_an_error() {
        let files = [("/a/apiserver.conf", "auth {\n  cookies = ]\n}")];
        let error = load(&files, &[]).unwrap_err();
        assert!(
            error.ends_with("/a/apiserver.conf: line 2: a value is missing"),
            "{error}"
        );
    }

    #[test]
    fn a_secret_is_a_string_or_rejected() {
        let name = "CLEARML__SECURE__AUTH__TOKEN_SECRET";
        let sdk = |field: &str, value: &str| {
            let name = format!("CLEARML__SECURE__CREDENTIALS__SDK__{field}");
            load(&[], &[(&name, value)])
        };
        assert!(load(&[], &[(name, "1E5")]).unwrap_err().contains(name));
        assert!(sdk("USER_SECRET", "a$b").is_err());
        assert!(sdk("DISPLAY_NAME", "An SDK").is_ok());
    }

    #[test]
    fn required_settings_have_types() {
        let pairs = [("CLEARML__APISERVER__AUTH__COOKIES__MAX_AGE", "soon")];
        let config = load(&[], &pairs).unwrap();
        assert!(
            config
                .require("apiserver.auth.cookies.max_age", "int")
                .unwrap_err()
                .contains("not of type int")
        );
        assert!(
            config
                .require("apiserver.default_company", "text")
                .unwrap_err()
                .contains("lacks CLEARML__APISERVER__DEFAULT_COMPANY")
        );
    }
}
