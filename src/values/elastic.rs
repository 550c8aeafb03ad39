//! Elasticsearch's settings in `elasticsearch.extraEnvs`: what a version accepts of
//! them.

use serde_json::{Value, json};

use super::keys::{self, Key, elasticsearch};
use super::overrides::Overrides;
use crate::release::Release;

/// The key that holds them.
static KEY: &Key<Vec<Value>> = &elasticsearch::PODS.extra_envs;

/// Settings of before `node.roles`: Elasticsearch 7 accepts them only without it, and 8
/// does not start with one of them.
pub(crate) const FORMER_ROLES: [&str; 7] = [
    "node.master",
    "node.data",
    "node.ingest",
    "node.ml",
    "node.voting_only",
    "node.transform",
    "node.remote_cluster_client",
];

/// Other settings with which Elasticsearch 8 does not start.
const GONE_IN_8: [&str; 3] = [
    "xpack.monitoring.enabled",
    "node.max_local_storage_nodes",
    "bootstrap.system_call_filter",
];

/// The chart's list.
fn chart() -> &'static [Value] {
    let list = keys::find(&KEY.to_string()).and_then(|key| key.chart?.as_array());
    list.map_or(&[], Vec::as_slice)
}

/// The chart's settings as the release's Elasticsearch accepts them; `None` if it accepts
/// all of them.
pub(super) fn defaults(release: &Release) -> Option<Vec<Value>> {
    let mut list = chart().to_vec();
    list.retain(|env| !is_gone(env, release));
    list.iter_mut().for_each(|env| quote(env, release));
    Some(list).filter(|list| list != chart())
}

/// Changes the user's list into one that the release's Elasticsearch accepts, as far as the
/// meaning stays. Returns the warnings.
pub(super) fn adapt(overrides: &mut Overrides, release: &Release) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(Value::Array(list)) = KEY.find_mut(&mut overrides.tree) else {
        return warnings;
    };
    let list = std::mem::take(list);
    let mut adapted = Vec::new();
    for (index, mut env) in list.into_iter().enumerate() {
        // What switches something off that is gone can go as well.
        if is_gone(&env, release) && chart().contains(&env) {
            let item = index.to_string();
            let mut path: Vec<&str> = KEY.steps().collect();
            path.push(&item);
            let place = overrides.place(&path).unwrap_or_default();
            let version = &release.databases.elasticsearch;
            let name = env["name"].as_str().unwrap_or_default();
            warnings.push(format!(
                "{place}: Elasticsearch {version} does not support the setting `{name}`: it is \
                 ignored"
            ));
        } else {
            quote(&mut env, release);
            adapted.push(env);
        }
    }
    KEY.set(&mut overrides.tree, adapted.into());
    warnings
}

/// Whether the release's Elasticsearch does not know a setting any more.
pub(super) fn is_gone(env: &Value, release: &Release) -> bool {
    let name = env["name"].as_str().unwrap_or_default();
    release.elasticsearch_major() >= 8
        && (FORMER_ROLES.contains(&name)
            || GONE_IN_8.contains(&name)
            || name.starts_with("discovery.zen."))
}

/// Elasticsearch 8 reads a value as YAML, in which `*` begins an alias.
fn quote(env: &mut Value, release: &Release) {
    if release.elasticsearch_major() >= 8
        && let Some(value) = env["value"].as_str().filter(|value| value.starts_with('*'))
    {
        env["value"] = json!(format!("'{value}'"));
    }
}
