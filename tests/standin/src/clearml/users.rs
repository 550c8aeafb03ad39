//! Users that the configuration makes: `secure.credentials.<name>`.

use crate::clearml::config::Config;
use crate::support::version::Version;

/// A user with a key.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Its identifier, `__<name>__` for those of the configuration.
    pub id: String,
    pub key: String,
    pub secret: String,
    pub role: String,
    /// Made by the configuration: it cannot have further keys.
    pub protected: bool,
}

/// A user that the server's own configuration holds.
struct Known {
    name: &'static str,
    role: &'static str,
    /// Its published key and secret, where it has some.
    default: Option<(&'static str, &'static str)>,
}

/// What the server and the web bundle have compiled in for `webserver`:
/// published, and valid wherever it is not overridden.
const WEBSERVER_DEFAULT: (&str, &str) = (
    "EYVQ385RW7Y2QQUH88CZ7DWIQ1WUHP",
    "yfc8KQo*GMXb*9p((qcYC7ByFIpF7I&4VH3BfUYXH%o9vX1ZUZQEEw1Inc)S",
);

/// In place of the file server's published default.
pub const FILESERVER_DEFAULT: (&str, &str) = (
    "STANDINFILESERVERPUBLICKEY",
    "StandinFileserverPublicDefaultSecret",
);

/// The first three are those of 1.5; `apiserver` and `tests` have published
/// defaults too, which the chart overrides always.
const KNOWN: &[Known] = &[
    Known {
        name: "apiserver",
        role: "system",
        default: None,
    },
    Known {
        name: "webserver",
        role: "system",
        default: Some(WEBSERVER_DEFAULT),
    },
    Known {
        name: "tests",
        role: "user",
        default: None,
    },
    Known {
        name: "fileserver",
        role: "system",
        default: Some(FILESERVER_DEFAULT),
    },
    Known {
        name: "services_agent",
        role: "admin",
        default: None,
    },
];

/// The users in the order of their making, and why the making stopped if it
/// did: those that come later are then missing.
pub fn from_config(config: &Config, version: Version) -> (Vec<User>, Option<String>) {
    let known = if version.major < 2 {
        &KNOWN[..3]
    } else {
        KNOWN
    };
    let mut names: Vec<String> = known.iter().map(|known| known.name.to_owned()).collect();
    for name in config.children("secure.credentials.") {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let mut users = Vec::new();
    for name in names {
        let field = |field: &str| config.text(&format!("secure.credentials.{name}.{field}"));
        let own = known.iter().find(|known| known.name == name);
        let role = own.map(|own| own.role).or(field("role"));
        let default = own.and_then(|own| own.default);
        let Some(role) = role else {
            return (
                users,
                Some(format!("secure.credentials.{name} has no role")),
            );
        };
        if !["system", "admin", "superuser", "user", "annotator"].contains(&role) {
            return (
                users,
                Some(format!("secure.credentials.{name}: no such role: {role}")),
            );
        }
        if role == "user" && own.is_none() && field("display_name").is_none() {
            return (
                users,
                Some(format!("secure.credentials.{name} has no display_name")),
            );
        }
        let key = field("user_key").or(default.map(|(key, _)| key));
        let secret = field("user_secret").or(default.map(|(_, secret)| secret));
        if let (Some(key), Some(secret)) = (key, secret) {
            users.push(User {
                id: format!("__{name}__"),
                key: key.to_owned(),
                secret: secret.to_owned(),
                role: role.to_owned(),
                protected: true,
            });
        }
    }
    (users, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(names: &[(&str, &[(&str, &str)])], version: &str) -> (Vec<String>, Option<String>) {
        let pairs = names.iter().flat_map(|(name, fields)| {
            fields.iter().map(move |(field, value)| {
                (
                    format!("CLEARML__SECURE__CREDENTIALS__{name}__{field}"),
                    (*value).to_owned(),
                )
            })
        });
        let config = Config::load(pairs).unwrap();
        let (users, stopped) = from_config(&config, Version::parse(version).unwrap());
        (users.into_iter().map(|user| user.id).collect(), stopped)
    }

    const KEYS: &[(&str, &str)] = &[("USER_KEY", "abc"), ("USER_SECRET", "def")];
    const SDK: &[(&str, &str)] = &[
        ("ROLE", "user"),
        ("DISPLAY_NAME", "SDK"),
        ("USER_KEY", "ghi"),
        ("USER_SECRET", "jkl"),
    ];

    #[test]
    fn a_fileserver_without_role_ends_the_making_on_1_5() {
        let given = [("APISERVER", KEYS), ("FILESERVER", KEYS), ("SDK", SDK)];
        let (users, stopped) = made(&given, "1.5.0");
        assert_eq!(users, ["__apiserver__", "__webserver__"]);
        assert!(stopped.unwrap().contains("fileserver"));
        let (users, stopped) = made(&given, "2.3.0");
        assert_eq!(
            users,
            [
                "__apiserver__",
                "__webserver__",
                "__fileserver__",
                "__sdk__"
            ]
        );
        assert_eq!(stopped, None);
    }

    #[test]
    fn a_user_of_our_own_needs_a_display_name() {
        assert!(
            made(&[("SDK", &SDK[..1])], "2.3.0")
                .1
                .unwrap()
                .contains("display_name")
        );
    }

    #[test]
    fn the_published_webserver_key_is_valid_until_it_is_overridden() {
        let key = |pairs: &[(&str, &str)]| {
            let owned = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let config = Config::load(owned).unwrap();
            from_config(&config, Version::parse("1.5.0").unwrap()).0[0]
                .key
                .clone()
        };
        assert_eq!(key(&[]), WEBSERVER_DEFAULT.0);
        assert_eq!(
            key(&[
                ("CLEARML__SECURE__CREDENTIALS__WEBSERVER__USER_KEY", "own"),
                (
                    "CLEARML__SECURE__CREDENTIALS__WEBSERVER__USER_SECRET",
                    "own2"
                ),
            ]),
            "own"
        );
    }
}
