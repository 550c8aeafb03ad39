//! What must be true of several values together, of the release they are for, and
//! of the machine.

use serde_json::Value;

use super::{Values, hocon};
use crate::component::Component;
use crate::quantity::{bytes, java_bytes};
use crate::release::Release;
use crate::values::ServiceType;

/// What was found: a key and what is wrong with it.
type Found = Vec<(String, String)>;

/// Everything that is wrong.
pub(super) fn broken(values: &Values, release: &Release) -> Found {
    let mut found = Found::new();
    node_ports(values, &mut found);
    heap(values, &mut found);
    images(values, release, &mut found);
    roles(values, &mut found);
    outside(values, release, &mut found);
    logins(values, release, &mut found);
    redis_port(values, &mut found);
    ingress(values, &mut found);
    files(values, &mut found);
    found
}

fn node_ports(values: &Values, found: &mut Found) {
    let published = values.servers();
    let published = published
        .iter()
        .filter(|(_, server)| server.service.kind == ServiceType::NodePort);
    let mut earlier: Vec<(Component, u16)> = Vec::new();
    for (name, server) in published {
        let port = server.service.node_port;
        if let Some((other, _)) = earlier.iter().find(|(_, taken)| *taken == port) {
            found.push((
                format!("{name}.service.nodePort"),
                format!("`{name}` and `{other}` cannot both have node port {port}"),
            ));
        }
        earlier.push((*name, port));
    }
}

fn heap(values: &Values, found: &mut Found) {
    let options = values.elasticsearch.java_options.split_whitespace();
    let heap = options
        .filter_map(|option| option.strip_prefix("-Xmx"))
        .next_back();
    let limit = &values.elasticsearch.base.pods.resources["limits"]["memory"];
    let (Some(heap), Some(limit)) = (heap, super::kind::text(limit)) else {
        return;
    };
    if let (Some(heap_bytes), Some(limit_bytes)) = (java_bytes(heap), bytes(&limit))
        && heap_bytes >= limit_bytes
    {
        found.push((
            "elasticsearch.esJavaOpts".into(),
            format!("Elasticsearch's heap of {heap} does not fit its memory limit of {limit}"),
        ));
    }
}

/// The last parts of names under which the release's images are known, also in
/// registries of one's own; the tags of others say nothing of versions.
const KNOWN_IMAGES: [&str; 6] = [
    "clearml",
    "server",
    "redis",
    "mongo",
    "mongodb",
    "elasticsearch",
];

/// A tag of another version than the release's would be started with settings that
/// it does not know, or on data that it cannot read.
fn images(values: &Values, release: &Release, found: &mut Found) {
    for component in values.installed() {
        let image = values.image(component);
        let (repository, tag) = image.rsplit_once(':').unwrap_or((&image, ""));
        if component.is_database() && repository.contains("bitnami") {
            found.push((
                format!("{component}.image.repository"),
                format!(
                    "`{repository}` keeps its data elsewhere and runs as another user than the official images that are installed here: drop `{component}.image`"
                ),
            ));
            continue;
        }
        let known = KNOWN_IMAGES.contains(&repository.rsplit('/').next().unwrap_or_default());
        if !known || release.is_database_version(component, tag) != Some(false) {
            continue;
        }
        let key = match component {
            Component::Elasticsearch if values.elasticsearch.tag_by_elastics_name => {
                "elasticsearch.imageTag".to_owned()
            }
            _ => format!("{component}.image.tag"),
        };
        let wanted = release.image(component);
        found.push((
            key.clone(),
            format!(
                "`{key}` is {tag}, and release {} has {}: drop it, or choose the release that fits with --release",
                release.name, wanted.tag
            ),
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
            found.push((
                format!("elasticsearch.roles.{role}"),
                format!("Elasticsearch does not start where no node {what}, and all nodes have the same roles"),
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
            found.push((
                format!("{component}.enabled"),
                format!(
                    "`{component}.enabled` is false, and `externalServices.{component}Host` names no other"
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
        found.push((
            format!("externalServices.{name}"),
            format!(
                "`externalServices.{name}` is not used where `existingSecret` names `{secret}`: drop one of them"
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
        found.push((
            format!("externalServices.{name}{there}"),
            format!("`externalServices.{name}{there}` needs `externalServices.{name}{missing}`"),
        ));
    }
    let uses = !values.installs(Component::Mongodb) && outside.mongodb_login.username.is_some();
    if uses && !release.logs_in_to_mongodb() {
        found.push((
            "externalServices.mongodbUsername".into(),
            format!("server {} cannot log in to MongoDB: users and keys end up in the wrong database; servers from 2.0 on can", release.server),
        ));
    }
}

/// The chart tells the servers a port of Redis, and gives Redis another.
fn redis_port(values: &Values, found: &mut Found) {
    let redis = &values.redis;
    let own = redis.told_host == "clearml-redis-master";
    if redis.base.enabled && own && redis.told_port != redis.port {
        found.push((
            "redis.master.port".into(),
            format!(
                "the servers would look for Redis on port {}, and its service has port {}: say `redis.master.port` and `redis.master.service.port` alike",
                redis.told_port, redis.port
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
        found.push((
            "mongodb.auth.enabled".into(),
            "members of a replica set that want a login need a key of their own, which is not made here: leave one of `mongodb.auth.enabled` and `mongodb.architecture`, or use a MongoDB of your own with `mongodb.enabled: false` and `externalServices.mongodbHost`".into(),
        ));
    }
    if release.logs_in_to_mongodb() {
        return;
    }
    let server = &release.server;
    if mongodb.wants_login {
        found.push((
            "mongodb.auth.enabled".into(),
            format!("server {server} cannot log in to MongoDB: users and keys end up in the wrong database; servers from 2.0 on can"),
        ));
    }
    if mongodb.replica_set {
        found.push((
            "mongodb.architecture".into(),
            format!("server {server} cannot be told the members of a replica set; servers from 2.0 on can"),
        ));
    }
}

fn ingress(values: &Values, found: &mut Found) {
    let mut earlier: Vec<(&str, &str)> = Vec::new();
    for (name, site) in values.ingress.sites.all() {
        let key = format!("ingress.{name}.hostName");
        if let Some((other, _)) = earlier.iter().find(|(_, host)| *host == site.host) {
            found.push((
                key,
                format!("`ingress.{name}` and `ingress.{other}` cannot both have the host name {}: none of them works below a path", site.host),
            ));
        }
        earlier.push((name, &site.host));
    }
}

fn files(values: &Values, found: &mut Found) {
    for (name, text) in &values.api.files {
        if let Err(why) = hocon::check(text) {
            found.push((
                format!("apiserver.additionalConfigs.{name}"),
                format!("the file `{name}` is no HOCON, and the server would start with none of its configuration: {why}"),
            ));
        }
    }
    if let Some(text) = values.web_files.get("configuration.json") {
        let parsed: Result<serde_json::Map<String, Value>, _> = serde_json::from_str(text);
        if let Err(error) = parsed {
            found.push((
                "webserver.additionalConfigs.configuration.json".into(),
                format!("the file `configuration.json` is no JSON object, and the web app would not start: {error}"),
            ));
        }
    }
    let users = values.api.fixed_users.as_ref();
    if users.is_some_and(|fixed| fixed.users.is_empty()) {
        found.push((
            "apiserver.fixedUsers.enabled".into(),
            "`apiserver.fixedUsers.enabled` without `apiserver.fixedUsers.users` leaves nobody who can log in".into(),
        ));
    }
}

/// What a person should know, and that stops nothing.
pub(super) fn doubtful(values: &Values, release: &Release) -> Vec<String> {
    let mut warnings = Vec::new();
    for component in [
        Component::Redis,
        Component::Mongodb,
        Component::Elasticsearch,
    ] {
        let place = values.outside.place(component);
        if values.installs(component) && place.is_some_and(|(host, _)| !host.is_empty()) {
            warnings.push(format!(
                "`externalServices.{component}Host` is not used: `{component}.enabled` is true"
            ));
        }
        let claim = values.claim(component);
        if values.installs(component) && claim.is_some_and(|claim| !claim.enabled) {
            warnings.push(format!(
                "{component} keeps no data: they are gone whenever its pod is made anew"
            ));
        }
    }
    if !release.can_display_urls() {
        let unread = values
            .web_files
            .keys()
            .filter(|name| *name != "configuration.json");
        for name in unread {
            warnings.push(format!(
                "the web app of server {} reads no file `{name}`: `webserver.additionalConfigs` has no effect with it",
                release.server
            ));
        }
        let sites = &values.ingress.sites;
        if sites.app.is_some() && !sites.found_by_web_app() {
            warnings.push(format!(
                "the web app of server {} shows wrong URLs in `create credentials`: name the hosts `app.`, `api.` and `files.` of one domain",
                release.server
            ));
        }
    }
    if values.mongodb.wants_login && values.installs(Component::Mongodb) {
        warnings.push(
            "MongoDB makes its user on empty data alone: data that are there already keep their users".into(),
        );
    }
    warnings
}
