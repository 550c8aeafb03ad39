//! The user's configuration of Docker's command line (`~/.docker/config.json`): the
//! current context, proxies for containers, and where credentials are stored.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::proxy::Proxies;

/// The part of the file that this program uses. Invalid content counts as missing:
/// reporting it is up to Docker.
#[derive(Debug, Clone, Default)]
pub struct ClientConfig {
    /// The directory of the file, if the user has a home directory.
    pub dir: Option<PathBuf>,
    file: File,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    current_context: String,
    proxies: BTreeMap<String, FileProxies>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct FileProxies {
    http_proxy: String,
    https_proxy: String,
    no_proxy: String,
}

impl ClientConfig {
    /// Reads the file from `DOCKER_CONFIG`, or from `.docker` in `home`. `env` looks up
    /// an environment variable.
    pub fn read(env: impl Fn(&str) -> Option<String>, home: Option<&Path>) -> ClientConfig {
        let dir = env("DOCKER_CONFIG").filter(|value| !value.is_empty());
        let dir = dir
            .map(PathBuf::from)
            .or_else(|| home.map(|home| home.join(".docker")));
        let text = dir
            .as_ref()
            .and_then(|dir| crate::files::read(&dir.join("config.json")).ok()?);
        let file = text.and_then(|text| serde_json::from_str(&text).ok());
        ClientConfig {
            file: file.unwrap_or_default(),
            dir,
        }
    }

    pub fn current_context(&self) -> Option<&str> {
        Some(self.file.current_context.as_str()).filter(|name| !name.is_empty())
    }

    /// Returns the proxies that Docker sets in the containers of the engine at
    /// `endpoint`.
    pub fn proxies(&self, endpoint: &str) -> Proxies {
        let proxies = &self.file.proxies;
        let Some(found) = proxies.get(endpoint).or_else(|| proxies.get("default")) else {
            return Proxies::default();
        };
        let set = [
            ("HTTP_PROXY", &found.http_proxy),
            ("HTTPS_PROXY", &found.https_proxy),
            ("NO_PROXY", &found.no_proxy),
        ];
        let set = set.map(|(name, value)| (name, value.clone()));
        Proxies::of(set).with_source("Docker's config.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ClientConfig {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join(".docker");
        crate::files::create_dir(&dir).unwrap();
        crate::files::write(&dir.join("config.json"), text).unwrap();
        ClientConfig::read(|_| None, Some(home.path()))
    }

    #[test]
    fn proxies_of_the_engine_take_precedence_over_the_default() {
        let config = read(
            r#"{"proxies": {
                "default": {"httpProxy": "http://a:1", "noProxy": "corp"},
                "unix:///x.sock": {"httpsProxy": "http://b:2"}}}"#,
        );
        let of = |endpoint: &str| {
            let variables = config.proxies(endpoint).variables(&[]).into_iter();
            let upper = variables.filter(|(name, _)| name.starts_with(char::is_uppercase));
            upper
                .map(|(name, value)| format!("{name}={value}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            of("unix:///var/run/docker.sock"),
            ["HTTP_PROXY=http://a:1", "NO_PROXY=corp"]
        );
        assert_eq!(
            of("unix:///x.sock"),
            ["HTTPS_PROXY=http://b:2", "NO_PROXY="]
        );
    }

    #[test]
    fn an_invalid_file_counts_as_missing() {
        let config = read("{\"currentContext\": ");
        assert_eq!(config.current_context(), None);
        assert!(config.proxies("").is_empty());
    }
}
