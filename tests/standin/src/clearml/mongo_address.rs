//! The address and login of MongoDB, which each version of the server reads from the
//! environment in another way.

use crate::clearml::databases::basic;
use crate::support::http::percent_decode;
use crate::support::version::Version;

/// The header with the authentication database.
pub const AUTH_SOURCE: &str = "X-Standin-Auth-Source";

#[derive(Debug, Default, PartialEq)]
pub struct MongoAddress {
    /// `host:port`.
    pub address: String,
    login: Option<(String, String)>,
    /// The authentication database.
    auth_source: String,
    /// Whether the server's two databases are the same.
    pub one_database: bool,
    /// The line in the server's log.
    pub log_message: String,
}

impl MongoAddress {
    /// Reads the variables. Version 1.5 ignores name and password.
    pub fn read(
        version: Version,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let variable = |name: &str| variable(&format!("CLEARML_MONGODB_SERVICE_{name}"));
        if let Some(text) = variable("CONNECTION_STRING") {
            return Self::from_connection_string(&text, version)
                .ok_or_else(|| format!("pymongo.errors.InvalidURI: {text}"));
        }
        let require = |name: &str| {
            variable(name)
                .ok_or_else(|| format!("the environment lacks CLEARML_MONGODB_SERVICE_{name}"))
        };
        let address = format!("{}:{}", require("HOST")?, require("PORT")?);
        let login = (version.major >= 2)
            .then(|| variable("USERNAME").zip(variable("PASSWORD")))
            .flatten();
        let query = variable("QUERY").unwrap_or_default();
        Ok(Self {
            log_message: format!("MongoDB is at {address}"),
            address,
            login,
            // Each default address contains a database.
            auth_source: auth_source(&query).unwrap_or_else(|| "backend".to_owned()),
            one_database: false,
        })
    }

    /// Parses `mongodb://name:password@host:port/database?authSource=admin`. The log
    /// contains it with its password.
    fn from_connection_string(text: &str, version: Version) -> Option<Self> {
        let rest = text.strip_prefix("mongodb://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (server, database) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, address) = match server.rsplit_once('@') {
            Some((login, address)) => (Some(login.split_once(':')?), address),
            None => (None, server),
        };
        // Version 1.5 uses the string for both databases; later versions add the name
        // of each database, unless the string contains one.
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
            log_message: format!("MongoDB is at {text}"),
        })
    }

    /// Returns the headers of every call.
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
    fn only_version_2_reads_name_and_password() {
        assert_eq!(read("1.5.0", PARTS).unwrap().headers(), []);
        let address = read("2.3.0", PARTS).unwrap();
        assert_eq!(address.headers()[0], basic("root", "a b"));
        assert_eq!(address.headers()[1].1, "backend");
        let with_query = [PARTS, &[("QUERY", "authSource=admin")]].concat();
        assert_eq!(read("2.3.0", &with_query).unwrap().headers()[1].1, "admin");
    }

    #[test]
    fn a_connection_string_merges_both_databases_in_1_5() {
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
    fn the_default_authentication_database_depends_on_the_version() {
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
