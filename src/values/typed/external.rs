//! External databases and the logins of the servers there.

use super::Reader;
use crate::component::Component;
use crate::values::keys::external as keys;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalDatabases {
    elasticsearch: (String, u16),
    mongodb: (String, u16),
    redis: (String, u16),
    /// An existing Secret with credentials.
    pub existing_secret: Option<String>,
    pub elasticsearch_login: Login,
    pub mongodb_login: Login,
    /// The query of MongoDB's connection string.
    pub mongodb_query: String,
    pub redis_password: Option<String>,
}

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    pub username: Option<String>,
    pub password: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(masked)")
    }
}

impl ExternalDatabases {
    pub(super) fn read(reader: &Reader<'_>) -> ExternalDatabases {
        let place = |host, port| (reader.get(host), reader.get(port));
        let login = |username, password| Login {
            username: reader.get(username),
            password: reader.get(password),
        };
        ExternalDatabases {
            elasticsearch: place(&keys::ELASTICSEARCH_HOST, &keys::ELASTICSEARCH_PORT),
            mongodb: place(&keys::MONGODB_HOST, &keys::MONGODB_PORT),
            redis: place(&keys::REDIS_HOST, &keys::REDIS_PORT),
            existing_secret: reader.get(&keys::EXISTING_SECRET),
            elasticsearch_login: login(
                &keys::ELASTICSEARCH_USERNAME,
                &keys::ELASTICSEARCH_PASSWORD,
            ),
            mongodb_login: login(&keys::MONGODB_USERNAME, &keys::MONGODB_PASSWORD),
            mongodb_query: reader.get(&keys::MONGODB_QUERY),
            redis_password: reader.get(&keys::REDIS_PASSWORD),
        }
    }

    /// The host and port of an external database.
    pub fn place(&self, component: Component) -> Option<(&str, u16)> {
        let (host, port) = match component {
            Component::Elasticsearch => &self.elasticsearch,
            Component::Mongodb => &self.mongodb,
            Component::Redis => &self.redis,
            Component::Apiserver | Component::Fileserver | Component::Webserver => return None,
        };
        Some((host, *port))
    }
}
