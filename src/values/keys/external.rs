//! External databases: `externalServices`.

use super::key::{Literal, key, keys};
use super::types;

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
