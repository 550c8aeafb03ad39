//! Values that do nothing because of another key.

use super::{Context, Finding, Found, keys_listed};
use crate::values::keys::{
    self, DATABASES, Definition, Effect, apiserver, elasticsearch, external, ingress, mongodb,
    redis, registry,
};
use crate::values::{PullSecret, Values};

/// How many keys one warning names.
const NAMED: usize = 3;

/// Keys without effect as long as something else is as it is.
struct Idle {
    /// The switches among them have an effect.
    keys: Vec<&'static Definition>,
    why: String,
}

impl Idle {
    fn new(keys: impl Into<Vec<&'static Definition>>, why: impl Into<String>) -> Idle {
        Idle {
            keys: keys.into(),
            why: why.into(),
        }
    }
}

pub(super) fn doubtful(context: &Context<'_>, found: &mut Found) {
    let mut told: Vec<&str> = Vec::new();
    for idle in all(context) {
        let of_it = |key: &&keys::Entry| {
            let key = key.definition;
            let belongs = idle.keys.iter().any(|idle| std::ptr::eq(*idle, key));
            belongs && !key.is_switch && key.effect == Effect::Works
        };
        let keys = keys::all().iter().filter(of_it);
        let keys = keys
            .filter(|key| context.changes(key.definition) && !told.contains(&key.path.as_str()));
        let keys: Vec<&str> = keys.map(|key| key.path.as_str()).collect();
        told.extend(&keys);
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
            format!("{listed} {has} no effect: {}", idle.why),
        ));
    }
}

/// Everything that is idle with these values.
fn all(context: &Context<'_>) -> Vec<Idle> {
    let values = context.values;
    let mut all = databases(values);
    all.extend(logins(values));
    let sites = &values.ingress.sites;
    let closed = [&sites.app, &sites.api, &sites.files].map(Option::is_none);
    for ((_, keys), is_closed) in ingress::SITES.into_iter().zip(closed) {
        if is_closed {
            all.push(Idle::new(
                keys.all(),
                format!("`{}` is false", keys.enabled),
            ));
        }
    }
    if closed == [true; 3] {
        all.push(Idle::new(
            [
                &ingress::ANNOTATIONS.definition,
                &ingress::CLASS_NAME.definition,
            ],
            "no ingress is enabled",
        ));
    }
    let api = &values.api;
    if !api.prepopulate {
        all.push(Idle::new(
            [&apiserver::PREPOPULATE_ZIP_FILES.definition],
            format!("`{}` is false", apiserver::PREPOPULATE_ENABLED),
        ));
    }
    if !api.watchdog.enabled {
        all.push(Idle::new(
            [
                &apiserver::WATCHDOG_THRESHOLD.definition,
                &apiserver::WATCHDOG_INTERVAL.definition,
            ],
            format!("`{}` is false", apiserver::WATCHDOG_ENABLED),
        ));
    }
    all
}

fn databases(values: &Values) -> Vec<Idle> {
    let mut all = Vec::new();
    for database in &DATABASES {
        let enabled = database.enabled;
        all.push(match values.installs(database.component) {
            true => Idle::new(database.external, format!("`{enabled}` is true")),
            false => Idle::new((database.all)(), format!("`{enabled}` is false")),
        });
        let claim = values.claim(database.component);
        if claim.is_some_and(|claim| !claim.enabled) {
            all.push(Idle::new(
                (database.claim)(),
                format!("`{}` is false", database.persistence),
            ));
        }
    }
    if DATABASES
        .iter()
        .all(|database| values.installs(database.component))
    {
        all.push(Idle::new(
            [&external::EXISTING_SECRET.definition],
            "no database is external",
        ));
    }
    if !values.mongodb.replica_set {
        all.push(Idle::new(
            [&mongodb::REPLICA_COUNT.definition],
            format!("`{}` is standalone", mongodb::ARCHITECTURE),
        ));
    }
    if values.elasticsearch.tag_by_elastics_name {
        all.push(Idle::new(
            [&elasticsearch::PODS.image_tag.definition],
            format!("`{}` is used instead", elasticsearch::IMAGE_TAG),
        ));
    }
    all
}

fn logins(values: &Values) -> Vec<Idle> {
    let mut all = Vec::new();
    if !values.redis.wants_login {
        all.push(Idle::new(
            [&redis::PASSWORD.definition],
            format!("`{}` is false", redis::USE_PASSWORD),
        ));
    }
    if !values.mongodb.wants_login {
        all.push(Idle::new(
            [&mongodb::ROOT_PASSWORD.definition],
            format!("`{}` is false", mongodb::AUTH_ENABLED),
        ));
    }
    if values.api.fixed_users.is_none() {
        all.push(Idle::new(
            [
                &apiserver::FIXED_USERS_PASS_HASHED.definition,
                &apiserver::FIXED_USERS.definition,
            ],
            format!("`{}` is false", apiserver::FIXED_USERS_ENABLED),
        ));
    }
    match &values.pull_secret {
        None => all.push(Idle::new(
            registry::ALL,
            format!("`{}` is false", registry::ENABLED),
        )),
        Some(PullSecret::Existing(_)) => all.push(Idle::new(
            [
                &registry::REGISTRY.definition,
                &registry::USERNAME.definition,
                &registry::PASSWORD.definition,
                &registry::EMAIL.definition,
            ],
            format!("`{}` is used instead", registry::EXISTING_SECRET),
        )),
        Some(PullSecret::Made { .. }) => {}
    }
    all
}
