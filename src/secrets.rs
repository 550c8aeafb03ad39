//! The keys of an instance: made once, never published, shown by a command only.

use std::collections::BTreeMap;
use std::fmt;

use rand::RngExt;
use serde::{Deserialize, Serialize};

/// A key and its secret, as the API's login takes them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerUsers {
    /// The API server itself.
    pub apiserver: Credentials,
    /// The web app, which logs in before its users do.
    pub webserver: Credentials,
    /// The default user: the one for the SDK.
    pub tests: Credentials,
    /// The file server (1.16 and newer).
    pub fileserver: Credentials,
    /// The services agent (1.11 and newer).
    pub services_agent: Credentials,
}

/// Everything that an instance keeps to itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// Signs the web sessions.
    pub http_session: String,
    /// Signs the tokens of logins.
    pub auth_token: String,
    pub credentials: ServerUsers,
    /// What instances of the first versions did not have.
    #[serde(default)]
    pub(crate) later: Option<Later>,
}

/// Secrets that are not always needed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Later {
    /// The user for the SDK where the default one cannot log in.
    pub(crate) sdk: Credentials,
    pub(crate) redis: String,
    pub(crate) mongodb: String,
}

/// Secrets that the user chose; the others are the instance's own.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    pub http_session: Option<String>,
    pub auth_token: Option<String>,
    pub apiserver: (Option<String>, Option<String>),
    pub tests: (Option<String>, Option<String>),
    pub redis: Option<String>,
    pub mongodb: Option<String>,
}

impl fmt::Debug for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chosen(masked)")
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

/// As long as the chart's.
const KEY_LENGTH: usize = 20;
const SECRET_LENGTH: usize = 50;

const UPPER: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Alphanumeric, a letter first: the server reads these from variables as HOCON,
/// which mangles numbers, durations and most punctuation.
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
    /// What stands for secrets where their content does not matter.
    pub fn unknown() -> Secrets {
        let nothing = || Credentials {
            access_key: String::new(),
            secret_key: String::new(),
        };
        Secrets {
            http_session: String::new(),
            auth_token: String::new(),
            credentials: ServerUsers {
                apiserver: nothing(),
                webserver: nothing(),
                tests: nothing(),
                fileserver: nothing(),
                services_agent: nothing(),
            },
            later: Some(Later {
                sdk: nothing(),
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
            later: Some(Later::generate()),
        }
    }

    /// The same, with what an older version did not make; `None` where nothing is
    /// missing.
    pub fn completed(&self) -> Option<Secrets> {
        self.later.is_none().then(|| Secrets {
            later: Some(Later::generate()),
            ..self.clone()
        })
    }

    /// The same, completed.
    #[must_use]
    pub fn whole(self) -> Secrets {
        self.completed().unwrap_or(self)
    }

    /// Those that the servers of a cluster read (`secret.yaml.j2`), with new ones for
    /// what that cluster's release does not know; `None` where one is missing.
    pub fn from_served(served: &BTreeMap<String, String>) -> Option<Secrets> {
        let text = |key: &str| served.get(key).cloned();
        let pair = |name: &str| {
            Some(Credentials {
                access_key: text(&format!("{name}_key"))?,
                secret_key: text(&format!("{name}_secret"))?,
            })
        };
        let own = Secrets::generate();
        let later = own.later?;
        Some(Secrets {
            http_session: text("http_session")?,
            auth_token: text("auth_token")?,
            credentials: ServerUsers {
                apiserver: pair("apiserver")?,
                webserver: pair("webserver")?,
                tests: pair("tests_user")?,
                fileserver: pair("fileserver").unwrap_or(own.credentials.fileserver),
                services_agent: pair("services_agent").unwrap_or(own.credentials.services_agent),
            },
            later: Some(Later {
                sdk: pair("sdk").unwrap_or(later.sdk),
                redis: text("redis_password").unwrap_or(later.redis),
                mongodb: text("mongodb_password").unwrap_or(later.mongodb),
            }),
        })
    }

    /// Whether both are of one instance: users choose other keys, but not the web
    /// app's.
    pub fn is_of_same_instance(&self, other: &Secrets) -> bool {
        self.credentials.webserver == other.credentials.webserver
    }

    /// The same, with what the user chose in the place of our own.
    #[must_use]
    pub fn with(mut self, chosen: &Chosen) -> Secrets {
        let take = |own: &mut String, chosen: &Option<String>| {
            if let Some(chosen) = chosen {
                own.clone_from(chosen);
            }
        };
        take(&mut self.http_session, &chosen.http_session);
        take(&mut self.auth_token, &chosen.auth_token);
        let users = [
            (&mut self.credentials.apiserver, &chosen.apiserver),
            (&mut self.credentials.tests, &chosen.tests),
        ];
        for (own, (key, secret)) in users {
            take(&mut own.access_key, key);
            take(&mut own.secret_key, secret);
        }
        if let Some(later) = &mut self.later {
            take(&mut later.redis, &chosen.redis);
            take(&mut later.mongodb, &chosen.mongodb);
        }
        self
    }

    /// The key pair with which programs log in: the default user's or, where that
    /// one cannot, one of its own.
    pub fn for_programs(&self, fixed_users: bool) -> &Credentials {
        match &self.later {
            Some(later) if fixed_users => &later.sdk,
            _ => &self.credentials.tests,
        }
    }
}

impl Later {
    fn generate() -> Later {
        Later {
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
    fn secrets_survive_hocon() {
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
    fn what_the_user_chose_wins() {
        let own = Secrets::generate();
        let chosen = Chosen {
            tests: (Some("KEY".into()), None),
            redis: Some("word".into()),
            ..Chosen::default()
        };
        let both = own.clone().with(&chosen);
        assert_eq!(both.credentials.tests.access_key, "KEY");
        assert_eq!(
            both.credentials.tests.secret_key,
            own.credentials.tests.secret_key
        );
        assert_eq!(both.later.unwrap().redis, "word");
        assert_eq!(both.auth_token, own.auth_token);
    }

    #[test]
    fn secrets_of_an_older_version_are_completed_once() {
        let mut old = serde_json::to_value(Secrets::generate()).unwrap();
        old.as_object_mut().unwrap().remove("later");
        let old: Secrets = serde_json::from_value(old).unwrap();
        let whole = old.completed().unwrap();
        assert_eq!(whole.credentials.tests, old.credentials.tests);
        assert_eq!(whole.completed(), None);
    }

    #[test]
    fn no_two_are_alike_and_none_is_shown() {
        let (one, two) = (Secrets::generate(), Secrets::generate());
        assert_ne!(one.auth_token, two.auth_token);
        assert_ne!(one.credentials.tests, one.credentials.apiserver);
        assert!(!format!("{one:?}").contains(&one.auth_token));
    }
}
