//! The keys of an instance: made once, never published, shown by a command only.

use std::fmt;

use rand::RngExt;
use serde::{Deserialize, Serialize};

/// A key and its secret, as the API's login takes them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The public half.
    pub access_key: String,
    /// The secret half.
    pub secret_key: String,
}

/// The key pairs of the server's own users.
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
    /// The users' keys.
    pub credentials: ServerUsers,
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
    /// New ones.
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
    fn no_two_are_alike_and_none_is_shown() {
        let (one, two) = (Secrets::generate(), Secrets::generate());
        assert_ne!(one.auth_token, two.auth_token);
        assert_ne!(one.credentials.tests, one.credentials.apiserver);
        assert!(!format!("{one:?}").contains(&one.auth_token));
    }
}
