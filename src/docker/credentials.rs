//! The user's credentials for a registry, from where `docker login` put them:
//! the configuration file, a store, or a helper of that registry.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use docker_credential::{CredentialRetrievalError, DockerCredential};

/// The name under which Docker keeps the credentials of Docker Hub.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// What a registry wants to see. Its text is never shown.
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

/// The name under which Docker keeps a registry's credentials.
fn server(registry: &str) -> &str {
    match registry {
        "docker.io" => DOCKER_HUB,
        other => other,
    }
}

impl Credentials {
    /// The credentials for a registry, such as `docker.io`; `None` where the user
    /// has none. May run a helper program: not for a thread that must not wait.
    ///
    /// # Errors
    /// In words, when there are some and they cannot be had.
    pub fn find(config_dir: &Path, registry: &str) -> Result<Option<Credentials>, String> {
        let Ok(file) = std::fs::File::open(config_dir.join("config.json")) else {
            return Ok(None);
        };
        let server = server(registry);
        let found = docker_credential::get_credential_from_reader(file, server);
        let secret = match found {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                Secret::Password(user, password)
            }
            Ok(DockerCredential::IdentityToken(token)) => Secret::Token(token),
            Err(CredentialRetrievalError::NoCredentialConfigured) => return Ok(None),
            // What helpers say when they hold nothing for the server.
            Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
                if format!("{stdout}{stderr}").contains("credentials not found") =>
            {
                return Ok(None);
            }
            Err(CredentialRetrievalError::HelperFailure { helper, stderr, .. }) => {
                let said = stderr.lines().next().unwrap_or_default().to_owned();
                return Err(format!(
                    "the helper docker-credential-{helper} failed: {said}"
                ));
            }
            Err(CredentialRetrievalError::HelperCommunicationError) => {
                return Err(
                    "the credential helper named in Docker's configuration cannot be run".into(),
                );
            }
            Err(error) => return Err(error.to_string().to_lowercase()),
        };
        Ok(Some(Credentials {
            registry: server.to_owned(),
            secret,
        }))
    }

    /// User and password for a registry such as `docker.io`.
    pub fn new(registry: &str, user: &str, password: &str) -> Credentials {
        Credentials {
            registry: server(registry).to_owned(),
            secret: Secret::Password(user.to_owned(), password.to_owned()),
        }
    }

    /// Whether they are for that registry.
    pub fn are_for(&self, registry: &str) -> bool {
        self.registry == server(registry)
    }

    /// The value of `X-Registry-Auth`.
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

    /// User and password, where that is what they are.
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

    fn found(config: &str, registry: &str) -> Result<Option<Credentials>, String> {
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
    fn a_login_is_found_by_its_registry() {
        let own = found(AUTHS, "registry.corp:5000").unwrap().unwrap();
        assert_eq!(own.password(), Some(("me", "p?ss~>")));
        let hub = found(AUTHS, "docker.io").unwrap().unwrap();
        assert_eq!(hub.password(), Some(("you", "word")));
        assert_eq!(found(AUTHS, "elsewhere.corp"), Ok(None));
        assert_eq!(found("{}", "docker.io"), Ok(None));
    }

    #[test]
    fn what_the_engine_gets_is_safe_in_a_header() {
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
    fn a_helper_that_is_not_there_is_named() {
        let config = r#"{"credHelpers": {"r.corp": "no-such-helper"}}"#;
        let error = found(config, "r.corp").unwrap_err();
        assert!(error.contains("helper"), "{error}");
    }
}
