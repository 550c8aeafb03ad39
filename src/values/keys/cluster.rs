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
            "Replaces `clearml` in labels and in the names of the servers' objects.",
        ),
        key(
            "fullnameOverride",
            Kind::Name,
            "The full prefix of the names of the servers' objects.",
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
            "An existing Secret of type kubernetes.io/dockerconfigjson, used instead of the other \
             keys of `imageCredentials`.",
        ),
        key(
            name("registry"),
            Kind::Text,
            "The registry that the credentials are for.",
        ),
        key(
            name("username"),
            Kind::Text,
            "User of the registry. The chart's `someone` counts as empty; if empty, the \
             credentials of your `docker login` are used.",
        ),
        key(
            name("password"),
            Kind::Password,
            "Password of the registry's user. The chart's `pwd` counts as empty.",
        ),
        key(
            name("email"),
            Kind::Text,
            "Email address of the registry's user; registries ignore it.",
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
            "Annotations of all three ingresses; those of a single ingress take precedence.",
        ),
        key(
            "ingress.className",
            Kind::Name,
            "Class of the ingresses, which selects the controller that serves them; if empty, the \
             default class of the cluster.",
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
                    "Host name of the {what}. The web app finds the other two automatically if the \
                     three are `app.`, `api.` and `files.` of one domain."
                ),
            ),
            key(
                path("tlsSecretName"),
                Kind::Name,
                format!("The Secret of type kubernetes.io/tls with the {what}'s certificate; if \
                    set, its URL is https."),
            ),
            key(
                path("annotations"),
                Kind::Texts,
                format!("Annotations of the {what}'s ingress only."),
            ),
            key(
                path("path"),
                Kind::RootPath,
                "Path of the ingress; must be `/`, because the web app does not work below another \
                 path.",
            ),
        ]);
    }
    keys
}

fn secrets() -> Vec<Key> {
    let published = "The chart's own value is published and counts as empty; if empty, one is \
        generated for the instance and kept.";
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
            format!("Host of the external {what}; only used with `{section}.enabled: false`."),
        ));
        keys.push(key(
            path(&format!("{name}Port")),
            Kind::Whole(1..=65535),
            format!("Port of the external {what}."),
        ));
    }
    keys.extend([
        key(
            path("existingSecret"),
            Kind::Name,
            "An existing Secret with the credentials of external databases, used instead of the \
             keys below; it has those of the keys `elasticsearch_username`, \
             `elasticsearch_password`, `mongodb_username`, `mongodb_password`, `redis_password` \
             that are needed.",
        ),
        key(path("elasticsearchUsername"), Kind::Text, "User of the external Elasticsearch."),
        key(path("elasticsearchPassword"), Kind::Password, "Password of the external \
            Elasticsearch."),
        key(
            path("mongodbUsername"),
            Kind::Text,
            "User of the external MongoDB (server 2.0 and newer).",
        ),
        key(
            path("mongodbPassword"),
            Kind::Password,
            "Password of the external MongoDB (server 2.0 and newer).",
        ),
        key(
            path("mongodbQuery"),
            Kind::Query,
            "Query part of the external MongoDB's address (after the `?`), such as \
             `authSource=admin` (server 2.0 and newer).",
        )
        .default(json!("authSource=admin")),
        key(path("redisPassword"), Kind::Password, "Password of the external Redis."),
    ]);
    keys
}
