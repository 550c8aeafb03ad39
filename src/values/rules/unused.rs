//! Values without effect because of another key.

use super::{Context, Finding, Found, keys_listed};
use crate::values::keys::{
    self, DATABASES, Definition, Effect, apiserver, elasticsearch, external, ingress, mongodb,
    redis, registry,
};
use crate::values::{PullSecret, ServiceType, Values};

/// The number of keys that a warning names.
const NAMED: usize = 3;

/// Keys without effect because of another value.
struct Unused {
    /// Switches among these keys do have an effect.
    keys: Vec<&'static Definition>,
    why: String,
}

impl Unused {
    fn new(keys: impl Into<Vec<&'static Definition>>, why: impl Into<String>) -> Unused {
        Unused {
            keys: keys.into(),
            why: why.into(),
        }
    }
}

pub(super) fn warnings(context: &Context<'_>, found: &mut Found) {
    let mut reported: Vec<&str> = Vec::new();
    for unused in all(context) {
        let is_unused = |key: &&keys::Entry| {
            let key = key.definition;
            let belongs = unused.keys.iter().any(|unused| std::ptr::eq(*unused, key));
            belongs && !key.is_switch && key.effect == Effect::Supported
        };
        let keys = keys::all().iter().filter(is_unused);
        let keys = keys.filter(|key| {
            context.changes(key.definition) && !reported.contains(&key.path.as_str())
        });
        let keys: Vec<&str> = keys.map(|key| key.path.as_str()).collect();
        reported.extend(&keys);
        if keys.is_empty() {
            continue;
        }
        let names: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let listed = match names.len() {
            0..=NAMED => keys_listed(&names),
            many => format!(
                "{} and {} more",
                names[..NAMED]
                    .iter()
                    .map(|key| format!("`{key}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
                many - NAMED
            ),
        };
        let has = if names.len() == 1 { "has" } else { "have" };
        found.push(Finding::of(
            names,
            format!("{listed} {has} no effect: {}", unused.why),
        ));
    }
}

/// All keys without effect with these values.
fn all(context: &Context<'_>) -> Vec<Unused> {
    let values = context.values;
    let mut all = databases(values);
    all.extend(logins(values));
    if context.target.is_cluster() {
        all.extend(node_ports(values));
    }
    let sites = &values.ingress.sites;
    let disabled = [&sites.app, &sites.api, &sites.files].map(Option::is_none);
    for ((_, keys), is_disabled) in ingress::SITES.into_iter().zip(disabled) {
        if is_disabled {
            all.push(Unused::new(
                keys.all(),
                format!("`{}` is false", keys.enabled),
            ));
        }
    }
    if disabled == [true; 3] {
        all.push(Unused::new(
            [
                &ingress::ANNOTATIONS.definition,
                &ingress::CLASS_NAME.definition,
            ],
            "no ingress is enabled",
        ));
    }
    let api = &values.api;
    if !api.prepopulate {
        all.push(Unused::new(
            [&apiserver::PREPOPULATE_ZIP_FILES.definition],
            format!("`{}` is false", apiserver::PREPOPULATE_ENABLED),
        ));
    }
    if !api.watchdog.enabled {
        all.push(Unused::new(
            [
                &apiserver::WATCHDOG_THRESHOLD.definition,
                &apiserver::WATCHDOG_INTERVAL.definition,
            ],
            format!("`{}` is false", apiserver::WATCHDOG_ENABLED),
        ));
    }
    all
}

/// A local node publishes the node ports of all types of services.
fn node_ports(values: &Values) -> Vec<Unused> {
    let servers = values.servers().into_iter();
    let servers = servers.filter(|(_, server)| server.service.kind != ServiceType::NodePort);
    servers
        .filter_map(|(component, server)| {
            let keys = keys::server(component)?;
            Some(Unused::new(
                [&keys.node_port.definition],
                format!(
                    "`{}` is {}",
                    keys.service_type,
                    server.service.kind.as_str()
                ),
            ))
        })
        .collect()
}

fn databases(values: &Values) -> Vec<Unused> {
    let mut all = Vec::new();
    for database in &DATABASES {
        let enabled = database.enabled;
        all.push(match values.installs(database.component) {
            true => Unused::new(database.external, format!("`{enabled}` is true")),
            false => Unused::new((database.all)(), format!("`{enabled}` is false")),
        });
        let claim = values.claim(database.component);
        if claim.is_some_and(|claim| !claim.enabled) {
            all.push(Unused::new(
                (database.claim)(),
                format!("`{}` is false", database.persistence),
            ));
        }
    }
    if DATABASES
        .iter()
        .all(|database| values.installs(database.component))
    {
        all.push(Unused::new(
            [&external::EXISTING_SECRET.definition],
            "no database is external",
        ));
    }
    if !values.mongodb.replica_set {
        all.push(Unused::new(
            [&mongodb::REPLICA_COUNT.definition],
            format!("`{}` is standalone", mongodb::ARCHITECTURE),
        ));
    }
    if values.elasticsearch.uses_elastic_image_tag {
        all.push(Unused::new(
            [&elasticsearch::PODS.image_tag.definition],
            format!("`{}` is used instead", elasticsearch::IMAGE_TAG),
        ));
    }
    all
}

fn logins(values: &Values) -> Vec<Unused> {
    let mut all = Vec::new();
    if !values.redis.requires_login {
        all.push(Unused::new(
            [&redis::PASSWORD.definition],
            format!("`{}` is false", redis::USE_PASSWORD),
        ));
    }
    if !values.mongodb.requires_login {
        all.push(Unused::new(
            [&mongodb::ROOT_PASSWORD.definition],
            format!("`{}` is false", mongodb::AUTH_ENABLED),
        ));
    }
    if values.api.fixed_users.is_none() {
        all.push(Unused::new(
            [
                &apiserver::FIXED_USERS_PASS_HASHED.definition,
                &apiserver::FIXED_USERS.definition,
            ],
            format!("`{}` is false", apiserver::FIXED_USERS_ENABLED),
        ));
    }
    match &values.pull_secret {
        None => all.push(Unused::new(
            registry::ALL,
            format!("`{}` is false", registry::ENABLED),
        )),
        Some(PullSecret::Existing(_)) => all.push(Unused::new(
            [
                &registry::REGISTRY.definition,
                &registry::USERNAME.definition,
                &registry::PASSWORD.definition,
                &registry::EMAIL.definition,
            ],
            format!("`{}` is used instead", registry::EXISTING_SECRET),
        )),
        Some(PullSecret::Created { .. }) => {}
    }
    all
}
