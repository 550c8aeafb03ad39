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
        "ID of the company that all users belong to.",
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
            "Prefix of the names of the servers' objects.",
        ),
    ]
}

fn registry() -> [Key; 6] {
    let name = |name: &str| format!("imageCredentials.{name}");
    [
        key(name("enabled"), Kind::Flag, "Pull images with credentials."),
        key(
            name("existingSecret"),
            Kind::Name,
            "Existing Secret of type kubernetes.io/dockerconfigjson, instead of the other keys of `imageCredentials`.",
        ),
        key(
            name("registry"),
            Kind::Text,
            "Registry that the credentials are for.",
        ),
        key(
            name("username"),
            Kind::Text,
            "User name for the registry. Without one, or with the chart's `someone`, the credentials of your `docker login` are used.",
        ),
        key(
            name("password"),
            Kind::Password,
            "Password for the registry. The chart's `pwd` counts as not set.",
        ),
        key(
            name("email"),
            Kind::Text,
            "E-mail address for the registry. Registries ignore it.",
        ),
    ]
}

fn ingress() -> Vec<Key> {
    let mut keys = vec![
        key("ingress.name", Kind::Text, "Name of the ingress.")
            .nothing("the chart names its ingresses by component"),
        key(
            "ingress.annotations",
            Kind::Texts,
            "Annotations of all three ingresses. Those of a single ingress take precedence.",
        ),
        key(
            "ingress.className",
            Kind::Name,
            "Class of the ingresses, which selects the controller. Without one, the default class of the cluster.",
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
                format!("Create an ingress for the {what}."),
            ),
            key(
                path("hostName"),
                Kind::IngressHost,
                format!(
                    "Host name of the {what}. The web app finds the other two servers if the names are `app.`, `api.` and `files.` of one domain."
                ),
            ),
            key(
                path("tlsSecretName"),
                Kind::Name,
                format!("Secret of type kubernetes.io/tls with the certificate of the {what}. With one, its URL is https."),
            ),
            key(
                path("annotations"),
                Kind::Texts,
                format!("Annotations of the ingress of the {what} only."),
            ),
            key(
                path("path"),
                Kind::RootPath,
                "Path of the ingress. It must be `/`: the web app does not work below another path.",
            ),
        ]);
    }
    keys
}

fn secrets() -> Vec<Key> {
    let published = "The chart's value is public and counts as not set: a value is generated for the instance and kept.";
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
            "Access key of the API server's internal user.",
        ),
        secret(
            "credentials.apiserver.secretKey",
            "Secret key of the API server's internal user.",
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
            format!("Host of an external {what}. Used only with `{section}.enabled: false`."),
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
            "Existing Secret with the credentials of external databases, instead of the other keys of `externalServices`. It holds those of `elasticsearch_username`, `elasticsearch_password`, `mongodb_username`, `mongodb_password` and `redis_password` that are needed.",
        ),
        key(path("elasticsearchUsername"), Kind::Text, "User name for an external Elasticsearch."),
        key(path("elasticsearchPassword"), Kind::Password, "Password for an external Elasticsearch."),
        key(
            path("mongodbUsername"),
            Kind::Text,
            "User name for an external MongoDB (server 2.0 and newer).",
        ),
        key(
            path("mongodbPassword"),
            Kind::Password,
            "Password for an external MongoDB (server 2.0 and newer).",
        ),
        key(
            path("mongodbQuery"),
            Kind::Query,
            "Options in the connection string of an external MongoDB, such as `authSource=admin` (server 2.0 and newer).",
        )
        .default(json!("authSource=admin")),
        key(path("redisPassword"), Kind::Password, "Password for an external Redis."),
    ]);
    keys
}
