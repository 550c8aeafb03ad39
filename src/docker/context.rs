//! Which engine to talk to, in the order of Docker's own command: `DOCKER_HOST`,
//! `DOCKER_CONTEXT`, the current context of its configuration, the default
//! socket. bollard 0.21 knows no contexts (fussybeaver/bollard#724 is on 0.22).

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{ClientConfig, Error};

/// Where the default engine listens.
const DEFAULT_SOCKET: &str = "unix:///var/run/docker.sock";

/// An engine's address and what named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Such as `unix:///var/run/docker.sock`.
    pub address: String,
    /// Such as `DOCKER_HOST` or ``context `colima` ``.
    pub chosen_by: String,
}

impl Endpoint {
    /// Whether the engine is on this machine: a socket, a pipe, or loopback.
    pub fn is_local(&self) -> bool {
        let Some((scheme, rest)) = self.address.split_once("://") else {
            return self.address.starts_with('/');
        };
        match scheme {
            "unix" | "npipe" => true,
            "tcp" | "http" => {
                let host = rest.split('/').next().unwrap_or_default();
                let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
                matches!(host, "localhost" | "127.0.0.1" | "[::1]" | "")
            }
            _ => false,
        }
    }
}

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Endpoints")]
    endpoints: std::collections::BTreeMap<String, MetaEndpoint>,
}

#[derive(Deserialize)]
struct MetaEndpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

/// Finds the engine's address. `env` looks up an environment variable.
///
/// # Errors
/// [`Error::Context`] when the context that is asked for is not there.
pub fn find_endpoint(
    env: impl Fn(&str) -> Option<String>,
    config: &ClientConfig,
) -> Result<Endpoint, Error> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(address) = set("DOCKER_HOST") {
        return Ok(Endpoint {
            address,
            chosen_by: "DOCKER_HOST".into(),
        });
    }
    let context = set("DOCKER_CONTEXT")
        .or_else(|| config.current_context().map(str::to_owned))
        .filter(|name| name != "default");
    match (context, &config.dir) {
        (Some(name), Some(dir)) => context_endpoint(dir, &name),
        _ => Ok(Endpoint {
            address: DEFAULT_SOCKET.into(),
            chosen_by: "the default socket".into(),
        }),
    }
}

fn context_endpoint(config_dir: &Path, name: &str) -> Result<Endpoint, Error> {
    let folder: String = Sha256::digest(name.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let path = config_dir
        .join("contexts/meta")
        .join(folder)
        .join("meta.json");
    let broken = |reason: String| Error::Context {
        name: name.to_owned(),
        reason,
    };
    let text = crate::files::read(&path)
        .map_err(|error| broken(error.to_string()))?
        .ok_or_else(|| broken("there is no such context".into()))?;
    let meta: Meta = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
    let host = meta
        .endpoints
        .get("docker")
        .map(|endpoint| endpoint.host.clone())
        .filter(|host| !host.is_empty())
        .ok_or_else(|| broken("it names no Docker engine".into()))?;
    Ok(Endpoint {
        address: host,
        chosen_by: format!("context `{name}`"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(vars: &[(&str, &str)], home: &Path) -> Result<Endpoint, Error> {
        let vars: Vec<(String, String)> = vars
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let env = |name: &str| {
            vars.iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone())
        };
        find_endpoint(env, &ClientConfig::read(env, Some(home)))
    }

    fn home_with_context() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        let docker = home.path().join(".docker");
        // The folder's name is the SHA-256 of `colima`, as Docker writes it.
        let meta = docker
            .join("contexts/meta/f24fd3749c1368328e2b149bec149cb6795619f244c5b584e844961215dadd16");
        crate::files::create_dir(&meta).unwrap();
        crate::files::write(
            &meta.join("meta.json"),
            r#"{"Name":"colima","Endpoints":{"docker":{"Host":"unix:///colima.sock"}}}"#,
        )
        .unwrap();
        crate::files::write(
            &docker.join("config.json"),
            r#"{"currentContext":"colima","auths":{}}"#,
        )
        .unwrap();
        home
    }

    #[test]
    fn docker_host_wins_over_contexts() {
        let home = home_with_context();
        let found = with(
            &[("DOCKER_HOST", "unix:///x.sock"), ("DOCKER_CONTEXT", "no")],
            home.path(),
        )
        .unwrap();
        assert_eq!(found.address, "unix:///x.sock");
    }

    #[test]
    fn the_current_context_is_used() {
        let home = home_with_context();
        let found = with(&[], home.path()).unwrap();
        assert_eq!(found.address, "unix:///colima.sock");
        assert_eq!(found.chosen_by, "context `colima`");
    }

    #[test]
    fn the_default_context_is_the_default_socket() {
        let home = home_with_context();
        let found = with(&[("DOCKER_CONTEXT", "default")], home.path()).unwrap();
        assert_eq!(found.address, DEFAULT_SOCKET);
    }

    #[test]
    fn a_missing_context_is_named() {
        let home = home_with_context();
        let error = with(&[("DOCKER_CONTEXT", "nope")], home.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the Docker context `nope` cannot be used: there is no such context"
        );
    }

    #[test]
    fn only_engines_of_this_machine_are_local() {
        let local = |address: &str| {
            Endpoint {
                address: address.into(),
                chosen_by: String::new(),
            }
            .is_local()
        };
        assert!(local("unix:///var/run/docker.sock"));
        assert!(local("tcp://127.0.0.1:2375"));
        assert!(!local("tcp://10.0.0.3:2375"));
        assert!(!local("ssh://user@host"));
    }
}
