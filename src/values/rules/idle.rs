//! Values that do nothing because of another key.

use super::{Context, Finding, Found, keys_listed};
use crate::component::Component;
use crate::values::keys::{self, Effect};
use crate::values::{PullSecret, Values};

/// How many keys one warning names.
const NAMED: usize = 3;

/// Keys without effect as long as something else is as it is.
struct Idle {
    /// How the keys begin; those that are called `enabled` have an effect.
    starts: Vec<String>,
    /// The reason.
    why: String,
}

impl Idle {
    fn new(starts: &[&str], why: impl Into<String>) -> Idle {
        Idle {
            starts: starts.iter().map(|start| (*start).to_owned()).collect(),
            why: why.into(),
        }
    }
}

pub(super) fn doubtful(context: &Context<'_>, found: &mut Found) {
    let mut told: Vec<&str> = Vec::new();
    for idle in all(context) {
        let of_it = |key: &&keys::Key| {
            let begins = idle.starts.iter().any(|start| key.path.starts_with(start));
            begins && !key.path.ends_with(".enabled") && key.effect == Effect::Works
        };
        let keys = keys::all().iter().filter(of_it);
        let keys = keys.filter(|key| context.changes(key) && !told.contains(&key.path.as_str()));
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
    for (name, site) in [
        ("app", &sites.app),
        ("api", &sites.api),
        ("files", &sites.files),
    ] {
        if site.is_none() {
            all.push(Idle::new(
                &[&format!("ingress.{name}.")],
                format!("`ingress.{name}.enabled` is false"),
            ));
        }
    }
    if sites.all().next().is_none() {
        all.push(Idle::new(
            &["ingress.annotations", "ingress.className"],
            "no ingress is enabled",
        ));
    }
    let api = &values.api;
    if !api.prepopulate {
        all.push(Idle::new(
            &["apiserver.prepopulateZipFiles"],
            "`apiserver.prepopulateEnabled` is false",
        ));
    }
    if !api.watchdog.enabled {
        all.push(Idle::new(
            &["apiserver.watchdog."],
            "`apiserver.watchdog.enabled` is false",
        ));
    }
    all
}

fn databases(values: &Values) -> Vec<Idle> {
    let mut all = Vec::new();
    let components = [
        (Component::Redis, "redis.master.persistence."),
        (Component::Mongodb, "mongodb.persistence."),
        (
            Component::Elasticsearch,
            "elasticsearch.volumeClaimTemplate.",
        ),
    ];
    for (component, claim) in components {
        if values.installs(component) {
            all.push(Idle::new(
                &[&format!("externalServices.{component}")],
                format!("`{component}.enabled` is true"),
            ));
        } else {
            all.push(Idle::new(
                &[&format!("{component}.")],
                format!("`{component}.enabled` is false"),
            ));
        }
        if values.claim(component).is_some_and(|claim| !claim.enabled) {
            let parent = match component {
                Component::Elasticsearch => "elasticsearch.persistence",
                _ => claim.trim_end_matches('.'),
            };
            all.push(Idle::new(&[claim], format!("`{parent}.enabled` is false")));
        }
    }
    if components
        .iter()
        .all(|(component, _)| values.installs(*component))
    {
        all.push(Idle::new(
            &["externalServices.existingSecret"],
            "no database is external",
        ));
    }
    if !values.mongodb.replica_set {
        all.push(Idle::new(
            &["mongodb.replicaCount"],
            "`mongodb.architecture` is standalone",
        ));
    }
    if values.elasticsearch.tag_by_elastics_name {
        all.push(Idle::new(
            &["elasticsearch.image.tag"],
            "`elasticsearch.imageTag` is used instead",
        ));
    }
    all
}

fn logins(values: &Values) -> Vec<Idle> {
    let mut all = Vec::new();
    if !values.redis.wants_login {
        all.push(Idle::new(
            &["redis.password"],
            "`redis.usePassword` is false",
        ));
    }
    if !values.mongodb.wants_login {
        all.push(Idle::new(
            &["mongodb.auth.rootPassword"],
            "`mongodb.auth.enabled` is false",
        ));
    }
    if values.api.fixed_users.is_none() {
        all.push(Idle::new(
            &["apiserver.fixedUsers."],
            "`apiserver.fixedUsers.enabled` is false",
        ));
    }
    match &values.pull_secret {
        None => all.push(Idle::new(
            &["imageCredentials."],
            "`imageCredentials.enabled` is false",
        )),
        Some(PullSecret::Existing(_)) => all.push(Idle::new(
            &[
                "imageCredentials.registry",
                "imageCredentials.username",
                "imageCredentials.password",
                "imageCredentials.email",
            ],
            "`imageCredentials.existingSecret` is used instead",
        )),
        Some(PullSecret::Made { .. }) => {}
    }
    all
}
