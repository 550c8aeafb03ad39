//! Databases outside of the cluster, and how the servers log in there.

use super::Reader;
use crate::component::Component;

/// Where databases outside are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    elasticsearch: (String, u16),
    mongodb: (String, u16),
    redis: (String, u16),
    /// A Secret with credentials that is there already.
    pub existing_secret: Option<String>,
    /// User and password of Elasticsearch.
    pub elasticsearch_login: Login,
    /// User and password of MongoDB.
    pub mongodb_login: Login,
    /// What stands behind the `?` of MongoDB's address.
    pub mongodb_query: String,
    /// The password of Redis.
    pub redis_password: Option<String>,
}

/// User and password.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub username: Option<String>,
    /// The password.
    pub password: Option<String>,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Login(masked)")
    }
}

impl Outside {
    pub(super) fn read(reader: &Reader<'_>) -> Outside {
        let key = |name: &str| format!("externalServices.{name}");
        let place = |name: &str| {
            (
                reader.text(&key(&format!("{name}Host"))),
                reader.port(&key(&format!("{name}Port"))),
            )
        };
        let login = |name: &str| Login {
            username: reader.some(&key(&format!("{name}Username"))),
            password: reader.some(&key(&format!("{name}Password"))),
        };
        Outside {
            elasticsearch: place("elasticsearch"),
            mongodb: place("mongodb"),
            redis: place("redis"),
            existing_secret: reader.some(&key("existingSecret")),
            elasticsearch_login: login("elasticsearch"),
            mongodb_login: login("mongodb"),
            mongodb_query: reader.text(&key("mongodbQuery")),
            redis_password: reader.some(&key("redisPassword")),
        }
    }

    /// Host and port of a database outside.
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
