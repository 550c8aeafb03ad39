//! Keys that several databases have.

use super::key::{Definition, Key, Literal, group, key, switch};
use super::{elasticsearch, external, mongodb, redis, types};
use crate::component::Component;

group! {
    /// The claim of a database.
    Claim(section, database) {
        enabled: bool = switch(
            "enabled",
            "Keep the data of {} in a volume. Without one, they are lost when the pod is replaced.",
        )
        .default(Literal::Flag(true));
        access_modes: Vec<String> = key(
            "accessModes",
            types::ACCESS_MODES,
            "Access modes of {}'s claim.",
        );
        size: String = key("size", types::QUANTITY, "Size of {}'s claim.");
        storage_class: String = key(
            "storageClass",
            types::NAME,
            "Storage class of {}'s claim. Without one, the claim uses the volume of a local node, or the default class of an existing cluster.",
        );
    }
}

pub(super) const fn enabled(name: &'static str, what: &'static str) -> Key<bool> {
    let doc = "Install {}. Set it to `false` to use an external one (`externalServices`).";
    switch(name, doc).about(what)
}

pub(super) const fn extra_flags(name: &'static str, program: &'static str) -> Key<Vec<String>> {
    key(name, types::ARGUMENTS, "Additional arguments of {}.").about(program)
}

/// The keys of a database, for rules.
pub(in crate::values) struct Database {
    pub(in crate::values) component: Component,
    /// Whether it is installed.
    pub(in crate::values) enabled: &'static Key<bool>,
    /// All its keys.
    pub(in crate::values) all: fn() -> Vec<&'static Definition>,
    /// Whether it has a claim.
    pub(in crate::values) persistence: &'static Key<bool>,
    pub(in crate::values) claim: fn() -> Vec<&'static Definition>,
    /// The host of an external one.
    pub(in crate::values) host: &'static Key<String>,
    /// The keys of an external one, except the Secret that all of them share.
    pub(in crate::values) external: &'static [&'static Definition],
}

pub(in crate::values) static DATABASES: [Database; 3] = [
    Database {
        component: Component::Redis,
        enabled: &redis::ENABLED,
        all: redis::all,
        persistence: &redis::CLAIM.enabled,
        claim: || redis::CLAIM.all(),
        host: &external::REDIS_HOST,
        external: &[
            &external::REDIS_HOST.definition,
            &external::REDIS_PORT.definition,
            &external::REDIS_PASSWORD.definition,
        ],
    },
    Database {
        component: Component::Mongodb,
        enabled: &mongodb::ENABLED,
        all: mongodb::all,
        persistence: &mongodb::CLAIM.enabled,
        claim: || mongodb::CLAIM.all(),
        host: &external::MONGODB_HOST,
        external: &[
            &external::MONGODB_HOST.definition,
            &external::MONGODB_PORT.definition,
            &external::MONGODB_USERNAME.definition,
            &external::MONGODB_PASSWORD.definition,
            &external::MONGODB_QUERY.definition,
        ],
    },
    Database {
        component: Component::Elasticsearch,
        enabled: &elasticsearch::ENABLED,
        all: elasticsearch::all,
        persistence: &elasticsearch::PERSISTENCE_ENABLED,
        claim: elasticsearch::claim,
        host: &external::ELASTICSEARCH_HOST,
        external: &[
            &external::ELASTICSEARCH_HOST.definition,
            &external::ELASTICSEARCH_PORT.definition,
            &external::ELASTICSEARCH_USERNAME.definition,
            &external::ELASTICSEARCH_PASSWORD.definition,
        ],
    },
];
