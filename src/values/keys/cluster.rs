//! Keys of the whole: names, registry, ingress, secrets, services outside.

use serde_json::json;

use super::{Key, key};
use crate::values::kind::Kind;

/// The shortest secret that the server is given.
const SECRET: Kind = Kind::Secret { least: 20 };

pub(super) fn keys() -> Vec<Key> {
    let mut keys = names().to_vec();
    keys.extend(registry());
    keys.push(key(
        "clearml.defaultCompany",
        Kind::Word,
        "Identifier of the company that all users belong to.",
    ));
    keys.extend(ingress());
    keys.extend(secrets());
    keys.extend(outside());
    keys
}

fn names() -> [Key; 2] {
    [
        key(
            "nameOverride",
            Kind::Name,
            "Stands for `clearml` in labels and in the names of the servers' objects.",
        ),
        key(
            "fullnameOverride",
            Kind::Name,
            "The whole beginning of the names of the servers' objects.",
        ),
    ]
}

fn registry() -> [Key; 6] {
    let name = |name: &str| format!("imageCredentials.{name}");
    [
        key(
            name("enabled"),
            Kind::Flag,
            "Whether pods pull their images with credentials.",
        ),
        key(
            name("existingSecret"),
            Kind::Name,
            "A Secret of type kubernetes.io/dockerconfigjson that is there already, instead of one made of the keys beside.",
        ),
        key(
            name("registry"),
            Kind::Text,
            "The registry that the credentials are for.",
        ),
        key(
            name("username"),
            Kind::Text,
            "User of the registry; the chart's `someone` counts as none: then those of your own `docker login` are taken.",
        ),
        key(
            name("password"),
            Kind::Password,
            "Password of the registry's user; the chart's `pwd` counts as none.",
        ),
        key(
            name("email"),
            Kind::Text,
            "Address of the registry's user; registries do not look at it.",
        ),
    ]
}

fn ingress() -> Vec<Key> {
    let mut keys = vec![
        key("ingress.name", Kind::Text, "The name of the ingress.")
            .nothing("the chart names its ingresses by component"),
        key(
            "ingress.annotations",
            Kind::Texts,
            "Annotations of all three ingresses; one of a single ingress wins.",
        ),
        key(
            "ingress.className",
            Kind::Name,
            "The class of the ingresses: which controller serves them. Without one the cluster's default class does.",
        ),
    ];
    for (name, what) in [
        ("app", "web app"),
        ("api", "API server"),
        ("files", "file server"),
    ] {
        let path = |key: &str| format!("ingress.{name}.{key}");
        keys.extend([
            key(
                path("enabled"),
                Kind::Flag,
                format!("Whether the {what} has an ingress."),
            ),
            key(
                path("hostName"),
                Kind::IngressHost,
                format!(
                    "Host name of the {what}. The web app finds the other two by itself where the three are `app.`, `api.` and `files.` of one domain."
                ),
            ),
            key(
                path("tlsSecretName"),
                Kind::Name,
                format!("The Secret of type kubernetes.io/tls with the {what}'s certificate; with one its URL is https."),
            ),
            key(
                path("annotations"),
                Kind::Texts,
                format!("Annotations of the {what}'s ingress alone."),
            ),
            key(
                path("path"),
                Kind::RootPath,
                "Path of the ingress: `/`, as the web app does not work below another.",
            ),
        ]);
    }
    keys
}

fn secrets() -> Vec<Key> {
    let published = "The chart's own, which is published, counts as none: then one is made for the instance and kept.";
    let secret = |path: &str, what: &str| {
        key(
            format!("secret.{path}"),
            SECRET,
            format!("{what} {published}"),
        )
        .default(json!(""))
    };
    vec![
        secret("httpSession", "Signs the sessions of the web app."),
        secret("authToken", "Signs the tokens of logins."),
        secret(
            "credentials.apiserver.accessKey",
            "Access key of the API server's own user.",
        ),
        secret(
            "credentials.apiserver.secretKey",
            "Secret key of the API server's own user.",
        ),
        secret(
            "credentials.tests.accessKey",
            "Access key of the default user, for the SDK.",
        ),
        secret(
            "credentials.tests.secretKey",
            "Secret key of the default user, for the SDK.",
        ),
    ]
}

fn outside() -> Vec<Key> {
    let path = |name: &str| format!("externalServices.{name}");
    let mut keys = Vec::new();
    for (name, what, section) in [
        ("elasticsearch", "Elasticsearch", "elasticsearch"),
        ("mongodb", "MongoDB", "mongodb"),
        ("redis", "Redis", "redis"),
    ] {
        keys.push(key(
            path(&format!("{name}Host")),
            Kind::Host,
            format!("Where {what} is, with `{section}.enabled: false`; not used otherwise."),
        ));
        keys.push(key(
            path(&format!("{name}Port")),
            Kind::Whole(1..=65535),
            format!("The port of {what} there."),
        ));
    }
    keys.extend([
        key(
            path("existingSecret"),
            Kind::Name,
            "A Secret with credentials for services outside, under the keys `elasticsearch_username`, `elasticsearch_password`, `mongodb_username`, `mongodb_password`, `redis_password`, as far as they are needed; instead of the keys beside.",
        ),
        key(path("elasticsearchUsername"), Kind::Text, "User of Elasticsearch outside."),
        key(path("elasticsearchPassword"), Kind::Password, "Password of Elasticsearch outside."),
        key(
            path("mongodbUsername"),
            Kind::Text,
            "User of MongoDB outside (server 2.0 and newer).",
        ),
        key(
            path("mongodbPassword"),
            Kind::Password,
            "Password of MongoDB outside (server 2.0 and newer).",
        ),
        key(
            path("mongodbQuery"),
            Kind::Query,
            "What stands behind the `?` of MongoDB's address, such as `authSource=admin` (server 2.0 and newer).",
        )
        .default(json!("authSource=admin")),
        key(path("redisPassword"), Kind::Password, "Password of Redis outside."),
    ]);
    keys
}
