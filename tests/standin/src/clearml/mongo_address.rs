//! Where MongoDB is, and who asks it: what the environment says to each version
//! of the server.

use crate::clearml::databases::basic;
use crate::support::http::percent_decode;
use crate::support::version::Version;

/// The header that names the database which knows the user.
pub const AUTH_SOURCE: &str = "X-Standin-Auth-Source";

/// MongoDB, as the server reaches it.
#[derive(Debug, Default, PartialEq)]
pub struct MongoAddress {
    /// `host:port`.
    pub address: String,
    /// Name and password.
    login: Option<(String, String)>,
    /// The database that knows the user.
    auth_source: String,
    /// The server's two databases are one and the same.
    pub one_database: bool,
    /// What the server's log says of it.
    pub said: String,
}

impl MongoAddress {
    /// Reads the variables, of which 1.5 knows no name and no password.
    pub fn read(
        version: Version,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let variable = |name: &str| variable(&format!("CLEARML_MONGODB_SERVICE_{name}"));
        if let Some(text) = variable("CONNECTION_STRING") {
            return Self::from_connection_string(&text, version)
                .ok_or_else(|| format!("pymongo.errors.InvalidURI: {text}"));
        }
        let demand = |name: &str| {
            variable(name)
                .ok_or_else(|| format!("the environment lacks CLEARML_MONGODB_SERVICE_{name}"))
        };
        let address = format!("{}:{}", demand("HOST")?, demand("PORT")?);
        let login = (version.major >= 2)
            .then(|| variable("USERNAME").zip(variable("PASSWORD")))
            .flatten();
        let query = variable("QUERY").unwrap_or_default();
        Ok(Self {
            said: format!("MongoDB is at {address}"),
            address,
            login,
            // The default addresses name a database each.
            auth_source: auth_source(&query).unwrap_or_else(|| "backend".to_owned()),
            one_database: false,
        })
    }

    /// `mongodb://name:password@host:port/database?authSource=admin`. The log
    /// shows it as it is, with its password.
    fn from_connection_string(text: &str, version: Version) -> Option<Self> {
        let rest = text.strip_prefix("mongodb://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (server, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, address) = match server.rsplit_once('@') {
            Some((login, address)) => (Some(login.split_once(':')?), address),
            None => (None, server),
        };
        // 1.5 gives the string to both databases as it is; later ones name
        // each database beside it, which one in the string overrides.
        let old = version.major < 2;
        let default = match (database, old) {
            ("", true) => "test",
            ("", false) => "admin",
            (database, _) => database,
        };
        Some(Self {
            address: if address.contains(':') {
                address.to_owned()
            } else {
                format!("{address}:27017")
            },
            login: login.map(|(name, password)| (percent_decode(name), percent_decode(password))),
            auth_source: auth_source(query).unwrap_or_else(|| default.to_owned()),
            one_database: old || !database.is_empty(),
            said: format!("MongoDB is at {text}"),
        })
    }

    /// What goes along with every call.
    pub fn headers(&self) -> Vec<(String, String)> {
        let login = self.login.as_ref();
        login
            .map(|(name, password)| {
                let source = (AUTH_SOURCE.to_owned(), self.auth_source.clone());
                vec![basic(name, password), source]
            })
            .unwrap_or_default()
    }
}

fn auth_source(query: &str) -> Option<String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .filter(|(name, _)| name.eq_ignore_ascii_case("authSource"))
        .map(|(_, value)| percent_decode(value))
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(version: &str, pairs: &[(&str, &str)]) -> Result<MongoAddress, String> {
        MongoAddress::read(Version::parse(version).unwrap(), |name| {
            let name = name.strip_prefix("CLEARML_MONGODB_SERVICE_").unwrap();
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    const PARTS: &[(&str, &str)] = &[
        ("HOST", "db"),
        ("PORT", "27017"),
        ("USERNAME", "root"),
        ("PASSWORD", "a b"),
    ];

    #[test]
    fn only_2_knows_a_name_and_a_password() {
        assert_eq!(read("1.5.0", PARTS).unwrap().headers(), []);
        let address = read("2.3.0", PARTS).unwrap();
        assert_eq!(address.headers()[0], basic("root", "a b"));
        assert_eq!(address.headers()[1].1, "backend");
        let with_query = [PARTS, &[("QUERY", "authSource=admin")]].concat();
        assert_eq!(read("2.3.0", &with_query).unwrap().headers()[1].1, "admin");
    }

    #[test]
    fn a_connection_string_makes_one_database_of_two_on_1_5() {
        let text = "mongodb://root:p%40ss@db/?authSource=admin";
        let old = read("1.5.0", &[("CONNECTION_STRING", text)]).unwrap();
        assert_eq!(old.address, "db:27017");
        assert_eq!(old.headers()[0], basic("root", "p@ss"));
        assert!(old.one_database);
        let new = read("2.3.0", &[("CONNECTION_STRING", text)]).unwrap();
        assert!(!new.one_database);
        let named = text.replace("/?", "/backend?");
        let named = read("2.3.0", &[("CONNECTION_STRING", &named)]).unwrap();
        assert!(named.one_database);
    }

    #[test]
    fn without_a_source_the_user_is_looked_for_elsewhere() {
        let source = |version, text: &str| {
            read(version, &[("CONNECTION_STRING", text)])
                .unwrap()
                .headers()[1]
                .1
                .clone()
        };
        assert_eq!(source("1.5.0", "mongodb://a:b@db:1"), "test");
        assert_eq!(source("2.3.0", "mongodb://a:b@db:1"), "admin");
        assert_eq!(source("2.3.0", "mongodb://a:b@db:1/x"), "x");
        assert!(read("2.3.0", &[("CONNECTION_STRING", "db:27017")]).is_err());
        assert!(read("2.3.0", &[]).unwrap_err().ends_with("SERVICE_HOST"));
    }
}
