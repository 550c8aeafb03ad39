//! The context for the templates of the three databases.

use serde_json::{Value, json};

use super::Inputs;
use super::parts::{claim, merge, pods};
use crate::values::elastic::LEGACY_ROLES;

/// The name of the MongoDB replica set.
const REPLICA_SET: &str = "rs0";

/// Settings that the chart sets on every node, which take precedence over
/// `elasticsearch.yml`.
const ELASTIC_SETTINGS: [(&str, &str); 2] = [
    ("network.host", "0.0.0.0"),
    ("cluster.deprecation_indexing.enabled", "false"),
];

/// Defaults for a small node, unless the user's `elasticsearch.yml` has other values.
/// Without memory maps, no privileged container has to raise the host's limit for them.
/// The servers do not log in, which Elasticsearch 8 requires by default.
const ELASTIC_DEFAULTS: [(&str, &str); 4] = [
    ("node.store.allow_mmap", "false"),
    ("xpack.ml.enabled", "false"),
    ("ingest.geoip.downloader.enabled", "false"),
    ("xpack.security.enabled", "false"),
];

/// Starts Redis with the password in its standard input, because all users of the machine can see
/// the arguments of a process. `printf` is built into the shell, and has ended before Redis gets
/// its process ID, so that Redis has no child that it does not know. The entrypoint of the image
/// adds the name of the program before an argument that begins with `-`. The characters that a
/// password may have need no quotes in a configuration.
const REDIS_WITH_PASSWORD: &str = r#"exec < <(printf 'requirepass %s\n' "$REDISCLI_AUTH")
wait $!
exec docker-entrypoint.sh - "$@""#;

pub(super) fn redis(inputs: &Inputs<'_>) -> Value {
    let redis = &inputs.values.redis;
    // In protected mode, a Redis without a password answers DENIED to other pods.
    let mut arguments = vec![
        "--appendonly",
        "yes",
        "--save",
        "",
        "--protected-mode",
        "no",
    ];
    arguments.extend(redis.base.extra_flags.iter().map(String::as_str));
    merge(
        pods(&redis.base.pods),
        json!({
            "ping": ["bash", "-c", "[ \"$(redis-cli ping)\" = PONG ]"],
            "claim": claim(inputs, &redis.base.claim),
            "auth": redis.requires_login,
            "with_password": ["bash", "-c", REDIS_WITH_PASSWORD, "redis"],
            "arguments": arguments,
            "port": redis.port,
        }),
    )
}

pub(super) fn mongodb(inputs: &Inputs<'_>) -> Value {
    let mongodb = &inputs.values.mongodb;
    let shell = inputs.release.mongo_shell();
    merge(
        pods(&mongodb.base.pods),
        json!({
            "ping": [shell, "--quiet", "--eval", "db.adminCommand('ping').ok"],
            "claim": claim(inputs, &mongodb.base.claim),
            "auth": mongodb.requires_login,
            "extra_flags": mongodb.base.extra_flags,
            "service_type": mongodb.service.as_str(),
            "port": mongodb.port,
            "port_name": mongodb.port_name,
            "replicas": mongodb.members(),
            "replica_set": REPLICA_SET,
            "initiate": initiate(shell, mongodb.members()),
        }),
    )
}

/// Returns the host names of the members of a replica set.
fn members(count: u32) -> Vec<String> {
    (0..count)
        .map(|index| format!("clearml-mongodb-{index}.clearml-mongodb-headless:27017"))
        .collect()
}

/// Returns the connection string of a replica set. The server adds the names of the
/// databases.
pub(super) fn connection_string(count: u32) -> String {
    let members = members(count).join(",");
    format!("mongodb://{members}/?replicaSet={REPLICA_SET}")
}

/// Returns the command that initiates the replica set. It is repeated until the members
/// answer.
fn initiate(shell: &str, count: u32) -> Value {
    let members: Vec<Value> = members(count)
        .into_iter()
        .enumerate()
        .map(|(id, host)| json!({"_id": id, "host": host}))
        .collect();
    let set = json!({"_id": REPLICA_SET, "members": members});
    let script = format!(
        "try {{ rs.status(); print('there already') }} catch (e) {{ printjson(rs.initiate({set})) }}; if (!rs.status().ok) quit(1)"
    );
    let first = format!("mongodb://{}/?directConnection=true", self::members(1)[0]);
    json!([shell, "--quiet", first, "--eval", script])
}

pub(super) fn elasticsearch(inputs: &Inputs<'_>) -> Value {
    let elastic = &inputs.values.elasticsearch;
    let name = elastic.full_name();
    let own = |setting: &str| {
        let envs = &elastic.base.pods.extra_envs;
        envs.iter().any(|env| env["name"] == setting)
    };
    let mut settings: Vec<(&str, String)> = vec![("cluster.name", elastic.cluster_name.clone())];
    if elastic.replicas > 1 {
        let nodes: Vec<String> = (0..elastic.replicas)
            .map(|index| format!("{name}-{index}"))
            .collect();
        settings.push(("discovery.seed_hosts", format!("{name}-headless")));
        settings.push(("cluster.initial_master_nodes", nodes.join(",")));
    } else if !own("cluster.initial_master_nodes") {
        // Elasticsearch refuses both settings together.
        settings.push(("discovery.type", "single-node".into()));
    }
    if elastic.port != 9200 {
        settings.push(("http.port", elastic.port.to_string()));
    }
    if let Some(roles) = elastic.roles.limited()
        && !LEGACY_ROLES.iter().any(|setting| own(setting))
    {
        settings.push(("node.roles", roles.join(",")));
    }
    settings.extend(ELASTIC_SETTINGS.map(|(name, value)| (name, value.to_owned())));
    let files = files(&elastic.files);
    let user_settings = settings_in(&files["elasticsearch.yml"]);
    settings.extend(
        ELASTIC_DEFAULTS
            .into_iter()
            .filter(|(name, _)| !user_settings.iter().any(|setting| setting == name))
            .map(|(name, value)| (name, value.to_owned())),
    );
    settings.retain(|(name, _)| !own(name));
    merge(
        pods(&elastic.base.pods),
        json!({
            "name": name,
            "claim": claim(inputs, &elastic.base.claim),
            "replicas": elastic.replicas,
            "port": elastic.port,
            "health_query": elastic.health_query,
            "settings": settings,
            "java_options": elastic.java_options,
            "files": files,
        }),
    )
}

/// Returns the files for its directory `config`. The chart's default file is omitted,
/// because the environment has the same settings.
fn files(files: &crate::values::Files) -> Value {
    let chart = [("elasticsearch.yml", "xpack.security.enabled: false\n")];
    let same = files
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .eq(chart);
    if same { json!({}) } else { json!(files) }
}

/// Returns the names of the settings in the user's `elasticsearch.yml`, over which the
/// environment would take precedence.
fn settings_in(text: &Value) -> Vec<String> {
    fn below(prefix: &str, value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.iter().for_each(|(name, value)| {
                let name = match prefix {
                    "" => name.clone(),
                    prefix => format!("{prefix}.{name}"),
                };
                below(&name, value, found);
            }),
            _ => found.push(prefix.to_owned()),
        }
    }
    let mut found = Vec::new();
    let text = text.as_str().unwrap_or_default();
    for document in crate::yaml::documents(text).unwrap_or_default() {
        below("", &document, &mut found);
    }
    found
}
