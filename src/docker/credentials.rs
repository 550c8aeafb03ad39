//! The user's credentials for a registry, from where `docker login` stores them: the
//! configuration file, a credential store, or a credential helper.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde::Deserialize;

/// The key of Docker Hub's credentials in Docker's configuration.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} ({})", file.display())]
pub struct CredentialError {
    /// Docker's configuration file.
    pub file: PathBuf,
    /// Such as `the credential helper docker-credential-pass cannot be run`.
    pub reason: String,
}

impl CredentialError {
    fn new(file: PathBuf, reason: String) -> CredentialError {
        CredentialError { file, reason }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Helpers {
    creds_store: Option<String>,
    cred_helpers: Option<BTreeMap<String, String>>,
}

impl Helpers {
    /// Describes the credential helper of a registry, with the key that configures it.
    fn name(&self, server: &str) -> String {
        let own = self.cred_helpers.as_ref().and_then(|all| all.get(server));
        let (helper, key) = match (own, &self.creds_store) {
            (Some(helper), _) => (helper.as_str(), "credHelpers"),
            (None, store) => (store.as_deref().unwrap_or_default(), "credsStore"),
        };
        format!("the credential helper docker-credential-{helper} (`{key}`)")
    }
}

/// Credentials for a registry. `Debug` does not show the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    registry: String,
    secret: Secret,
}

#[derive(Clone, PartialEq, Eq)]
enum Secret {
    Password(String, String),
    Token(String),
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.registry)
    }
}

/// Returns the key of a registry's credentials in Docker's configuration.
fn server(registry: &str) -> &str {
    match registry {
        "docker.io" => DOCKER_HUB,
        other => other,
    }
}

impl Credentials {
    /// Finds the credentials for a registry, such as `docker.io`. Returns `None` if the
    /// user has none. May run a helper program, so it must not be called on an async
    /// thread.
    pub fn find(config_dir: &Path, registry: &str) -> Result<Option<Credentials>, CredentialError> {
        let file = config_dir.join("config.json");
        let text = match crate::files::read(&file) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(error) => return Err(CredentialError::new(file, error.to_string())),
        };
        let server = server(registry);
        let failed = |reason| Err(CredentialError::new(file.clone(), reason));
        let helpers: Helpers = match serde_json::from_str(&text) {
            Ok(helpers) => helpers,
            Err(error) => return failed(format!("invalid JSON: {error}")),
        };
        let found = docker_credential::get_credential_from_reader(text.as_bytes(), server);
        let secret = match found {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                Secret::Password(user, password)
            }
            Ok(DockerCredential::IdentityToken(token)) => Secret::Token(token),
            Err(CredentialRetrievalError::NoCredentialConfigured) => return Ok(None),
            // The message of helpers that have no credentials for the server.
            Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
                if format!("{stdout}{stderr}").contains("credentials not found") =>
            {
                return Ok(None);
            }
            Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. }) => {
                // Docker's own helpers write their errors to stdout.
                let mut lines = stderr.lines().chain(stdout.lines());
                let message = lines.find(|line| !line.trim().is_empty());
                let message = message.unwrap_or("it gave no reason").trim();
                return failed(format!("{} failed: {message}", helpers.name(server)));
            }
            Err(CredentialRetrievalError::HelperCommunicationError) => {
                return failed(format!("cannot run {}", helpers.name(server)));
            }
            Err(CredentialRetrievalError::MalformedHelperResponse) => {
                return failed(format!(
                    "{} returned an invalid response",
                    helpers.name(server)
                ));
            }
            Err(error) => return failed(error.to_string().to_lowercase()),
        };
        Ok(Some(Credentials {
            registry: server.to_owned(),
            secret,
        }))
    }

    pub fn new(registry: &str, user: &str, password: &str) -> Credentials {
        Credentials {
            registry: server(registry).to_owned(),
            secret: Secret::Password(user.to_owned(), password.to_owned()),
        }
    }

    pub fn are_for(&self, registry: &str) -> bool {
        self.registry == server(registry)
    }

    /// Returns the value of `X-Registry-Auth`.
    pub(super) fn header(&self) -> String {
        let body = match &self.secret {
            Secret::Password(user, password) => serde_json::json!({
                "username": user, "password": password, "serveraddress": self.registry,
            }),
            Secret::Token(token) => serde_json::json!({
                "identitytoken": token, "serveraddress": self.registry,
            }),
        };
        URL_SAFE.encode(body.to_string())
    }

    /// Returns the user and the password, unless the secret is a token.
    pub fn password(&self) -> Option<(&str, &str)> {
        match &self.secret {
            Secret::Password(user, password) => Some((user, password)),
            Secret::Token(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str, registry: &str) -> Result<Option<Credentials>, CredentialError> {
        let dir = tempfile::tempdir().unwrap();
        crate::files::write(&dir.path().join("config.json"), config).unwrap();
        Credentials::find(dir.path(), registry)
    }

    /// `me:p?ss~>` and `you:word`.
    const AUTHS: &str = r#"{"auths": {
        "registry.corp:5000": {"auth": "bWU6cD9zc34+"},
        "https://index.docker.io/v1/": {"auth": "eW91OndvcmQ="},
        "token.corp": {"identitytoken": "secret-token"}}}"#;

    #[test]
    fn credentials_are_found_by_registry() {
        let own = found(AUTHS, "registry.corp:5000").unwrap().unwrap();
        assert_eq!(own.password(), Some(("me", "p?ss~>")));
        let hub = found(AUTHS, "docker.io").unwrap().unwrap();
        assert_eq!(hub.password(), Some(("you", "word")));
        assert_eq!(found(AUTHS, "elsewhere.corp"), Ok(None));
        assert_eq!(found("{}", "docker.io"), Ok(None));
    }

    #[test]
    fn the_header_is_url_safe() {
        let own = found(AUTHS, "registry.corp:5000").unwrap().unwrap();
        let header = own.header();
        assert!(!header.contains(['+', '/']), "{header}");
        let body = String::from_utf8(URL_SAFE.decode(header).unwrap()).unwrap();
        assert!(body.contains("\"password\":\"p?ss~>\""), "{body}");
        let token = found(AUTHS, "token.corp").unwrap().unwrap();
        let body = String::from_utf8(URL_SAFE.decode(token.header()).unwrap()).unwrap();
        assert!(
            body.contains("\"identitytoken\":\"secret-token\""),
            "{body}"
        );
        assert!(!format!("{token:?}").contains("secret"));
    }

    #[test]
    fn a_missing_helper_is_reported_with_the_configuration_file() {
        for (config, named) in [
            (
                r#"{"credHelpers": {"r.corp": "no-such-helper"}}"#,
                "cannot run the credential helper docker-credential-no-such-helper (`credHelpers`)",
            ),
            (
                r#"{"auths": {"r.corp": {}}, "credsStore": "no-such-store"}"#,
                "cannot run the credential helper docker-credential-no-such-store (`credsStore`)",
            ),
        ] {
            let error = found(config, "r.corp").unwrap_err();
            assert_eq!(error.reason, named);
            assert!(error.file.ends_with("config.json"));
            assert!(error.to_string().ends_with("config.json)"), "{error}");
        }
    }

    #[test]
    fn an_invalid_configuration_file_is_reported() {
        let error = found("{\"credsStore\": ", "docker.io").unwrap_err();
        assert!(error.reason.starts_with("invalid JSON: "), "{error}");
    }
}
