//! The settings of Elasticsearch in `elasticsearch.extraEnvs` that a version accepts.

use serde_json::{Value, json};

use super::keys::{self, Key, elasticsearch};
use super::overrides::Overrides;
use crate::release::Release;

/// The key of the settings.
static KEY: &Key<Vec<Value>> = &elasticsearch::PODS.extra_envs;

/// Settings that `node.roles` replaces: Elasticsearch 7 accepts them only without it, and 8
/// does not start with any of them.
pub(crate) const LEGACY_ROLES: [&str; 7] = [
    "node.master",
    "node.data",
    "node.ingest",
    "node.ml",
    "node.voting_only",
    "node.transform",
    "node.remote_cluster_client",
];

/// Other settings with which Elasticsearch 8 does not start.
const REMOVED_IN_8: [&str; 3] = [
    "xpack.monitoring.enabled",
    "node.max_local_storage_nodes",
    "bootstrap.system_call_filter",
];

/// The chart's list.
fn chart() -> &'static [Value] {
    let list = keys::find(&KEY.to_string()).and_then(|key| key.chart?.as_array());
    list.map_or(&[], Vec::as_slice)
}

/// Returns the chart's settings that the release's Elasticsearch accepts; `None` if it
/// accepts all of them.
pub(super) fn defaults(release: &Release) -> Option<Vec<Value>> {
    let mut list = chart().to_vec();
    list.retain(|env| !is_removed(env, release));
    list.iter_mut().for_each(|env| quote(env, release));
    Some(list).filter(|list| list != chart())
}

/// Changes the user's list so that the release's Elasticsearch accepts it, where that does not
/// change its meaning. Returns the warnings.
pub(super) fn adapt(overrides: &mut Overrides, release: &Release) -> Vec<String> {
    let mut warnings = Vec::new();
    let Some(Value::Array(list)) = KEY.find_mut(&mut overrides.tree) else {
        return warnings;
    };
    let list = std::mem::take(list);
    let mut adapted = Vec::new();
    for (index, mut env) in list.into_iter().enumerate() {
        // The chart's setting disables a feature that no longer exists.
        if is_removed(&env, release) && chart().contains(&env) {
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

/// Whether the release's Elasticsearch no longer supports a setting.
pub(super) fn is_removed(env: &Value, release: &Release) -> bool {
    let name = env["name"].as_str().unwrap_or_default();
    release.elasticsearch_major() >= 8
        && (LEGACY_ROLES.contains(&name)
            || REMOVED_IN_8.contains(&name)
            || name.starts_with("discovery.zen."))
}

/// Quotes a value that starts with `*`: Elasticsearch 8 parses values as YAML, in which `*`
/// starts an alias.
fn quote(env: &mut Value, release: &Release) {
    if release.elasticsearch_major() >= 8
        && let Some(value) = env["value"].as_str().filter(|value| value.starts_with('*'))
    {
        env["value"] = json!(format!("'{value}'"));
    }
}
