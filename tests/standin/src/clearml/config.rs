//! Configuration from files and the environment, and what a server demands of
//! it.

use crate::clearml::{hocon, log, secret_words};
use serde_json::{Map, Value};
use std::path::PathBuf;

/// Parts of paths whose values are secrets.
const SECRET_PATHS: &[&str] = &["secure.http.session_secret.", "secure.auth.token_secret"];

/// Where files are looked for without `CLEARML_CONFIG_DIR`.
const DEFAULT_DIRECTORIES: &str = "/opt/trains/config:/opt/clearml/config";

/// What the files say, with the `CLEARML__A__B=value` variables over it as
/// `a.b`.
#[derive(Debug, Default)]
pub struct Config(Value);

/// A configuration file.
pub struct File {
    pub path: PathBuf,
    pub text: String,
}

impl Config {
    /// Merges files, later ones over earlier ones, and variables over them all.
    /// The name of a file is the root of its paths: `apiserver.conf`.
    ///
    /// One malformed file or value stops the loading of all configuration, and
    /// a mangled secret locks everybody out: all are errors here, so that a
    /// test sees them at once.
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

    /// The configuration of this process.
    pub fn of_process() -> Result<Self, String> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let directories = std::env::var("CLEARML_CONFIG_DIR");
        let directories = directories.as_deref().unwrap_or(DEFAULT_DIRECTORIES);
        Self::load(files(directories)?, variables)
    }

    /// The value at a path.
    pub fn get(&self, path: &str) -> Option<&Value> {
        path.split('.')
            .try_fold(&self.0, |value, key| value.get(key))
    }

    /// The text at a path.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// The flag at a path.
    pub fn flag(&self, path: &str, default: bool) -> bool {
        self.get(path).and_then(Value::as_bool).unwrap_or(default)
    }

    /// The number at a path.
    pub fn number(&self, path: &str, default: u64) -> u64 {
        self.get(path).and_then(Value::as_u64).unwrap_or(default)
    }

    /// The names at a path, in the order given.
    pub fn children(&self, path: &str) -> Vec<String> {
        let object = self.get(path).and_then(Value::as_object);
        object
            .map(|object| object.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// Checks that a path has a value of the right kind.
    pub fn demand(&self, path: &str, kind: &str) -> Result<(), String> {
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

/// The `*.conf` files of a colon list of directories. One that is not there is
/// only warned of.
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

/// A variable that has to be there and not be empty.
pub fn demand_variable(name: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("the environment lacks {name}"))
}

/// A variable that is not empty.
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// `host:port` of a database, from `CLEARML_<NAME>_SERVICE_HOST` and `_PORT`.
pub fn demand_service(name: &str) -> Result<String, String> {
    let host = demand_variable(&format!("CLEARML_{name}_SERVICE_HOST"))?;
    let port_name = format!("CLEARML_{name}_SERVICE_PORT");
    let port: u16 = demand_variable(&port_name)?
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
    fn the_prefix_is_upper_case_and_the_rest_is_not_looked_at() {
        let pairs = [
            ("CLEARML__apiserver__Default_Company", "abc"),
            ("clearml__a", "b"),
        ];
        let config = load(&[], &pairs).unwrap();
        assert_eq!(config.text("apiserver.default_company"), Some("abc"));
        assert_eq!(config.get("a"), None);
    }

    #[test]
    fn files_are_merged_and_variables_win() {
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
    fn a_file_that_does_not_parse_stops_everything() {
        let files = [("/a/apiserver.conf", "auth {\n  cookies = ]\n}")];
        let error = load(&files, &[]).unwrap_err();
        assert!(
            error.ends_with("/a/apiserver.conf: line 2: a value is missing"),
            "{error}"
        );
    }

    #[test]
    fn a_secret_stays_text_or_is_refused() {
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
    fn demands_have_types() {
        let pairs = [("CLEARML__APISERVER__AUTH__COOKIES__MAX_AGE", "soon")];
        let config = load(&[], &pairs).unwrap();
        assert!(
            config
                .demand("apiserver.auth.cookies.max_age", "int")
                .unwrap_err()
                .contains("not of type int")
        );
        assert!(
            config
                .demand("apiserver.default_company", "text")
                .unwrap_err()
                .contains("lacks CLEARML__APISERVER__DEFAULT_COMPANY")
        );
    }
}
