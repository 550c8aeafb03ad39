//! The six components, each from its template.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::templates::{self, WAIT_SCRIPT};
use super::{Error, Inputs};
use crate::component::Component;
use crate::values::{Database, Image, Server};

/// The company that every user of an instance belongs to (the chart's default).
const COMPANY: &str = "d1bd92a3b039400cbafc60a7a5b1e52b";

/// Elasticsearch's settings in every version: the chart's, without what 8
/// refuses, and what a single small node needs. Without memory maps no
/// privileged container has to raise the machine's limit for them.
const ELASTIC_SETTINGS: [(&str, &str); 15] = [
    ("cluster.name", "clearml-elastic"),
    ("network.host", "0.0.0.0"),
    ("discovery.type", "single-node"),
    ("node.store.allow_mmap", "false"),
    ("cluster.deprecation_indexing.enabled", "false"),
    ("bootstrap.memory_lock", "false"),
    (
        "cluster.routing.allocation.node_initial_primaries_recoveries",
        "500",
    ),
    ("cluster.routing.allocation.disk.watermark.low", "500mb"),
    ("cluster.routing.allocation.disk.watermark.high", "500mb"),
    (
        "cluster.routing.allocation.disk.watermark.flood_stage",
        "500mb",
    ),
    ("http.compression_level", "7"),
    // Quoted: 8 reads the value as YAML.
    ("reindex.remote.whitelist", "'*.*'"),
    ("xpack.security.enabled", "false"),
    ("xpack.ml.enabled", "false"),
    ("ingest.geoip.downloader.enabled", "false"),
];

/// All components' objects, the Secret first.
pub(super) fn objects(inputs: &Inputs<'_>) -> Result<Vec<Value>, Error> {
    let mut shared = json!({
        "release": abilities(inputs),
        "secrets": inputs.secrets,
        "company": COMPANY,
        "wait_script": WAIT_SCRIPT,
        "api_port": inputs.values.apiserver.service.port,
        "files_port": inputs.values.fileserver.service.port,
    });
    let secret = templates::render("secret.yaml", &shared)?;
    shared["secret_checksum"] = json!(checksum(&secret));
    let values = inputs.values;
    let mongo_ping = [
        inputs.release.mongo_shell(),
        "--quiet",
        "--eval",
        "db.adminCommand('ping').ok",
    ];
    let redis_ping = ["bash", "-c", "[ \"$(redis-cli ping)\" = PONG ]"];
    let parts = [
        (
            Component::Redis,
            "redis.yaml",
            database(&values.redis, json!({"ping": redis_ping})),
        ),
        (
            Component::Mongodb,
            "mongodb.yaml",
            database(&values.mongodb, json!({"ping": mongo_ping})),
        ),
        (
            Component::Elasticsearch,
            "elasticsearch.yaml",
            database(
                &values.elasticsearch,
                json!({"settings": ELASTIC_SETTINGS, "java_options": values.java_options}),
            ),
        ),
        (
            Component::Apiserver,
            "apiserver.yaml",
            server(&values.apiserver),
        ),
        (
            Component::Fileserver,
            "fileserver.yaml",
            server(&values.fileserver),
        ),
        (
            Component::Webserver,
            "webserver.yaml",
            with(
                server(&values.webserver),
                json!({"displayed_urls": displayed_urls(inputs)}),
            ),
        ),
    ];
    let mut objects = secret;
    for (component, template, own) in parts {
        let mut rendered = templates::render(template, &with(own, shared.clone()))?;
        for object in &mut rendered {
            object["metadata"]["labels"]["clearml-local.io/component"] = json!(component.name());
            identify(object, inputs, component);
        }
        objects.extend(rendered);
    }
    Ok(objects)
}

/// What the templates may know of the release.
fn abilities(inputs: &Inputs<'_>) -> Value {
    json!({
        "file_server_logs_in": inputs.release.file_server_logs_in(),
        "can_display_urls": inputs.release.can_display_urls(),
        "knows_services_agent": inputs.release.knows_services_agent(),
    })
}

/// Both maps as one; the second wins.
fn with(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn image(image: &Image) -> Value {
    json!({
        "reference": format!("{}:{}", image.repository, image.tag),
        "pull_policy": image.pull_policy,
    })
}

fn server(server: &Server) -> Value {
    json!({
        "image": image(&server.image),
        "service": {
            "type": server.service.kind.as_str(),
            "port": server.service.port,
            "node_port": server.service.node_port,
        },
        "replicas": server.replicas,
        "resources": server.resources,
        "extra_envs": server.extra_envs,
    })
}

fn database(database: &Database, more: Value) -> Value {
    let own = json!({
        "image": image(&database.image),
        "resources": database.resources,
        "extra_envs": database.extra_envs,
        "size": database.size,
    });
    with(own, more)
}

/// What the web app shows in `create credentials`: JSON in a text.
fn displayed_urls(inputs: &Inputs<'_>) -> String {
    let urls = json!({
        "apiServer": inputs.endpoints.api,
        "filesServer": inputs.endpoints.files,
    });
    urls.to_string()
}

/// Pods name tags, which may be moved: the content's identity restarts them.
fn identify(object: &mut Value, inputs: &Inputs<'_>, component: Component) {
    if object["spec"].get("template").is_none() {
        return;
    }
    if let Some(identity) = inputs.identities.get(&inputs.values.image(component)) {
        let annotations = &mut object["spec"]["template"]["metadata"]["annotations"];
        annotations["clearml-local.io/image"] = json!(identity);
    }
}

/// A pod that reads the Secret is restarted when it changes.
fn checksum(objects: &[Value]) -> String {
    let text = serde_json::to_string(objects).unwrap_or_default();
    let digest = Sha256::digest(text.as_bytes());
    digest
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
