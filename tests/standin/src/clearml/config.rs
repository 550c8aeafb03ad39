//! Configuration from the environment, and what a server demands of it.

use crate::clearml::hocon;
use serde_json::Value;

/// Parts of paths whose values are secrets.
const SECRET_PATHS: &[&str] = &["secure.http.session_secret.", "secure.auth.token_secret"];

/// The `CLEARML__A__B=value` variables as `a.b`, in their order.
#[derive(Debug, Default)]
pub struct Config(Vec<(String, Value)>);

impl Config {
    /// Reads the environment. One malformed value stops the loading of all
    /// configuration, and a mangled secret locks everybody out: both are
    /// errors here, so that a test sees them at once.
    pub fn load(variables: impl Iterator<Item = (String, String)>) -> Result<Self, String> {
        let mut config = Vec::new();
        for (name, text) in variables {
            let Some(path) = name.strip_prefix("CLEARML__") else {
                continue;
            };
            let path = path.to_lowercase().replace("__", ".");
            let value = if is_secret(&path) {
                hocon::check_secret(&text).map_err(|mangled| {
                    format!("failed loading configuration from the environment: {name} does not survive HOCON: {mangled}")
                })?;
                Value::String(text)
            } else {
                hocon::parse(&text).map_err(|error| {
                    format!("failed loading configuration from the environment: {name}: {error}")
                })?
            };
            config.push((path, value));
        }
        Ok(Self(config))
    }

    /// The configuration of this process.
    pub fn of_process() -> Result<Self, String> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::load(variables)
    }

    /// The value at a path.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let mut values = self.0.iter().filter(|(name, _)| name == path);
        values.next_back().map(|(_, value)| value)
    }

    /// The text at a path.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?.as_str()
    }

    /// The first parts of the paths below `prefix`, in the order given.
    pub fn children(&self, prefix: &str) -> Vec<String> {
        let mut children = Vec::new();
        let below = self
            .0
            .iter()
            .filter_map(|(path, _)| path.strip_prefix(prefix));
        for name in below.filter_map(|rest| rest.split('.').next()) {
            if !children.iter().any(|known| known == name) {
                children.push(name.to_owned());
            }
        }
        children
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

/// A variable that has to be there and not be empty.
pub fn demand_variable(name: &str) -> Result<String, String> {
    std::env::var(name)
        .ok()
        .filter(|value| !value.is_empty())
        .ok_or_else(|| format!("the environment lacks {name}"))
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

    fn load(pairs: &[(&str, &str)]) -> Result<Config, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Config::load(pairs.iter().map(owned))
    }

    #[test]
    fn the_prefix_is_upper_case_and_the_rest_is_not_looked_at() {
        let config = load(&[
            ("CLEARML__apiserver__Default_Company", "abc"),
            ("clearml__a", "b"),
        ])
        .unwrap();
        assert_eq!(config.text("apiserver.default_company"), Some("abc"));
        assert_eq!(config.get("a"), None);
    }

    #[test]
    fn a_secret_stays_text_or_is_refused() {
        let name = "CLEARML__SECURE__AUTH__TOKEN_SECRET";
        assert!(load(&[(name, "1E5")]).unwrap_err().contains(name));
        assert!(load(&[("CLEARML__SECURE__CREDENTIALS__SDK__USER_SECRET", "a$b")]).is_err());
        assert!(load(&[("CLEARML__SECURE__CREDENTIALS__SDK__DISPLAY_NAME", "An SDK")]).is_ok());
    }

    #[test]
    fn demands_have_types() {
        let config = load(&[("CLEARML__APISERVER__AUTH__COOKIES__MAX_AGE", "soon")]).unwrap();
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
