//! The keys of an instance: generated once, never published, shown only by a command.

use std::collections::BTreeMap;
use std::fmt;

use rand::RngExt;
use serde::{Deserialize, Serialize};

/// A key pair for a login to the API.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerUsers {
    pub apiserver: Credentials,
    /// The web app logs in before its users do.
    pub webserver: Credentials,
    /// The default user, for the SDK.
    pub tests: Credentials,
    /// The file server (1.16 and later).
    pub fileserver: Credentials,
    /// The services agent (1.11 and later).
    pub services_agent: Credentials,
}

/// All secrets of an instance.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// Signs the web sessions.
    pub http_session: String,
    /// Signs the tokens of logins.
    pub auth_token: String,
    pub credentials: ServerUsers,
    /// Secrets that instances of the first versions did not have.
    #[serde(default, rename = "later")]
    pub(crate) optional: Option<OptionalSecrets>,
}

/// Secrets that are needed only with some values.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OptionalSecrets {
    /// The user for the SDK if the default user cannot log in.
    pub(crate) sdk: Credentials,
    pub(crate) redis: String,
    pub(crate) mongodb: String,
}

/// Secrets from the values, which override those of the instance.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UserSecrets {
    pub http_session: Option<String>,
    pub auth_token: Option<String>,
    pub apiserver: (Option<String>, Option<String>),
    pub tests: (Option<String>, Option<String>),
    pub redis: Option<String>,
    pub mongodb: Option<String>,
}

impl fmt::Debug for UserSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserSecrets(masked)")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(masked)")
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(masked)")
    }
}

/// The same lengths as in the chart.
const KEY_LENGTH: usize = 20;
const SECRET_LENGTH: usize = 50;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Generates an alphanumeric text that begins with a letter: the server reads it from a
/// variable as HOCON, which changes numbers, durations and most punctuation.
fn random(alphabet: &[u8], length: usize) -> String {
    let mut rng = rand::rng();
    let mut draw = |from: &[u8]| char::from(from[rng.random_range(0..from.len())]);
    let first = draw(&UPPER[..26]);
    std::iter::once(first)
        .chain((1..length).map(|_| draw(alphabet)))
        .collect()
}

impl Credentials {
    fn generate() -> Credentials {
        Credentials {
            access_key: random(UPPER, KEY_LENGTH),
            secret_key: random(MIXED, SECRET_LENGTH),
        }
    }
}

impl Secrets {
    /// Returns empty secrets, for uses in which their content does not matter.
    pub fn empty() -> Secrets {
        let no_key = || Credentials {
            access_key: String::new(),
            secret_key: String::new(),
        };
        Secrets {
            http_session: String::new(),
            auth_token: String::new(),
            credentials: ServerUsers {
                apiserver: no_key(),
                webserver: no_key(),
                tests: no_key(),
                fileserver: no_key(),
                services_agent: no_key(),
            },
            optional: Some(OptionalSecrets {
                sdk: no_key(),
                redis: String::new(),
                mongodb: String::new(),
            }),
        }
    }

    pub fn generate() -> Secrets {
        Secrets {
            http_session: random(MIXED, SECRET_LENGTH),
            auth_token: random(MIXED, SECRET_LENGTH),
            credentials: ServerUsers {
                apiserver: Credentials::generate(),
                webserver: Credentials::generate(),
                tests: Credentials::generate(),
                fileserver: Credentials::generate(),
                services_agent: Credentials::generate(),
            },
            optional: Some(OptionalSecrets::generate()),
        }
    }

    /// Returns a copy with the secrets that an older version did not generate, or `None`
    /// if none is missing.
    pub fn completed(&self) -> Option<Secrets> {
        self.optional.is_none().then(|| Secrets {
            optional: Some(OptionalSecrets::generate()),
            ..self.clone()
        })
    }

    /// Generates the secrets that an older version did not generate.
    #[must_use]
    pub fn complete(self) -> Secrets {
        self.completed().unwrap_or(self)
    }

    /// Reads the secrets from the Secret of the servers in a cluster (`secret.yaml.j2`).
    /// Generates those that the release of the cluster does not have. Returns `None` if
    /// one is missing.
    pub fn from_cluster(data: &BTreeMap<String, String>) -> Option<Secrets> {
        let text = |key: &str| data.get(key).cloned();
        let pair = |name: &str| {
            Some(Credentials {
                access_key: text(&format!("{name}_key"))?,
                secret_key: text(&format!("{name}_secret"))?,
            })
        };
        let new = Secrets::generate();
        let optional = new.optional?;
        Some(Secrets {
            http_session: text("http_session")?,
            auth_token: text("auth_token")?,
            credentials: ServerUsers {
                apiserver: pair("apiserver")?,
                webserver: pair("webserver")?,
                tests: pair("tests_user")?,
                fileserver: pair("fileserver").unwrap_or(new.credentials.fileserver),
                services_agent: pair("services_agent").unwrap_or(new.credentials.services_agent),
            },
            optional: Some(OptionalSecrets {
                sdk: pair("sdk").unwrap_or(optional.sdk),
                redis: text("redis_password").unwrap_or(optional.redis),
                mongodb: text("mongodb_password").unwrap_or(optional.mongodb),
            }),
        })
    }

    /// Returns whether both belong to the same instance. Values can override other keys,
    /// but not the web app's.
    pub fn is_same_instance(&self, other: &Secrets) -> bool {
        self.credentials.webserver == other.credentials.webserver
    }

    /// Overrides the secrets of the instance with those from the values.
    #[must_use]
    pub fn with(mut self, overrides: &UserSecrets) -> Secrets {
        let replace = |own: &mut String, overrides: &Option<String>| {
            if let Some(overrides) = overrides {
                own.clone_from(overrides);
            }
        };
        replace(&mut self.http_session, &overrides.http_session);
        replace(&mut self.auth_token, &overrides.auth_token);
        let users = [
            (&mut self.credentials.apiserver, &overrides.apiserver),
            (&mut self.credentials.tests, &overrides.tests),
        ];
        for (own, (key, secret)) in users {
            replace(&mut own.access_key, key);
            replace(&mut own.secret_key, secret);
        }
        if let Some(optional) = &mut self.optional {
            replace(&mut optional.redis, &overrides.redis);
            replace(&mut optional.mongodb, &overrides.mongodb);
        }
        self
    }

    /// Returns the key pair for programs: the default user's, or that of a separate user
    /// if the default user cannot log in.
    pub fn for_programs(&self, fixed_users: bool) -> &Credentials {
        match &self.optional {
            Some(optional) if fixed_users => &optional.sdk,
            _ => &self.credentials.tests,
        }
    }
}

impl OptionalSecrets {
    fn generate() -> OptionalSecrets {
        OptionalSecrets {
            sdk: Credentials::generate(),
            redis: random(MIXED, SECRET_LENGTH),
            mongodb: random(MIXED, SECRET_LENGTH),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_unchanged_by_hocon() {
        for _ in 0..200 {
            let secrets = Secrets::generate();
            let keys = &secrets.credentials.tests;
            for text in [
                &secrets.http_session,
                &secrets.auth_token,
                &keys.access_key,
                &keys.secret_key,
            ] {
                assert!(
                    text.starts_with(|c: char| c.is_ascii_alphabetic()),
                    "{text}"
                );
                assert!(text.chars().all(|c| c.is_ascii_alphanumeric()), "{text}");
                assert!(text.len() >= 20, "{text}");
            }
        }
    }

    #[test]
    fn values_override_generated_secrets() {
        let own = Secrets::generate();
        let overrides = UserSecrets {
            tests: (Some("KEY".into()), None),
            redis: Some("word".into()),
            ..UserSecrets::default()
        };
        let both = own.clone().with(&overrides);
        assert_eq!(both.credentials.tests.access_key, "KEY");
        assert_eq!(
            both.credentials.tests.secret_key,
            own.credentials.tests.secret_key
        );
        assert_eq!(both.optional.unwrap().redis, "word");
        assert_eq!(both.auth_token, own.auth_token);
    }

    #[test]
    fn secrets_of_an_older_version_are_completed_once() {
        let mut old = serde_json::to_value(Secrets::generate()).unwrap();
        old.as_object_mut().unwrap().remove("later");
        let old: Secrets = serde_json::from_value(old).unwrap();
        let completed = old.completed().unwrap();
        assert_eq!(completed.credentials.tests, old.credentials.tests);
        assert_eq!(completed.completed(), None);
    }

    #[test]
    fn secrets_are_unique_and_not_shown_by_debug() {
        let (one, two) = (Secrets::generate(), Secrets::generate());
        assert_ne!(one.auth_token, two.auth_token);
        assert_ne!(one.credentials.tests, one.credentials.apiserver);
        assert!(!format!("{one:?}").contains(&one.auth_token));
    }
}
