//! The three ClearML servers.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::{Files, Reader};
use crate::component::Component;
use crate::image_ref::ImageRef;
use crate::values::keys::{self, apiserver};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    pub reference: ImageRef,
    /// `Always`, `IfNotPresent` or `Never`.
    pub pull_policy: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceType {
    NodePort,
    ClusterIp,
    LoadBalancer,
}

impl ServiceType {
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceType::NodePort => "NodePort",
            ServiceType::ClusterIp => "ClusterIP",
            ServiceType::LoadBalancer => "LoadBalancer",
        }
    }

    pub(in crate::values) fn of(word: &str) -> ServiceType {
        match word {
            "ClusterIP" => ServiceType::ClusterIp,
            "LoadBalancer" => ServiceType::LoadBalancer,
            _ => ServiceType::NodePort,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    pub kind: ServiceType,
    pub port: u16,
    pub node_port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pods {
    pub image: Image,
    /// Requests and limits as a Kubernetes object.
    pub resources: Value,
    /// Additional environment variables as Kubernetes objects.
    pub extra_envs: Vec<Value>,
    pub annotations: BTreeMap<String, String>,
    /// Labels of the nodes that may run them.
    pub node_selector: BTreeMap<String, String>,
    /// Tolerations as Kubernetes objects.
    pub tolerations: Vec<Value>,
    /// Affinity as a Kubernetes object; empty if it is not set.
    pub affinity: Value,
}

impl Pods {
    pub(super) fn read(reader: &Reader<'_>, component: Component) -> Pods {
        let keys = keys::pods(component);
        let mut resources = reader.get(&keys.resources);
        // `limits: {cpu: null}` removes a default and may leave an empty map.
        if let Some(map) = resources.as_object_mut() {
            map.retain(|_, amounts| amounts.as_object().is_some_and(|map| !map.is_empty()));
        }
        Pods {
            image: Image {
                reference: reader.image(component, &keys.image_tag),
                pull_policy: reader.get(&keys.image_pull_policy),
            },
            resources,
            extra_envs: reader.get(&keys.extra_envs),
            annotations: reader.get(&keys.pod_annotations),
            node_selector: reader.get(&keys.node_selector),
            tolerations: reader.get(&keys.tolerations),
            affinity: reader.get(&keys.affinity),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    pub service: Service,
    pub replicas: u32,
    pub pods: Pods,
}

impl Server {
    pub(super) fn read(reader: &Reader<'_>, component: Component, keys: &keys::Server) -> Server {
        Server {
            service: Service {
                kind: reader.get(&keys.service_type),
                port: reader.get(&keys.service_port),
                node_port: reader.get(&keys.node_port),
            },
            replicas: reader.get(&keys.replica_count),
            pods: Pods::read(reader, component),
        }
    }
}

/// The options of the API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiOptions {
    /// Whether empty databases are filled with examples.
    pub prepopulate: bool,
    /// The directory with the examples in the image.
    pub prepopulate_files: String,
    /// Seconds after which a login in the browser expires.
    pub cookie_age: u64,
    /// Seconds before the first liveness probe, if not the chart's.
    pub liveness_delay: Option<u64>,
    /// Seconds before the first readiness probe, if not the chart's.
    pub readiness_delay: Option<u64>,
    /// Configuration files in HOCON.
    pub files: Files,
    /// Users with passwords, if enabled.
    pub fixed_users: Option<FixedUsers>,
    pub watchdog: Watchdog,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedUsers {
    /// Whether the passwords are base64 of bcrypt.
    pub hashed: bool,
    pub users: Vec<User>,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// The name for the login.
    pub username: String,
    pub password: String,
    /// The display name.
    pub name: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "User({}, masked)", self.username)
    }
}

/// The handling of tasks that no longer report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watchdog {
    pub enabled: bool,
    /// Seconds without a report after which a task is set to stopped.
    pub threshold: u64,
    /// Seconds between two checks.
    pub interval: u64,
}

/// The delay of the chart's probes, which counts as not set.
const CHART_DELAY: u64 = 60;

impl ApiOptions {
    pub(super) fn read(reader: &Reader<'_>) -> ApiOptions {
        let delay = |key| Some(reader.get(key)).filter(|delay| *delay != CHART_DELAY);
        ApiOptions {
            prepopulate: reader.get(&apiserver::PREPOPULATE_ENABLED),
            prepopulate_files: reader.get(&apiserver::PREPOPULATE_ZIP_FILES),
            cookie_age: reader.get(&apiserver::AUTH_COOKIES_MAX_AGE),
            liveness_delay: delay(&apiserver::LIVENESS_DELAY),
            readiness_delay: delay(&apiserver::READINESS_DELAY),
            files: reader.get(&apiserver::ADDITIONAL_CONFIGS),
            fixed_users: reader
                .get(&apiserver::FIXED_USERS_ENABLED)
                .then(|| FixedUsers {
                    hashed: reader.get(&apiserver::FIXED_USERS_PASS_HASHED),
                    users: reader.get(&apiserver::FIXED_USERS),
                }),
            watchdog: Watchdog {
                enabled: reader.get(&apiserver::WATCHDOG_ENABLED),
                threshold: reader.get(&apiserver::WATCHDOG_THRESHOLD),
                interval: reader.get(&apiserver::WATCHDOG_INTERVAL),
            },
        }
    }
}

impl User {
    pub(in crate::values) fn of(value: &Value) -> User {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let username = text("username");
        User {
            name: Some(text("name"))
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| username.clone()),
            username,
            password: text("password"),
        }
    }
}
