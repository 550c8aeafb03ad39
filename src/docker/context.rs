//! Selects the engine in the order of Docker's own command line: `DOCKER_HOST`,
//! `DOCKER_CONTEXT`, the current context of its configuration, the default socket.
//! bollard 0.21 does not support contexts (fussybeaver/bollard#724 is in 0.22).

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Address, ClientConfig, Error, Tls};

/// The address of an engine, and the setting that chose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub address: Address,
    /// The TLS settings, if it is reached through TLS.
    pub tls: Option<Tls>,
    /// Such as `DOCKER_HOST` or ``context `colima` ``.
    pub chosen_by: String,
}

impl Endpoint {
    /// Creates the endpoint for an address. `tls` is ignored unless it is a TCP port.
    pub fn new(text: &str, chosen_by: &str, tls: Option<Tls>) -> Result<Endpoint, Error> {
        let address = Address::parse(text, tls.is_some()).map_err(|reason| Error::Address {
            address: text.to_owned(),
            chosen_by: chosen_by.to_owned(),
            reason,
        })?;
        let tls = tls.filter(|_| matches!(address, Address::Tcp { .. }));
        Ok(Endpoint {
            address,
            tls,
            chosen_by: chosen_by.to_owned(),
        })
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
    #[serde(rename = "SkipTLSVerify", default)]
    skip_tls_verify: bool,
}

/// Finds the address of the engine. `env` looks up an environment variable.
///
/// # Errors
/// [`Error::Context`] if the selected context does not exist, [`Error::Address`] if an
/// address is invalid.
pub fn find_endpoint(
    env: impl Fn(&str) -> Option<String>,
    config: &ClientConfig,
) -> Result<Endpoint, Error> {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(address) = set("DOCKER_HOST") {
        let verify = set("DOCKER_TLS_VERIFY").is_some();
        let use_tls = verify || set("DOCKER_TLS").is_some() || address.starts_with("https://");
        let dir = set("DOCKER_CERT_PATH").map(PathBuf::from);
        let dir = dir.or_else(|| config.dir.clone()).unwrap_or_default();
        let verify = verify || set("DOCKER_TLS").is_none();
        let tls = use_tls.then_some(Tls { dir, verify });
        return Endpoint::new(&address, "DOCKER_HOST", tls);
    }
    let context = set("DOCKER_CONTEXT")
        .or_else(|| config.current_context().map(str::to_owned))
        .filter(|name| name != "default");
    match (context, &config.dir) {
        (Some(name), Some(dir)) => context_endpoint(dir, &name),
        _ => Ok(Endpoint {
            address: Address::default_socket(),
            tls: None,
            chosen_by: "the default socket".into(),
        }),
    }
}

fn context_endpoint(config_dir: &Path, name: &str) -> Result<Endpoint, Error> {
    let dir_name = hex::encode(Sha256::digest(name.as_bytes()));
    let path = config_dir
        .join("contexts/meta")
        .join(&dir_name)
        .join("meta.json");
    let broken = |reason: String| Error::Context {
        name: name.to_owned(),
        reason,
    };
    let text = crate::files::read(&path)
        .map_err(|error| broken(error.to_string()))?
        .ok_or_else(|| broken("the context does not exist".into()))?;
    let meta: Meta = serde_json::from_str(&text).map_err(|error| broken(error.to_string()))?;
    let endpoint = meta.endpoints.get("docker");
    let endpoint = endpoint
        .filter(|endpoint| !endpoint.host.is_empty())
        .ok_or_else(|| broken("it has no Docker endpoint".into()))?;
    let dir = config_dir
        .join("contexts/tls")
        .join(dir_name)
        .join("docker");
    let by_tls = endpoint.skip_tls_verify || Tls::has_files(&dir);
    let tls = by_tls.then_some(Tls {
        dir,
        verify: !endpoint.skip_tls_verify,
    });
    Endpoint::new(&endpoint.host, &format!("context `{name}`"), tls)
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
        // The name of the directory is the SHA-256 of `colima`, as in Docker.
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
    fn docker_host_takes_precedence_over_contexts() {
        let home = home_with_context();
        let found = with(
            &[("DOCKER_HOST", "unix:///x.sock"), ("DOCKER_CONTEXT", "no")],
            home.path(),
        )
        .unwrap();
        assert_eq!(found.address.to_string(), "unix:///x.sock");
    }

    #[test]
    fn the_current_context_is_used() {
        let home = home_with_context();
        let found = with(&[], home.path()).unwrap();
        assert_eq!(found.address.to_string(), "unix:///colima.sock");
        assert_eq!(found.chosen_by, "context `colima`");
    }

    #[test]
    fn the_default_context_is_the_default_socket() {
        let home = home_with_context();
        let found = with(&[("DOCKER_CONTEXT", "default")], home.path()).unwrap();
        assert_eq!(found.address, Address::default_socket());
    }

    #[test]
    fn a_missing_context_is_reported() {
        let home = home_with_context();
        let error = with(&[("DOCKER_CONTEXT", "nope")], home.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot use the Docker context `nope`: the context does not exist"
        );
    }

    #[test]
    fn tls_settings_are_read_from_dockers_variables() {
        let home = tempfile::tempdir().unwrap();
        let of = |vars: &[(&str, &str)]| with(vars, home.path()).unwrap();
        let host = ("DOCKER_HOST", "tcp://127.0.0.1");
        let plain = of(&[host, ("DOCKER_TLS_VERIFY", "")]);
        assert_eq!(plain.tls, None);
        assert_eq!(plain.address.to_string(), "tcp://127.0.0.1:2375");
        let verified = of(&[host, ("DOCKER_TLS_VERIFY", "1")]);
        assert_eq!(verified.address.to_string(), "tcp://127.0.0.1:2376");
        let dir = home.path().join(".docker");
        assert_eq!(verified.tls, Some(Tls { dir, verify: true }));
        let skipped = of(&[host, ("DOCKER_TLS", "1"), ("DOCKER_CERT_PATH", "/certs")]);
        let dir = PathBuf::from("/certs");
        assert_eq!(skipped.tls, Some(Tls { dir, verify: false }));
        let socket = of(&[("DOCKER_HOST", "unix:///x"), ("DOCKER_TLS_VERIFY", "1")]);
        assert_eq!(socket.tls, None);
    }

    #[test]
    fn a_context_has_its_own_certificates() {
        let home = home_with_context();
        let docker = home.path().join(".docker");
        let dir_name = "f24fd3749c1368328e2b149bec149cb6795619f244c5b584e844961215dadd16";
        let meta = docker
            .join("contexts/meta")
            .join(dir_name)
            .join("meta.json");
        let endpoint =
            r#"{"Endpoints":{"docker":{"Host":"tcp://127.0.0.1:2376","SkipTLSVerify":false}}}"#;
        crate::files::write(&meta, endpoint).unwrap();
        assert_eq!(with(&[], home.path()).unwrap().tls, None);
        let dir = docker.join("contexts/tls").join(dir_name).join("docker");
        crate::files::create_dir(&dir).unwrap();
        crate::files::write(&dir.join("ca.pem"), "").unwrap();
        let found = with(&[("DOCKER_TLS_VERIFY", "1")], home.path()).unwrap();
        assert_eq!(
            found.tls,
            Some(Tls {
                dir: dir.clone(),
                verify: true
            })
        );
        let skips = endpoint.replace("false", "true");
        crate::files::write(&meta, &skips).unwrap();
        let found = with(&[], home.path()).unwrap();
        assert_eq!(found.tls, Some(Tls { dir, verify: false }));
    }

    #[test]
    fn an_invalid_address_is_reported() {
        let home = tempfile::tempdir().unwrap();
        let error = with(&[("DOCKER_HOST", "tcp://localhost:http")], home.path()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid address `tcp://localhost:http` of the Docker engine (DOCKER_HOST): expected a port number, got `http`"
        );
    }
}
