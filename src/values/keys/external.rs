//! External databases: `externalServices`.

use super::key::{Key, Literal, key, keys};
use super::types;
use crate::component::Component;

keys! {
    ELASTICSEARCH_HOST: String = key(
        "externalServices.elasticsearchHost",
        types::HOST,
        "Host of an external Elasticsearch. Used only with `elasticsearch.enabled: false`.",
    );
    ELASTICSEARCH_PORT: u16 = key(
        "externalServices.elasticsearchPort",
        types::PORT,
        "Port of the external Elasticsearch.",
    );
    MONGODB_HOST: String = key(
        "externalServices.mongodbHost",
        types::HOST,
        "Host of an external MongoDB. Used only with `mongodb.enabled: false`.",
    );
    MONGODB_PORT: u16 = key(
        "externalServices.mongodbPort",
        types::PORT,
        "Port of the external MongoDB.",
    );
    REDIS_HOST: String = key(
        "externalServices.redisHost",
        types::HOST,
        "Host of an external Redis. Used only with `redis.enabled: false`.",
    );
    REDIS_PORT: u16 = key(
        "externalServices.redisPort",
        types::PORT,
        "Port of the external Redis.",
    );
    EXISTING_SECRET: Option<String> = key(
        "externalServices.existingSecret",
        types::NAME.optional(),
        "Existing Secret with the credentials of external databases, instead of the other keys of `externalServices`. It holds those of `elasticsearch_username`, `elasticsearch_password`, `mongodb_username`, `mongodb_password` and `redis_password` that are needed.",
    );
    ELASTICSEARCH_USERNAME: Option<String> = key(
        "externalServices.elasticsearchUsername",
        types::TEXT.optional(),
        "User name for an external Elasticsearch.",
    );
    ELASTICSEARCH_PASSWORD: Option<String> = key(
        "externalServices.elasticsearchPassword",
        types::PASSWORD,
        "Password for an external Elasticsearch.",
    );
    MONGODB_USERNAME: Option<String> = key(
        "externalServices.mongodbUsername",
        types::TEXT.optional(),
        "User name for an external MongoDB (server 2.0 and newer).",
    );
    MONGODB_PASSWORD: Option<String> = key(
        "externalServices.mongodbPassword",
        types::PASSWORD,
        "Password for an external MongoDB (server 2.0 and newer).",
    );
    MONGODB_QUERY: String = key(
        "externalServices.mongodbQuery",
        types::QUERY,
        "Options in the connection string of an external MongoDB, such as `authSource=admin` (server 2.0 and newer).",
    )
    .default(Literal::Text("authSource=admin"));
    REDIS_PASSWORD: Option<String> = key(
        "externalServices.redisPassword",
        types::PASSWORD,
        "Password for an external Redis.",
    );
}

/// The keys with which the server connects to an external database.
pub(crate) struct Connection {
    pub(crate) host: &'static Key<String>,
    pub(crate) port: &'static Key<u16>,
    pub(crate) password: &'static Key<Option<String>>,
}

/// Returns the keys of an external database; `None` for a server, which is never external.
pub(crate) fn connection(component: Component) -> Option<Connection> {
    match component {
        Component::Redis => Some(Connection {
            host: &REDIS_HOST,
            port: &REDIS_PORT,
            password: &REDIS_PASSWORD,
        }),
        Component::Mongodb => Some(Connection {
            host: &MONGODB_HOST,
            port: &MONGODB_PORT,
            password: &MONGODB_PASSWORD,
        }),
        Component::Elasticsearch => Some(Connection {
            host: &ELASTICSEARCH_HOST,
            port: &ELASTICSEARCH_PORT,
            password: &ELASTICSEARCH_PASSWORD,
        }),
        Component::Apiserver | Component::Fileserver | Component::Webserver => None,
    }
}
