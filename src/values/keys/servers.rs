//! Keys of the API server, the web app and the file server.

use serde_json::json;

use super::{Key, key};
use crate::component::Component;
use crate::values::kind::Kind;

pub(super) fn keys() -> Vec<Key> {
    let mut keys = api_server();
    keys.extend(shared(Component::Apiserver, "API server"));
    keys.extend(shared(Component::Fileserver, "file server"));
    keys.extend([
        key(
            "fileserver.storage.data.class",
            Kind::Name,
            "Storage class of the file server's claim; none is the instance's own volume.",
        ),
        key(
            "fileserver.storage.data.size",
            Kind::Quantity,
            "Size of the file server's claim.",
        ),
    ]);
    keys.extend(shared(Component::Webserver, "web app"));
    keys.push(key(
        "webserver.additionalConfigs",
        Kind::Files(&[]),
        "Files for the web app. `configuration.json` is what the browser reads; servers before 1.15 get it in the place of their own. Servers before 1.15 read no other.",
    ));
    keys
}

fn api_server() -> Vec<Key> {
    let path = |name: &str| format!("apiserver.{name}");
    vec![
        key(
            path("prepopulateEnabled"),
            Kind::Flag,
            "Whether empty databases are filled with examples at the first start.",
        ),
        key(
            path("prepopulateZipFiles"),
            Kind::Text,
            "The folder in the image that holds the examples.",
        ),
        key(
            path("prepopulateArtifactsPath"),
            Kind::Text,
            "Where the examples' artifacts lie.",
        )
        .nothing("the chart passes it to nothing"),
        key(
            path("configDir"),
            Kind::Text,
            "Where additional configuration lies in the container.",
        )
        .nothing("the chart mounts at /opt/clearml/config whatever it says"),
        key(
            path("additionalConfigs"),
            Kind::Files(&[".conf"]),
            "Configuration files by name, such as `apiserver.conf` or `services.conf`, in HOCON. They win over the server's own files, and the environment over them.",
        ),
        key(
            path("authCookiesMaxAge"),
            Kind::Whole(0..=u64::MAX),
            "Seconds after which a login in the browser ends.",
        ),
        key(
            path("fixedUsers.enabled"),
            Kind::Flag,
            "Whether people log in with user names and passwords. The web app's login without a password ends then, and so does the key pair of `secret.credentials.tests`.",
        ),
        key(
            path("fixedUsers.passHashed"),
            Kind::Flag,
            "Whether the passwords are written as base64 of bcrypt.",
        ),
        key(
            path("fixedUsers.users"),
            Kind::Users,
            "The users: a list of `username`, `password` and `name`. It is kept in a Secret.",
        ),
        key(
            path("watchdog.enabled"),
            Kind::Flag,
            "Whether tasks that stopped to report are set to stopped.",
        )
        .default(json!(true)),
        key(
            path("watchdog.thresholdSeconds"),
            Kind::Whole(1..=u64::MAX),
            "Seconds without a report after which a task counts as stopped.",
        )
        .default(json!(7200)),
        key(
            path("watchdog.intervalSeconds"),
            Kind::Whole(1..=u64::MAX),
            "Seconds between two looks for such tasks.",
        )
        .default(json!(900)),
        key(
            path("livenessDelay"),
            Kind::Whole(0..=86400),
            "Seconds before the first liveness probe, where it is not the chart's 60: a startup probe of ten minutes covers the start.",
        ),
        key(
            path("readinessDelay"),
            Kind::Whole(0..=86400),
            "Seconds before the first readiness probe, where it is not the chart's 60.",
        ),
    ]
}

/// Keys that all three servers have.
fn shared(component: Component, what: &str) -> Vec<Key> {
    let path = |name: &str| format!("{component}.{name}");
    let mut keys = vec![
        key(
            path("replicaCount"),
            Kind::Whole(0..=1000),
            format!("How many pods of the {what}."),
        ),
        key(
            path("service.type"),
            Kind::OneOf(&["NodePort", "ClusterIP", "LoadBalancer"]),
            format!("How the {what} is reached."),
        ),
        key(
            path("service.port"),
            Kind::Whole(1..=65535),
            format!("Port of the {what} inside the cluster."),
        ),
        key(
            path("service.nodePort"),
            Kind::Whole(30000..=32767),
            format!("Port of the {what} on the node, for the type NodePort."),
        ),
    ];
    keys.extend(pods(component, what));
    keys
}

/// Keys that all components have.
pub(super) fn pods(component: Component, what: &str) -> Vec<Key> {
    let path = |name: &str| format!("{component}.{name}");
    vec![
        key(
            path("image.repository"),
            Kind::Repository,
            format!("Image of the {what}, without its tag; empty is the release's."),
        )
        .default(json!("")),
        key(
            path("image.tag"),
            Kind::ImageTag,
            format!(
                "Tag of the {what}'s image; empty is the release's. It belongs to the release: another version is refused."
            ),
        )
        .default(json!("")),
        key(
            path("image.pullPolicy"),
            Kind::OneOf(&["Always", "IfNotPresent", "Never"]),
            "When Kubernetes pulls the image by itself.",
        )
        .default(json!("IfNotPresent")),
        key(
            path("extraEnvs"),
            Kind::Environment,
            format!("Environment of the {what} beside its own; the same name replaces it."),
        ),
        key(
            path("podAnnotations"),
            Kind::Texts,
            format!("Annotations of the {what}'s pods."),
        ),
        key(
            path("resources"),
            Kind::Resources,
            format!("Requests and limits of the {what}."),
        ),
        key(
            path("nodeSelector"),
            Kind::Texts,
            format!("Labels of the nodes that may run the {what}."),
        ),
        key(
            path("tolerations"),
            Kind::Tolerations,
            format!("Taints of nodes that the {what} tolerates."),
        ),
        key(
            path("affinity"),
            Kind::Affinity,
            format!("Where the {what}'s pods are to be, and beside whom."),
        ),
    ]
}
