//! Settings from `elasticsearch.yml` and the environment, read like in the official
//! image, and the rejection of settings that a version does not know.

use crate::support::version::Version;
use std::collections::BTreeMap;

/// Settings that both versions know.
const KNOWN: &[&str] = &[
    "action.auto_create_index",
    "action.destructive_requires_name",
    "bootstrap.memory_lock",
    "cluster.deprecation_indexing.enabled",
    "cluster.initial_master_nodes",
    "cluster.max_shards_per_node",
    "cluster.name",
    "cluster.routing.allocation.disk.threshold_enabled",
    "cluster.routing.allocation.disk.watermark.flood_stage",
    "cluster.routing.allocation.disk.watermark.high",
    "cluster.routing.allocation.disk.watermark.low",
    "cluster.routing.allocation.enable",
    "cluster.routing.allocation.node_concurrent_recoveries",
    "cluster.routing.allocation.node_initial_primaries_recoveries",
    "discovery.seed_hosts",
    "discovery.seed_providers",
    "discovery.type",
    "gateway.expected_data_nodes",
    "gateway.recover_after_data_nodes",
    "http.bind_host",
    "http.compression",
    "http.compression_level",
    "http.cors.allow-origin",
    "http.cors.enabled",
    "http.host",
    "http.max_content_length",
    "http.port",
    "http.publish_host",
    "indices.breaker.total.limit",
    "indices.breaker.total.use_real_memory",
    "indices.fielddata.cache.size",
    "indices.memory.index_buffer_size",
    "indices.queries.cache.size",
    "indices.query.bool.max_clause_count",
    "ingest.geoip.downloader.enabled",
    "network.bind_host",
    "network.host",
    "network.publish_host",
    "node.name",
    "node.processors",
    "node.roles",
    "node.store.allow_mmap",
    "path.data",
    "path.logs",
    "path.repo",
    "reindex.remote.whitelist",
    "script.max_compilations_rate",
    "search.max_buckets",
    "thread_pool.search.queue_size",
    "thread_pool.write.queue_size",
    "transport.bind_host",
    "transport.host",
    "transport.port",
    "transport.publish_host",
    "xpack.graph.enabled",
    "xpack.license.self_generated.type",
    "xpack.ml.enabled",
    "xpack.monitoring.collection.enabled",
    "xpack.security.audit.enabled",
    "xpack.security.enabled",
    "xpack.security.enrollment.enabled",
    "xpack.security.http.ssl.enabled",
    "xpack.security.transport.ssl.enabled",
    "xpack.watcher.enabled",
];

/// Settings that only version 7 knows: role flags, and those that 8.0 removed.
const KNOWN_IN_7: &[&str] = &[
    "bootstrap.system_call_filter",
    "node.data",
    "node.ingest",
    "node.master",
    "node.max_local_storage_nodes",
    "node.ml",
    "node.remote_cluster_client",
    "node.transform",
    "node.voting_only",
    "xpack.monitoring.enabled",
];

/// The reason why Elasticsearch does not start, with the Java class in the message.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub kind: &'static str,
    pub message: String,
}

impl Refusal {
    fn argument(message: String) -> Self {
        Self {
            kind: "java.lang.IllegalArgumentException",
            message,
        }
    }
}

#[derive(Debug, Default)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads and checks the file and the environment, which takes precedence.
    pub fn read(
        file: &str,
        environment: impl Iterator<Item = (String, String)>,
        version: Version,
    ) -> Result<Self, Refusal> {
        let mut settings: BTreeMap<String, String> = file_lines(file)?.into_iter().collect();
        let given = environment.filter_map(|(name, value)| Some((setting_name(&name)?, value)));
        for (name, value) in given.filter(|(_, value)| !value.is_empty()) {
            if version.major >= 8 && value.starts_with('*') {
                return Err(alias(&name, &value));
            }
            settings.insert(name, value);
        }
        let settings = Self(settings);
        settings.check(version)?;
        Ok(settings)
    }

    /// Returns the value of a setting without quotes.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        let inner = ['"', '\'']
            .iter()
            .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        Some(inner.unwrap_or(value))
    }

    /// Returns a comma-separated list, with or without brackets.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let text = self.get(name).unwrap_or_default();
        text.trim_matches(['[', ']'])
            .split(',')
            .map(|word| word.trim().trim_matches(['"', '\'']))
            .filter(|word| !word.is_empty())
            .collect()
    }

    /// Returns a setting that is `true` or `false`.
    pub fn flag(&self, name: &str, default: bool) -> bool {
        self.get(name).map_or(default, |value| value == "true")
    }

    /// Returns whether the node is a single-node cluster, without bootstrap checks.
    pub fn single_node(&self) -> bool {
        self.get("discovery.type") == Some("single-node")
    }

    fn check_roles(&self) -> Result<(), Refusal> {
        for role in self.list("node.roles") {
            if !ROLES.contains(&role) {
                return Err(Refusal::argument(format!("unknown role [{role}]")));
            }
        }
        let flag = ROLE_FLAGS.iter().find(|name| self.0.contains_key(**name));
        match flag.filter(|_| self.0.contains_key("node.roles")) {
            None => Ok(()),
            Some(flag) => Err(Refusal::argument(format!(
                "can not explicitly configure node roles and use legacy role setting [{flag}]=[{}]",
                self.get(flag).unwrap_or_default()
            ))),
        }
    }

    /// Watermarks must be either all percentages or all sizes.
    fn check_watermarks(&self) -> Result<(), Refusal> {
        let marks = ["low", "high", "flood_stage"];
        let set: Vec<String> = marks
            .iter()
            .filter_map(|mark| {
                let name = format!("cluster.routing.allocation.disk.watermark.{mark}");
                let value = self.get(&name)?;
                Some(format!("[{name}={value}]"))
            })
            .collect();
        let percentages = set.iter().filter(|mark| mark.ends_with("%]")).count();
        if percentages == 0 || percentages == set.len() {
            return Ok(());
        }
        let set = set.join(", ");
        Err(Refusal::argument(format!(
            "unable to consistently parse {set} as percentage or bytes"
        )))
    }

    fn check(&self, version: Version) -> Result<(), Refusal> {
        for (name, value) in &self.0 {
            let known = KNOWN.contains(&name.as_str())
                || version.major < 8 && KNOWN_IN_7.contains(&name.as_str())
                || name.starts_with("node.attr.");
            if !known {
                return Err(Refusal::argument(format!(
                    "unknown setting [{name}] please check that any required plugins are installed, or check the breaking changes documentation for removed settings"
                )));
            }
            if is_flag(name) && value != "true" && value != "false" {
                return Err(Refusal::argument(format!(
                    "Failed to parse value [{value}] as only [true] or [false] are allowed. ({name})"
                )));
            }
        }
        if self.single_node() && self.0.contains_key("cluster.initial_master_nodes") {
            return Err(Refusal::argument(
                "setting [cluster.initial_master_nodes] is not allowed when [discovery.type] is set to [single-node]".into(),
            ));
        }
        self.check_roles()?;
        self.check_watermarks()?;
        match self.get("discovery.type") {
            None | Some("single-node" | "zen" | "multi-node") => Ok(()),
            Some(other) => Err(Refusal::argument(format!(
                "Unknown discovery type [{other}]"
            ))),
        }
    }
}

/// Valid values in `node.roles`.
const ROLES: &[&str] = &[
    "data",
    "data_cold",
    "data_content",
    "data_frozen",
    "data_hot",
    "data_warm",
    "ingest",
    "master",
    "ml",
    "remote_cluster_client",
    "transform",
    "voting_only",
];

/// Role flags, which no version allows together with `node.roles`.
const ROLE_FLAGS: &[&str] = &[
    "node.data",
    "node.ingest",
    "node.master",
    "node.ml",
    "node.remote_cluster_client",
    "node.transform",
    "node.voting_only",
];

/// Returns the error for a value that YAML parses as an alias.
fn alias(name: &str, value: &str) -> Refusal {
    Refusal {
        kind: "org.elasticsearch.common.settings.SettingsException",
        message: format!(
            "Failed to load settings from [elasticsearch.yml]: while scanning an alias, {name}: {value}: unexpected character found *"
        ),
    }
}

fn is_flag(name: &str) -> bool {
    name.ends_with(".enabled")
        || name.ends_with("allow_mmap")
        || name == "bootstrap.memory_lock"
        || matches!(
            name,
            "node.master" | "node.data" | "node.ingest" | "node.ml"
        )
}

/// Returns the setting that an environment variable sets: lower-case words with dots
/// are used as they are, `ES_SETTING_A_B__C` is `a.b_c`.
fn setting_name(variable: &str) -> Option<String> {
    if let Some(rest) = variable.strip_prefix("ES_SETTING_") {
        let dotted = rest
            .replace("__", "\0")
            .replace('_', ".")
            .replace('\0', "_");
        return Some(dotted.to_lowercase());
    }
    let lower = |text: &str| {
        text.starts_with(|character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_'
        })
    };
    let (first, rest) = variable.split_once('.')?;
    let word = first.chars().all(|character| lower(&character.to_string()));
    (word && lower(rest)).then(|| variable.to_owned())
}

/// Parses `a.b: c` lines, the only YAML that such files need.
fn file_lines(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    text.lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.starts_with('#') && *line != "---")
        .map(|line| {
            let pair = line.split_once(':').filter(|_| !line.starts_with([' ', '\t']));
            let (name, value) = pair.ok_or_else(|| Refusal {
                kind: "org.elasticsearch.common.settings.SettingsException",
                message: format!("Failed to load settings from [elasticsearch.yml] (the stand-in reads `name: value` lines): {line}"),
            })?;
            let (name, value) = (name.trim(), value.trim());
            if value.starts_with('*') {
                return Err(alias(name, value));
            }
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(file: &str, pairs: &[(&str, &str)], version: &str) -> Result<Settings, Refusal> {
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Settings::read(file, pairs, Version::parse(version).unwrap())
    }

    fn message(result: Result<Settings, Refusal>) -> String {
        result.map(|_| ()).unwrap_err().message
    }

    #[test]
    fn only_dotted_lower_case_variables_are_settings() {
        assert_eq!(
            setting_name("cluster.name").as_deref(),
            Some("cluster.name")
        );
        assert_eq!(setting_name("ES_JAVA_OPTS"), None);
        assert_eq!(setting_name("CLUSTER.NAME"), None);
        assert_eq!(
            setting_name("ES_SETTING_NODE_STORE_ALLOW__MMAP").as_deref(),
            Some("node.store.allow_mmap")
        );
    }

    #[test]
    fn the_environment_takes_precedence_over_the_file() {
        let settings = read("cluster.name: \"a\"\n", &[("cluster.name", "b")], "7.17.29").unwrap();
        assert_eq!(settings.get("cluster.name"), Some("b"));
    }

    #[test]
    fn version_8_rejects_removed_settings() {
        for name in ["node.master", "node.data", "xpack.monitoring.enabled"] {
            assert!(read("", &[(name, "true")], "7.17.29").is_ok(), "{name}");
            let refused = message(read("", &[(name, "true")], "8.17.0"));
            assert!(refused.starts_with(&format!("unknown setting [{name}] please check")));
        }
    }

    #[test]
    fn the_whitelist_needs_inner_quotes_on_8() {
        let name = "reindex.remote.whitelist";
        assert!(read("", &[(name, "*.*")], "7.17.29").is_ok());
        assert!(read("", &[(name, "*.*")], "8.17.0").is_err());
        assert!(read("", &[(name, "'*.*'")], "8.17.0").is_ok());
    }

    #[test]
    fn watermarks_are_all_percentages_or_all_sizes() {
        let mark = |mark| format!("cluster.routing.allocation.disk.watermark.{mark}");
        let (low, high) = (mark("low"), mark("high"));
        let with = |value| read("", &[(&low, "85%"), (&high, value)], "7.17.29");
        assert!(with("90%").is_ok());
        assert!(message(with("500mb")).starts_with("unable to consistently parse"));
    }

    #[test]
    fn a_single_node_rejects_initial_masters() {
        let pairs = [
            ("discovery.type", "single-node"),
            ("cluster.initial_master_nodes", "a"),
        ];
        assert!(message(read("", &pairs, "7.17.29")).contains("is not allowed when"));
    }

    #[test]
    fn rejects_unknown_roles_and_mixed_notations() {
        for version in ["7.17.29", "8.17.0"] {
            let roles = read("node.roles: [ master, data, \"ingest\" ]", &[], version).unwrap();
            assert_eq!(roles.list("node.roles"), ["master", "data", "ingest"]);
            let pair = [("node.roles", "master,date,")];
            assert_eq!(message(read("", &pair, version)), "unknown role [date]");
        }
        let both = [("node.roles", "master"), ("node.data", "true")];
        assert!(
            message(read("", &both, "7.17.29")).contains("legacy role setting [node.data]=[true]")
        );
    }

    #[test]
    fn both_versions_parse_the_file_as_yaml() {
        for version in ["7.17.29", "8.17.0"] {
            let file = "reindex.remote.whitelist: *.*\n";
            assert!(message(read(file, &[], version)).contains("alias"));
        }
    }

    #[test]
    fn flags_are_true_or_false() {
        assert!(read("", &[("xpack.security.enabled", "no")], "8.17.0").is_err());
        assert!(read("xpack.securty.enabled: false", &[], "8.17.0").is_err());
    }
}
