//! The databases, installed here or external.

use super::{Context, Finding, Found};
use crate::component::Component;
use crate::quantity::{bytes, java_bytes};
use crate::release::Release;
use crate::values::keys::{DATABASES, elasticsearch, external, mongodb};
use crate::values::{Values, elastic, kind, limits};

pub(super) fn errors(context: &Context<'_>, found: &mut Found) {
    let (values, release) = (context.values, context.release);
    heap(context, found);
    settings(context, found);
    roles(values, found);
    external_databases(values, release, found);
    logins(values, release, found);
}

fn heap(context: &Context<'_>, found: &mut Found) {
    let elastic = &context.values.elasticsearch;
    let limit = kind::text(&elastic.base.pods.resources["limits"]["memory"]);
    let (Some(heap), Some(limit)) = (limits::heap_of(&elastic.java_options), limit) else {
        return;
    };
    if let (Some(heap_bytes), Some(limit_bytes)) = (java_bytes(heap), bytes(&limit))
        && elastic.base.enabled
        && heap_bytes >= limit_bytes
    {
        let limit_key = elasticsearch::PODS.resources.below("limits.memory");
        found.push(Finding::of(
            [
                elasticsearch::ES_JAVA_OPTS.to_string(),
                limit_key.clone(),
            ],
            format!("Elasticsearch's heap of {heap} does not fit its memory limit of {limit}, `{limit_key}`"),
        ));
    }
}

fn roles(values: &Values, found: &mut Found) {
    if !values.installs(Component::Elasticsearch) {
        return;
    }
    let roles = values.elasticsearch.roles;
    for (key, on, what) in [
        (&elasticsearch::ROLE_MASTER, roles.master, "becomes master"),
        (&elasticsearch::ROLE_DATA, roles.data, "holds data"),
    ] {
        if !on {
            found.push(Finding::new(
                key,
                format!(
                    "Elasticsearch does not start if no node {what}, and all nodes have the \
                    same roles"
                ),
            ));
        }
    }
}

fn external_databases(values: &Values, release: &Release, found: &mut Found) {
    for database in DATABASES.iter().rev() {
        let place = values.external.place(database.component);
        let host = place.map_or("", |(host, _)| host);
        if !values.installs(database.component) && host.is_empty() {
            let (enabled, host) = (database.enabled, database.host);
            found.push(Finding::new(
                enabled,
                format!("`{enabled}` is false, but `{host}` is not set"),
            ));
        }
    }
    let settings = &values.external;
    let logins = [
        (
            &external::ELASTICSEARCH_USERNAME,
            &external::ELASTICSEARCH_PASSWORD,
            &settings.elasticsearch_login,
        ),
        (
            &external::MONGODB_USERNAME,
            &external::MONGODB_PASSWORD,
            &settings.mongodb_login,
        ),
    ];
    let keys = logins.iter().flat_map(|(username, password, login)| {
        [(*username, &login.username), (*password, &login.password)]
    });
    let mut keys = keys.chain([(&external::REDIS_PASSWORD, &settings.redis_password)]);
    let set = keys.find(|(_, value)| value.is_some());
    if let (Some(secret), Some((key, _))) = (&settings.existing_secret, set) {
        found.push(Finding::new(
            key,
            format!(
                "`{key}` is not used because `existingSecret` is `{secret}`: remove one of them"
            ),
        ));
    }
    for (username, password, login) in logins {
        let (key, missing) = match (&login.username, &login.password) {
            (Some(_), None) => (username, password),
            (None, Some(_)) => (password, username),
            _ => continue,
        };
        found.push(Finding::new(key, format!("`{key}` needs `{missing}`")));
    }
    let uses = !values.installs(Component::Mongodb) && settings.mongodb_login.username.is_some();
    if uses && !release.supports_mongodb_login() {
        found.push(Finding::new(
            &external::MONGODB_USERNAME,
            format!(
                "server {} does not support a MongoDB login: users and keys end up in the \
                wrong database; use server 2.0 or newer",
                release.server
            ),
        ));
    }
}

fn logins(values: &Values, release: &Release, found: &mut Found) {
    let server = &values.mongodb;
    if !server.base.enabled {
        return;
    }
    if server.requires_login && server.replica_set {
        found.push(Finding::new(
            &mongodb::AUTH_ENABLED,
            format!(
                "a replica set with a login needs a key file, which is not supported here: remove \
                 `{}` or `{}`, or use an external MongoDB with `{}: false` and `{}`",
                mongodb::AUTH_ENABLED,
                mongodb::ARCHITECTURE,
                mongodb::ENABLED,
                external::MONGODB_HOST
            ),
        ));
    }
    if release.supports_mongodb_login() {
        return;
    }
    let version = &release.server;
    if server.requires_login {
        found.push(Finding::new(
            &mongodb::AUTH_ENABLED,
            format!(
                "server {version} does not support a MongoDB login: users and keys end up in \
                the wrong database; use server 2.0 or newer"
            ),
        ));
    }
    if server.replica_set {
        found.push(Finding::new(
            &mongodb::ARCHITECTURE,
            format!("server {version} does not support a replica set; use server 2.0 or newer"),
        ));
    }
}

pub(super) fn warnings(context: &Context<'_>, found: &mut Found) {
    let values = context.values;
    for database in &DATABASES {
        let component = database.component;
        let claim = values.claim(component);
        if values.installs(component) && claim.is_some_and(|claim| !claim.enabled) {
            found.push(Finding::new(
                database.persistence,
                format!("{component} has no volume: its data are lost when its pod is recreated"),
            ));
        }
    }
    if values.mongodb.requires_login && values.installs(Component::Mongodb) {
        found.push(Finding::new(
            &mongodb::AUTH_ENABLED,
            "MongoDB creates its user only on empty data: existing data keep their users",
        ));
    }
}

/// Settings with which Elasticsearch does not start or refuses the servers.
fn settings(context: &Context<'_>, found: &mut Found) {
    let elastic = &context.values.elasticsearch;
    if !elastic.base.enabled {
        return;
    }
    let key = &elasticsearch::PODS.extra_envs;
    for env in &elastic.base.pods.extra_envs {
        let name = env["name"].as_str().unwrap_or_default();
        if elastic::is_removed(env, context.release) {
            let version = &context.release.databases.elasticsearch;
            let instead = match name.starts_with("node.") {
                true => "; use `elasticsearch.roles` for the roles of its nodes",
                false => "",
            };
            found.push(Finding::new(
                key,
                format!(
                    "Elasticsearch {version} does not start with the unknown setting `{name}`: \
                    remove it from `{key}`{instead}"
                ),
            ));
        }
        if name == "xpack.security.enabled" && kind::flag(&env["value"]) == Some(true) {
            found.push(Finding::new(
                key,
                format!(
                    "with `xpack.security.enabled` the servers cannot log in to the Elasticsearch \
                     that is installed here: remove it, or use an external one with `{}: false` \
                     and `{}`",
                    elasticsearch::ENABLED,
                    external::ELASTICSEARCH_HOST
                ),
            ));
        }
    }
}
