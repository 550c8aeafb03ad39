//! Users in the configuration: `secure.credentials.<name>`, and fixed users with
//! passwords.

use crate::clearml::config::Config;
use crate::clearml::fixed_users;
use crate::support::version::Version;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A user in the configuration or in the database.
#[derive(Clone, Debug)]
pub struct User {
    /// `__<name>__` for users in `secure.credentials`.
    pub id: String,
    /// The display name.
    pub name: String,
    /// `None` if its key is revoked.
    pub login: Option<Login>,
    pub role: String,
    /// Whether it is from `secure.credentials`, and cannot have further keys.
    pub protected: bool,
}

/// Name and secret for HTTP Basic authentication.
#[derive(Clone, Debug)]
pub struct Login {
    pub name: String,
    pub secret: Secret,
}

#[derive(Clone, Debug)]
pub enum Secret {
    Plain(String),
    /// Base64 of a bcrypt hash.
    Hashed(String),
}

impl Secret {
    /// Returns whether `given` is the secret.
    pub fn matches(&self, given: &str) -> bool {
        match self {
            Self::Plain(secret) => secret == given,
            Self::Hashed(encoded) => STANDARD
                .decode(encoded)
                .ok()
                .and_then(|hash| String::from_utf8(hash).ok())
                .and_then(|hash| bcrypt::verify(given, &hash).ok())
                .unwrap_or(false),
        }
    }
}

/// A user in the server's own configuration.
struct BuiltinUser {
    name: &'static str,
    role: &'static str,
    /// Its published key and secret, if any.
    default: Option<(&'static str, &'static str)>,
}

/// The key that is compiled into the server and the web bundle for `webserver`: it is
/// published, and valid unless it is overridden.
const WEBSERVER_DEFAULT: (&str, &str) = (
    "EYVQ385RW7Y2QQUH88CZ7DWIQ1WUHP",
    "yfc8KQo*GMXb*9p((qcYC7ByFIpF7I&4VH3BfUYXH%o9vX1ZUZQEEw1Inc)S",
);

/// Replaces the file server's published default.
pub const FILESERVER_DEFAULT: (&str, &str) = (
    "STANDINFILESERVERPUBLICKEY",
    "StandinFileserverPublicDefaultSecret",
);

/// The first three are in 1.5. `apiserver` and `tests` also have published defaults,
/// which the chart always overrides.
const BUILTIN_USERS: &[BuiltinUser] = &[
    BuiltinUser {
        name: "apiserver",
        role: "system",
        default: None,
    },
    BuiltinUser {
        name: "webserver",
        role: "system",
        default: Some(WEBSERVER_DEFAULT),
    },
    BuiltinUser {
        name: "tests",
        role: "user",
        default: None,
    },
    BuiltinUser {
        name: "fileserver",
        role: "system",
        default: Some(FILESERVER_DEFAULT),
    },
    BuiltinUser {
        name: "services_agent",
        role: "admin",
        default: None,
    },
];

/// Returns the users, and why their creation failed, if it did: later users are then
/// missing, and fixed users come last.
///
/// With `one_database`, the server's two databases are the same: the document with a
/// user's display name then replaces the one with its key.
pub fn from_config(
    config: &Config,
    version: Version,
    one_database: bool,
) -> (Vec<User>, Option<String>) {
    let mut users = Vec::new();
    let fixed_mode = fixed_users::enabled(config);
    for name in names(config, version) {
        match from_credentials(config, version, &name) {
            Ok(Some(mut user)) => {
                let revoked = fixed_mode && is_revoked_in_fixed_mode(config, &name);
                if revoked || one_database && user.role == "user" {
                    user.login = None;
                }
                users.push(user);
            }
            Ok(None) => {}
            Err(reason) => return (users, Some(reason)),
        }
    }
    match fixed_users::from_config(config) {
        Ok(mut fixed) => {
            if one_database {
                fixed.iter_mut().for_each(|user| user.login = None);
            }
            // Fixed users take precedence when a name is looked up.
            fixed.append(&mut users);
            (fixed, None)
        }
        Err(reason) => (users, Some(reason)),
    }
}

fn builtin_users(version: Version) -> &'static [BuiltinUser] {
    if version.major < 2 {
        &BUILTIN_USERS[..3]
    } else {
        BUILTIN_USERS
    }
}

/// Returns the server's own names, then those that the configuration adds.
fn names(config: &Config, version: Version) -> Vec<String> {
    let builtin = builtin_users(version)
        .iter()
        .map(|user| user.name.to_owned());
    let mut names: Vec<String> = builtin.collect();
    for name in config.children("secure.credentials") {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn is_revoked_in_fixed_mode(config: &Config, name: &str) -> bool {
    let path = format!("secure.credentials.{name}.revoke_in_fixed_mode");
    config.flag(&path, matches!(name, "webserver" | "tests"))
}

/// Returns the user `secure.credentials.<name>`, if it has a key and a secret.
fn from_credentials(config: &Config, version: Version, name: &str) -> Result<Option<User>, String> {
    let field = |field: &str| config.text(&format!("secure.credentials.{name}.{field}"));
    let builtin = builtin_users(version).iter().find(|user| user.name == name);
    let role = builtin.map(|builtin| builtin.role).or(field("role"));
    let role = role.ok_or_else(|| format!("secure.credentials.{name} has no role"))?;
    if !["system", "admin", "superuser", "user", "annotator"].contains(&role) {
        return Err(format!("secure.credentials.{name}: no such role: {role}"));
    }
    let display_name = field("display_name");
    if role == "user" && builtin.is_none() && display_name.is_none() {
        return Err(format!("secure.credentials.{name} has no display_name"));
    }
    let default = builtin.and_then(|builtin| builtin.default);
    let key = field("user_key").or(default.map(|(key, _)| key));
    let secret = field("user_secret").or(default.map(|(_, secret)| secret));
    let login = key.zip(secret).map(|(key, secret)| Login {
        name: key.to_owned(),
        secret: Secret::Plain(secret.to_owned()),
    });
    Ok(login.map(|login| User {
        id: format!("__{name}__"),
        name: display_name.unwrap_or(name).to_owned(),
        login: Some(login),
        role: role.to_owned(),
        protected: true,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Credentials<'a> = (&'a str, &'a [(&'a str, &'a str)]);

    fn config(credentials: &[Credentials<'_>], more: &[(&str, &str)]) -> Config {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut pairs: Vec<(String, String)> = more.iter().map(owned).collect();
        for (name, fields) in credentials {
            pairs.extend(fields.iter().map(owned).map(|(field, value)| {
                (
                    format!("CLEARML__SECURE__CREDENTIALS__{name}__{field}"),
                    value,
                )
            }));
        }
        Config::load([], pairs).unwrap()
    }

    fn created(credentials: &[Credentials<'_>], version: &str) -> (Vec<String>, Option<String>) {
        let version = Version::parse(version).unwrap();
        let (users, failure) = from_config(&config(credentials, &[]), version, false);
        (users.into_iter().map(|user| user.id).collect(), failure)
    }

    /// Returns the users that can log in.
    fn can_log_in(users: Vec<User>) -> Vec<String> {
        let with_login = users.into_iter().filter(|user| user.login.is_some());
        with_login.map(|user| user.id).collect()
    }

    const KEYS: &[(&str, &str)] = &[("USER_KEY", "abc"), ("USER_SECRET", "def")];
    const SDK: &[(&str, &str)] = &[
        ("ROLE", "user"),
        ("DISPLAY_NAME", "SDK"),
        ("USER_KEY", "ghi"),
        ("USER_SECRET", "jkl"),
    ];
    const ALL: &[Credentials<'_>] = &[("APISERVER", KEYS), ("TESTS", KEYS), ("SDK", SDK)];

    #[test]
    fn a_fileserver_without_a_role_stops_the_creation_in_1_5() {
        let given = [("APISERVER", KEYS), ("FILESERVER", KEYS), ("SDK", SDK)];
        let (users, failure) = created(&given, "1.5.0");
        assert_eq!(users, ["__apiserver__", "__webserver__"]);
        assert!(failure.unwrap().contains("fileserver"));
        let (users, failure) = created(&given, "2.3.0");
        assert_eq!(
            users,
            [
                "__apiserver__",
                "__webserver__",
                "__fileserver__",
                "__sdk__"
            ]
        );
        assert_eq!(failure, None);
    }

    #[test]
    fn an_additional_user_needs_a_display_name() {
        let (_, failure) = created(&[("SDK", &SDK[..1])], "2.3.0");
        assert!(failure.unwrap().contains("display_name"));
    }

    #[test]
    fn the_published_webserver_key_is_valid_until_it_is_overridden() {
        let key = |credentials: &[Credentials<'_>]| {
            let version = Version::parse("1.5.0").unwrap();
            let (users, _) = from_config(&config(credentials, &[]), version, false);
            users[0].login.clone().unwrap().name
        };
        assert_eq!(key(&[]), WEBSERVER_DEFAULT.0);
        assert_eq!(key(&[("WEBSERVER", KEYS)]), "abc");
    }

    #[test]
    fn fixed_users_revoke_the_webserver_and_tests() {
        let fixed = [
            ("CLEARML__APISERVER__AUTH__FIXED_USERS__ENABLED", "true"),
            (
                "CLEARML__APISERVER__AUTH__FIXED_USERS__USERS",
                "[{username: jane, password: secret, name: Jane}]",
            ),
        ];
        let version = Version::parse("1.5.0").unwrap();
        let (users, failure) = from_config(&config(ALL, &fixed), version, false);
        assert_eq!(failure, None);
        assert_eq!(users[0].name, "Jane");
        assert_eq!(can_log_in(users)[1..], ["__apiserver__", "__sdk__"]);
    }

    #[test]
    fn users_lose_their_keys_if_both_databases_are_the_same() {
        let version = Version::parse("1.5.0").unwrap();
        let (users, _) = from_config(&config(ALL, &[]), version, true);
        assert_eq!(can_log_in(users), ["__apiserver__", "__webserver__"]);
    }

    #[test]
    fn a_hash_is_base64_of_bcrypt() {
        // A hash of `secret` with the lowest cost.
        let hash = bcrypt::hash("secret", 4).unwrap();
        let secret = Secret::Hashed(STANDARD.encode(&hash));
        assert!(secret.matches("secret"));
        assert!(!secret.matches("Secret"));
        assert!(!Secret::Hashed(hash).matches("secret"), "base64 is missing");
    }
}
