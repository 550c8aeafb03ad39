//! The databases, here and outside of the cluster.

use super::{Context, Finding, Found};
use crate::component::Component;
use crate::quantity::{bytes, java_bytes};
use crate::release::Release;
use crate::values::{Values, elastic, kind, limits};

pub(super) fn broken(context: &Context<'_>, found: &mut Found) {
    let (values, release) = (context.values, context.release);
    heap(context, found);
    settings(context, found);
    roles(values, found);
    outside(values, release, found);
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
        found.push(Finding::of(
            [
                "elasticsearch.esJavaOpts".to_owned(),
                "elasticsearch.resources.limits.memory".to_owned(),
            ],
            format!("Elasticsearch's heap of {heap} does not fit its memory limit of {limit}, `elasticsearch.resources.limits.memory`"),
        ));
    }
}

fn roles(values: &Values, found: &mut Found) {
    if !values.installs(Component::Elasticsearch) {
        return;
    }
    let roles = values.elasticsearch.roles;
    for (role, on, what) in [
        ("master", roles.master, "becomes master"),
        ("data", roles.data, "holds data"),
    ] {
        if !on {
            found.push(Finding::new(
                format!("elasticsearch.roles.{role}"),
                format!(
                    "Elasticsearch does not start if no node {what}, and all nodes have the \
                    same roles"
                ),
            ));
        }
    }
}

fn outside(values: &Values, release: &Release, found: &mut Found) {
    for component in [
        Component::Elasticsearch,
        Component::Mongodb,
        Component::Redis,
    ] {
        let host = values.outside.place(component).map_or("", |(host, _)| host);
        if !values.installs(component) && host.is_empty() {
            found.push(Finding::new(
                format!("{component}.enabled"),
                format!(
                    "`{component}.enabled` is false, but `externalServices.{component}Host` is not \
                     set"
                ),
            ));
        }
    }
    let outside = &values.outside;
    let own = [
        (
            "elasticsearchUsername",
            outside.elasticsearch_login.username.is_some(),
        ),
        (
            "elasticsearchPassword",
            outside.elasticsearch_login.password.is_some(),
        ),
        ("mongodbUsername", outside.mongodb_login.username.is_some()),
        ("mongodbPassword", outside.mongodb_login.password.is_some()),
        ("redisPassword", outside.redis_password.is_some()),
    ];
    let said = own.iter().find(|(_, said)| *said);
    if let (Some(secret), Some((name, _))) = (&outside.existing_secret, said) {
        found.push(Finding::new(
            format!("externalServices.{name}"),
            format!(
                "`externalServices.{name}` is not used because `existingSecret` is `{secret}`: \
                 remove one of them"
            ),
        ));
    }
    for (name, login) in [
        ("elasticsearch", &outside.elasticsearch_login),
        ("mongodb", &outside.mongodb_login),
    ] {
        let missing = match (&login.username, &login.password) {
            (Some(_), None) => "Password",
            (None, Some(_)) => "Username",
            _ => continue,
        };
        let there = if missing == "Password" {
            "Username"
        } else {
            "Password"
        };
        found.push(Finding::new(
            format!("externalServices.{name}{there}"),
            format!("`externalServices.{name}{there}` needs `externalServices.{name}{missing}`"),
        ));
    }
    let uses = !values.installs(Component::Mongodb) && outside.mongodb_login.username.is_some();
    if uses && !release.logs_in_to_mongodb() {
        found.push(Finding::new(
            "externalServices.mongodbUsername",
            format!(
                "server {} does not support a MongoDB login: users and keys end up in the \
                wrong database; use server 2.0 or newer",
                release.server
            ),
        ));
    }
}

fn logins(values: &Values, release: &Release, found: &mut Found) {
    let mongodb = &values.mongodb;
    if !mongodb.base.enabled {
        return;
    }
    if mongodb.wants_login && mongodb.replica_set {
        found.push(Finding::new(
            "mongodb.auth.enabled",
            "a replica set with a login needs a key file, which is not supported here: remove \
             `mongodb.auth.enabled` or `mongodb.architecture`, or use an external MongoDB with \
             `mongodb.enabled: false` and `externalServices.mongodbHost`",
        ));
    }
    if release.logs_in_to_mongodb() {
        return;
    }
    let server = &release.server;
    if mongodb.wants_login {
        found.push(Finding::new(
            "mongodb.auth.enabled",
            format!(
                "server {server} does not support a MongoDB login: users and keys end up in \
                the wrong database; use server 2.0 or newer"
            ),
        ));
    }
    if mongodb.replica_set {
        found.push(Finding::new(
            "mongodb.architecture",
            format!("server {server} does not support a replica set; use server 2.0 or newer"),
        ));
    }
}

pub(super) fn doubtful(context: &Context<'_>, found: &mut Found) {
    let values = context.values;
    for component in [
        Component::Redis,
        Component::Mongodb,
        Component::Elasticsearch,
    ] {
        let claim = values.claim(component);
        if values.installs(component) && claim.is_some_and(|claim| !claim.enabled) {
            let key = match component {
                Component::Redis => "redis.master.persistence.enabled".to_owned(),
                component => format!("{component}.persistence.enabled"),
            };
            found.push(Finding::new(
                key,
                format!("{component} has no volume: its data are lost when its pod is recreated"),
            ));
        }
    }
    if values.mongodb.wants_login && values.installs(Component::Mongodb) {
        found.push(Finding::new(
            "mongodb.auth.enabled",
            "MongoDB creates its user only on empty data: existing data keep their users",
        ));
    }
}

/// Settings with which Elasticsearch does not start, or lets the servers in no more.
fn settings(context: &Context<'_>, found: &mut Found) {
    let elastic = &context.values.elasticsearch;
    if !elastic.base.enabled {
        return;
    }
    for env in &elastic.base.pods.extra_envs {
        let name = env["name"].as_str().unwrap_or_default();
        if elastic::is_gone(env, context.release) {
            let version = &context.release.databases.elasticsearch;
            let instead = match name.starts_with("node.") {
                true => "; use `elasticsearch.roles` for the roles of its nodes",
                false => "",
            };
            found.push(Finding::new(
                elastic::KEY,
                format!(
                    "Elasticsearch {version} does not start with the unknown setting `{name}`: \
                    remove it from `{}`{instead}",
                    elastic::KEY
                ),
            ));
        }
        if name == "xpack.security.enabled" && kind::flag(&env["value"]) == Some(true) {
            found.push(Finding::new(
                elastic::KEY,
                "with `xpack.security.enabled` the servers cannot log in to the Elasticsearch that \
                 is installed here: remove it, or use an external one with `elasticsearch.enabled: \
                 false` and `externalServices.elasticsearchHost`",
            ));
        }
    }
}
