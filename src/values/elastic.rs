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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::release::DEFAULT;
    use crate::values::fixtures::resolve_text;

    #[test]
    fn a_list_of_elasticsearch_settings_replaces_the_default() {
        let envs = |release: &str, text: &str| -> Vec<(String, String)> {
            let resolved = resolve_text(release, 16, None, text, &[]).unwrap();
            let envs = resolved.values.elasticsearch.base.pods.extra_envs;
            let text = |env: &Value, field: &str| env[field].as_str().unwrap().to_owned();
            envs.iter()
                .map(|env| (text(env, "name"), text(env, "value")))
                .collect()
        };
        let whitelist = |release| {
            let envs = envs(release, "");
            let found = envs
                .iter()
                .find(|(name, _)| name == "reindex.remote.whitelist");
            (envs.len(), found.unwrap().1.clone())
        };
        assert_eq!(whitelist(DEFAULT), (9, "*.*".to_owned()));
        assert_eq!(whitelist("2.3"), (8, "'*.*'".to_owned()));
        let own = "elasticsearch:\n  extraEnvs:\n  - {name: cluster.routing.allocation.disk.watermark.low, value: 85%}\n";
        assert_eq!(
            envs(DEFAULT, own),
            [(
                "cluster.routing.allocation.disk.watermark.low".to_owned(),
                "85%".to_owned()
            )]
        );
        assert_eq!(envs(DEFAULT, "elasticsearch: {extraEnvs: []}\n"), []);
        let copied = "elasticsearch:\n  extraEnvs:\n  - {name: reindex.remote.whitelist, value: '*.*'}\n  - {name: xpack.monitoring.enabled, value: 'false'}\n";
        assert_eq!(envs("2.3", copied).len(), 1);
        let warnings = resolve_text("2.3", 16, None, copied, &[]).unwrap().warnings;
        assert_eq!(
            warnings,
            [
                "values.yaml:4: Elasticsearch 8 does not support the setting `xpack.monitoring.enabled`: it is ignored"
            ]
        );
        let error = resolve_text(
            "2.3",
            16,
            None,
            "elasticsearch: {extraEnvs: [{name: node.master, value: 'true'}]}\n",
            &[],
        );
        let messages = error.err().unwrap().problems[0].to_string();
        assert!(
            messages.contains("does not start with the unknown setting `node.master`"),
            "{messages}"
        );
    }
}
