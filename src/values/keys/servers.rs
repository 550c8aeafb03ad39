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
            "Storage class of the file server's claim. Without one, the claim uses the volume of the instance.",
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
        "Files for the web app. The browser reads `configuration.json`. On servers before 1.15 it replaces their own, and they read no other file.",
    ));
    keys
}

fn api_server() -> Vec<Key> {
    let path = |name: &str| format!("apiserver.{name}");
    vec![
        key(
            path("prepopulateEnabled"),
            Kind::Flag,
            "Fill empty databases with examples at the first start.",
        ),
        key(
            path("prepopulateZipFiles"),
            Kind::Text,
            "Directory in the image that holds the examples.",
        ),
        key(
            path("prepopulateArtifactsPath"),
            Kind::Text,
            "Directory of the examples' artifacts.",
        )
        .nothing("the chart passes it to nothing"),
        key(
            path("configDir"),
            Kind::Text,
            "Directory of additional configuration in the container.",
        )
        .nothing("the chart mounts at /opt/clearml/config whatever it says"),
        key(
            path("additionalConfigs"),
            Kind::Files(&[".conf"]),
            "Configuration files by name, such as `apiserver.conf` or `services.conf`, in HOCON. They take precedence over the server's own files, and the environment takes precedence over them.",
        ),
        key(
            path("authCookiesMaxAge"),
            Kind::Whole(0..=u64::MAX),
            "Seconds after which a login in the browser expires.",
        ),
        key(
            path("fixedUsers.enabled"),
            Kind::Flag,
            "Require a user name and a password to log in to the web app. The key pair of `secret.credentials.tests` stops working.",
        ),
        key(
            path("fixedUsers.passHashed"),
            Kind::Flag,
            "The passwords are base64 of bcrypt hashes.",
        ),
        key(
            path("fixedUsers.users"),
            Kind::Users,
            "Users, each with `username`, `password` and `name`. They are kept in a Secret.",
        ),
        key(
            path("watchdog.enabled"),
            Kind::Flag,
            "Set tasks that no longer report to `stopped`.",
        )
        .default(json!(true)),
        key(
            path("watchdog.thresholdSeconds"),
            Kind::Whole(1..=u64::MAX),
            "Seconds without a report after which a task is set to `stopped`.",
        )
        .default(json!(7200)),
        key(
            path("watchdog.intervalSeconds"),
            Kind::Whole(1..=u64::MAX),
            "Seconds between two checks for such tasks.",
        )
        .default(json!(900)),
        key(
            path("livenessDelay"),
            Kind::Whole(0..=86400),
            "Seconds before the first liveness probe. The chart's 60 counts as not set: a startup probe of ten minutes covers the start.",
        ),
        key(
            path("readinessDelay"),
            Kind::Whole(0..=86400),
            "Seconds before the first readiness probe. The chart's 60 counts as not set.",
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
            format!("Number of pods of the {what}."),
        ),
        key(
            path("service.type"),
            Kind::OneOf(&["NodePort", "ClusterIP", "LoadBalancer"]),
            format!("Type of the {what}'s Service."),
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
            format!("Image of the {what}, without its tag. If empty, the release's."),
        )
        .default(json!("")),
        key(
            path("image.tag"),
            Kind::ImageTag,
            format!(
                "Tag of the {what}'s image. If empty, the release's. Another version than the release's is refused."
            ),
        )
        .default(json!("")),
        key(
            path("image.pullPolicy"),
            Kind::OneOf(&["Always", "IfNotPresent", "Never"]),
            "When Kubernetes pulls the image.",
        )
        .default(json!("IfNotPresent")),
        key(
            path("extraEnvs"),
            Kind::Environment,
            format!("Additional environment variables of the {what}. A variable of the same name is replaced."),
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
            format!("Affinity of the {what}'s pods."),
        ),
    ]
}
