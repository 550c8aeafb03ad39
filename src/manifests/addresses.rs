//! The addresses and credentials of the databases, in the cluster or external.

use serde_json::{Value, json};

use super::Inputs;
use super::databases::connection_string;
use crate::component::Component;

/// The Secret with credentials for external databases.
pub(super) const EXTERNAL_SECRET: &str = "clearml-outside";

/// The address of a database, as a server is configured.
pub(super) struct Address {
    host: String,
    port: u16,
    envs: Vec<Value>,
}

impl Address {
    pub(super) fn for_template(&self) -> Value {
        json!({"host": self.host, "port": self.port, "envs": self.envs})
    }

    pub(super) fn envs(&self) -> &[Value] {
        &self.envs
    }
}

/// Returns a variable from a Secret.
fn secret(name: &str, secret: &str, key: &str, optional: bool) -> Value {
    let mut reference = json!({"name": secret, "key": key});
    if optional {
        reference["optional"] = json!(true);
    }
    json!({"name": name, "valueFrom": {"secretKeyRef": reference}})
}

/// Returns the variables with credentials for an external database: those in the values,
/// or all that the user's Secret may contain.
fn external_envs(inputs: &Inputs<'_>, variables: &[(&str, &str, bool)]) -> Vec<Value> {
    let existing = inputs.values.external.existing_secret.as_deref();
    variables
        .iter()
        .filter(|(_, _, is_set)| existing.is_some() || *is_set)
        .map(|(variable, key, _)| {
            let name = existing.unwrap_or(EXTERNAL_SECRET);
            secret(variable, name, key, existing.is_some())
        })
        .collect()
}

fn external(inputs: &Inputs<'_>, component: Component, envs: Vec<Value>) -> Address {
    let (host, port) = inputs.values.external.place(component).unwrap_or(("", 0));
    Address {
        host: host.to_owned(),
        port,
        envs,
    }
}

pub(super) fn redis(inputs: &Inputs<'_>) -> Address {
    const PASSWORD: &str = "CLEARML_REDIS_SERVICE_PASSWORD";
    let values = inputs.values;
    if !values.installs(Component::Redis) {
        let is_set = values.external.redis_password.is_some();
        let envs = external_envs(inputs, &[(PASSWORD, "redis_password", is_set)]);
        return external(inputs, Component::Redis, envs);
    }
    let redis = &values.redis;
    let wanted = redis.requires_login;
    Address {
        host: redis.configured_host.clone(),
        port: redis.configured_port,
        envs: wanted
            .then(|| secret(PASSWORD, "clearml-conf", "redis_password", false))
            .into_iter()
            .collect(),
    }
}

pub(super) fn mongodb(inputs: &Inputs<'_>) -> Address {
    const USERNAME: &str = "CLEARML_MONGODB_SERVICE_USERNAME";
    const PASSWORD: &str = "CLEARML_MONGODB_SERVICE_PASSWORD";
    const QUERY: &str = "CLEARML_MONGODB_SERVICE_QUERY";
    let values = inputs.values;
    let plain = |name: &str, value: &str| json!({"name": name, "value": value});
    if !values.installs(Component::Mongodb) {
        let login = &values.external.mongodb_login;
        let supports_login = inputs.release.supports_mongodb_login();
        let mut envs = match supports_login {
            true => external_envs(
                inputs,
                &[
                    (USERNAME, "mongodb_username", login.username.is_some()),
                    (PASSWORD, "mongodb_password", login.password.is_some()),
                ],
            ),
            false => Vec::new(),
        };
        if !envs.is_empty() {
            envs.push(plain(QUERY, &values.external.mongodb_query));
        }
        return external(inputs, Component::Mongodb, envs);
    }
    let mongodb = &values.mongodb;
    let mut envs = Vec::new();
    if mongodb.requires_login {
        envs.push(plain(USERNAME, "root"));
        envs.push(secret(PASSWORD, "clearml-conf", "mongodb_password", false));
        envs.push(plain(QUERY, "authSource=admin"));
    }
    if mongodb.replica_set {
        let string = connection_string(mongodb.members());
        envs.push(plain("CLEARML_MONGODB_SERVICE_CONNECTION_STRING", &string));
    }
    Address {
        host: mongodb.configured_host.clone(),
        port: mongodb.port,
        envs,
    }
}

pub(super) fn elasticsearch(inputs: &Inputs<'_>) -> Address {
    let values = inputs.values;
    if !values.installs(Component::Elasticsearch) {
        let login = &values.external.elasticsearch_login;
        let envs = external_envs(
            inputs,
            &[
                (
                    "CLEARML_ELASTIC_SERVICE_USERNAME",
                    "elasticsearch_username",
                    login.username.is_some(),
                ),
                (
                    "CLEARML_ELASTIC_SERVICE_PASSWORD",
                    "elasticsearch_password",
                    login.password.is_some(),
                ),
            ],
        );
        return external(inputs, Component::Elasticsearch, envs);
    }
    Address {
        host: values.elasticsearch.full_name(),
        port: values.elasticsearch.port,
        envs: Vec::new(),
    }
}

/// Renders the Secret with the credentials in the values, if there are any.
pub(super) fn secret_object(inputs: &Inputs<'_>) -> Option<Value> {
    let external = &inputs.values.external;
    let used = |component| !inputs.values.installs(component);
    let all = [
        (
            Component::Elasticsearch,
            "elasticsearch_username",
            &external.elasticsearch_login.username,
        ),
        (
            Component::Elasticsearch,
            "elasticsearch_password",
            &external.elasticsearch_login.password,
        ),
        (
            Component::Mongodb,
            "mongodb_username",
            &external.mongodb_login.username,
        ),
        (
            Component::Mongodb,
            "mongodb_password",
            &external.mongodb_login.password,
        ),
        (Component::Redis, "redis_password", &external.redis_password),
    ];
    let data: serde_json::Map<String, Value> = all
        .into_iter()
        .filter(|(component, _, _)| used(*component))
        .filter_map(|(_, key, value)| Some((key.to_owned(), json!(value.as_ref()?))))
        .collect();
    if data.is_empty() || external.existing_secret.is_some() {
        return None;
    }
    Some(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": EXTERNAL_SECRET},
        "type": "Opaque",
        "stringData": data,
    }))
}
