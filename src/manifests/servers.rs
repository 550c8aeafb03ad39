//! The context for the templates of the three ClearML servers, and the files that are
//! mounted in them.

use serde_json::{Value, json};

use super::parts::{merge, pods};
use super::{Inputs, Target, cluster};
use crate::component::Component;
use crate::values::{FixedUsers, Server, ServiceType, Site};

/// The directory in which servers read configuration files.
const CONFIG_DIR: &str = "/opt/clearml/config";
/// The directory with the file of the fixed users.
const USERS_DIR: &str = "/opt/clearml/fixed-users";
const USERS_SECRET: &str = "clearml-fixed-users";
/// The watchdog's own defaults (server 1.5.0 to 2.3).
const WATCHDOG: (bool, u64, u64) = (true, 7200, 900);

/// Returns the context that all three have in common.
pub(super) fn server(inputs: &Inputs<'_>, component: Component, server: &Server) -> Value {
    let service_type = match inputs.target {
        // The node publishes node ports, independent of the type in the values.
        Target::Node { .. } => ServiceType::NodePort,
        Target::Cluster => server.service.kind,
    };
    merge(
        pods(&server.pods),
        json!({
            "service": {
                "type": service_type.as_str(),
                "port": server.service.port,
                "node_port": server.service.node_port,
            },
            "replicas": server.replicas,
            "stop_pause": cluster::stop_pause(inputs, component),
            "mounts": [],
            "volumes": [],
        }),
    )
}

/// Returns the context of the API server, and the objects with its files.
pub(super) fn apiserver(inputs: &Inputs<'_>) -> (Value, Vec<Value>) {
    let values = inputs.values;
    let options = &values.api;
    let (mut objects, mut mounts, mut volumes) = (Vec::new(), Vec::new(), Vec::new());
    let mut config_dir = CONFIG_DIR.to_owned();
    let mut envs = watchdog(inputs);
    if !options.files.is_empty() {
        let name = format!("{}-configmap", values.names.server(Component::Apiserver));
        objects.push(config_map(&name, json!(options.files)));
        volumes.push(json!({"name": "config", "configMap": {"name": name}}));
        mounts.push(json!({"name": "config", "mountPath": CONFIG_DIR}));
    }
    if let Some(users) = &options.fixed_users {
        objects.push(users_secret(users));
        volumes.push(json!({"name": "fixed-users", "secret": {"secretName": USERS_SECRET}}));
        mounts.push(json!({"name": "fixed-users", "mountPath": USERS_DIR, "readOnly": true}));
        config_dir = format!("{USERS_DIR}:{CONFIG_DIR}");
        envs.extend(sdk_user());
    }
    let own = json!({
        "options": {
            "prepopulate": options.prepopulate.to_string(),
            "prepopulate_files": options.prepopulate_files,
            "cookie_age": options.cookie_age,
            "liveness_delay": options.liveness_delay,
            "readiness_delay": options.readiness_delay,
            "config_dir": config_dir,
            "envs": envs,
        },
        "mounts": mounts,
        "volumes": volumes,
    });
    (
        merge(server(inputs, Component::Apiserver, &values.apiserver), own),
        objects,
    )
}

/// Returns the variables that differ from the server's defaults. Others would override
/// the user's `services.conf`.
fn watchdog(inputs: &Inputs<'_>) -> Vec<Value> {
    let watchdog = inputs.values.api.watchdog;
    let all = [
        (
            "ENABLED",
            watchdog.enabled.to_string(),
            WATCHDOG.0.to_string(),
        ),
        (
            "THRESHOLD_SEC",
            watchdog.threshold.to_string(),
            WATCHDOG.1.to_string(),
        ),
        (
            "WATCH_INTERVAL_SEC",
            watchdog.interval.to_string(),
            WATCHDOG.2.to_string(),
        ),
    ];
    let differing = all
        .into_iter()
        .filter(|(_, value, default)| value != default);
    differing
        .map(|(name, value, _)| {
            let name = format!("CLEARML__SERVICES__TASKS__NON_RESPONSIVE_TASKS_WATCHDOG__{name}");
            json!({"name": name, "value": value})
        })
        .collect()
}

/// Returns the variables of a user for the SDK: with fixed users, the default user cannot
/// log in.
fn sdk_user() -> Vec<Value> {
    let path = "CLEARML__SECURE__CREDENTIALS__SDK";
    let secret = |name: &str, key: &str| json!({"name": format!("{path}__{name}"), "valueFrom": {"secretKeyRef": {"name": "clearml-conf", "key": key}}});
    vec![
        json!({"name": format!("{path}__ROLE"), "value": "user"}),
        json!({"name": format!("{path}__DISPLAY_NAME"), "value": "SDK"}),
        secret("USER_KEY", "sdk_key"),
        secret("USER_SECRET", "sdk_secret"),
    ]
}

/// Returns the Secret with the fixed users. The server reads HOCON, of which JSON is a
/// subset.
fn users_secret(fixed: &FixedUsers) -> Value {
    let users = json!({"auth": {"fixed_users": {
        "enabled": true, "pass_hashed": fixed.hashed, "users": fixed.users,
    }}});
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": USERS_SECRET},
        "type": "Opaque",
        "stringData": {"apiserver.conf": users.to_string()},
    })
}

/// Returns the context of the web app, and the object with its files. Servers from 1.15
/// read `configuration.json` from a separate directory; earlier ones serve a file of
/// their image, which is replaced.
pub(super) fn webserver(inputs: &Inputs<'_>) -> (Value, Vec<Value>) {
    let values = inputs.values;
    let mut own = server(inputs, Component::Webserver, &values.webserver);
    own["configuration"] = json!(web_configuration(inputs));
    if values.web_files.is_empty() {
        return (own, Vec::new());
    }
    let name = format!("{}-configmap", values.names.server(Component::Webserver));
    let mut mounts = vec![json!({"name": "config", "mountPath": CONFIG_DIR})];
    if values.web_files.contains_key("configuration.json") {
        let file = "configuration.json";
        let dir = match inputs.release.can_display_urls() {
            true => "/mnt/external_files/configs",
            false => "/usr/share/nginx/html",
        };
        let path = format!("{dir}/{file}");
        mounts.push(json!({"name": "config", "mountPath": path, "subPath": file}));
    }
    own["mounts"] = json!(mounts);
    own["volumes"] = json!([{"name": "config", "configMap": {"name": name}}]);
    (own, vec![config_map(&name, json!(values.web_files))])
}

fn config_map(name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data})
}

/// Returns the variables from which servers from 1.15 generate `configuration.json`, each
/// with a JSON text. Keys of the user's own file are omitted, because variables would
/// take precedence.
fn web_configuration(inputs: &Inputs<'_>) -> Vec<Value> {
    if !inputs.release.can_display_urls() {
        return Vec::new();
    }
    let file = inputs.values.web_files.get("configuration.json");
    let file: Value = file
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut ours = vec![
        // The origin of the page, whose nginx forwards to the API server: correct for
        // every port and host name, unlike the web app's default.
        ("apiBaseUrl", json!("/api")),
    ];
    // The URLs that users copy into clearml.conf after `create credentials`.
    if let Some((api, files)) = displayed_urls(inputs) {
        let urls = json!({"apiServer": api, "filesServer": files});
        ours.push(("displayedServerUrls", urls));
    }
    ours.into_iter()
        .filter(|(key, _)| file[key].is_null())
        .map(
            |(key, value)| json!({"name": format!("WEBSERVER__{key}"), "value": value.to_string()}),
        )
        .collect()
}

/// Returns the URLs of the API server and of the file server. In an existing cluster, only
/// host names are known: without them, the web app derives the URLs from its own.
fn displayed_urls(inputs: &Inputs<'_>) -> Option<(String, String)> {
    match inputs.target {
        Target::Node { endpoints, .. } => Some((endpoints.api.clone(), endpoints.files.clone())),
        Target::Cluster => {
            let sites = &inputs.values.ingress.sites;
            let url = |site: &Site| format!("{}://{}", site.scheme(), site.host);
            Some((url(sites.api.as_ref()?), url(sites.files.as_ref()?)))
        }
    }
}
