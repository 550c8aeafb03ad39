//! The six components of a ClearML server and their names in the cluster.

mod state;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::state::{State, StateKind};

/// The name of the Helm release that the chart's object names are built from.
/// An instance has its own cluster, so the names inside are always the same.
pub const RELEASE_NAME: &str = "clearml";

/// A component of a ClearML server, in the order in which they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// Stores cache and locks.
    Redis,
    /// Stores projects, tasks and users.
    Mongodb,
    /// Stores scalars, logs and plots.
    Elasticsearch,
    /// Serves the REST API.
    Apiserver,
    /// Stores artifacts and debug images.
    Fileserver,
    /// Serves the web app.
    Webserver,
}

impl Component {
    pub const ALL: [Component; 6] = [
        Component::Redis,
        Component::Mongodb,
        Component::Elasticsearch,
        Component::Apiserver,
        Component::Fileserver,
        Component::Webserver,
    ];

    /// Returns the name that users type and see.
    pub fn name(self) -> &'static str {
        match self {
            Component::Redis => "redis",
            Component::Mongodb => "mongodb",
            Component::Elasticsearch => "elasticsearch",
            Component::Apiserver => "apiserver",
            Component::Fileserver => "fileserver",
            Component::Webserver => "webserver",
        }
    }

    pub fn from_name(name: &str) -> Option<Component> {
        Component::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Returns the component that a pod runs, by the pod's name: it starts with a
    /// prefix that the user may choose, and ends with a suffix of Kubernetes.
    pub fn of_pod(name: &str) -> Option<Component> {
        let parts = [
            ("-redis-", Component::Redis),
            ("-mongodb-", Component::Mongodb),
            ("-apiserver-", Component::Apiserver),
            ("-fileserver-", Component::Fileserver),
            ("-webserver-", Component::Webserver),
            ("-master-", Component::Elasticsearch),
        ];
        // The name of an agent contains that of its queue.
        if name.starts_with("clearml-local-agent") {
            return None;
        }
        let found = parts.iter().find(|(part, _)| name.contains(part));
        found.map(|(_, component)| *component)
    }

    /// Returns the owner (uid, gid) of the component's data directory: the user of its
    /// image.
    pub fn data_owner(self) -> Option<(u32, u32)> {
        match self {
            Component::Redis | Component::Mongodb => Some((999, 999)),
            Component::Elasticsearch => Some((1000, 0)),
            Component::Fileserver => Some((0, 0)),
            Component::Apiserver | Component::Webserver => None,
        }
    }

    /// Databases stop after the components that write to them.
    pub fn is_database(self) -> bool {
        matches!(
            self,
            Component::Redis | Component::Mongodb | Component::Elasticsearch
        )
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_components_by_pod_names() {
        for (pod, component) in [
            ("clearml-redis-master-0", Some(Component::Redis)),
            ("clearml-elastic-master-0", Some(Component::Elasticsearch)),
            ("our-apiserver-5b9-x2", Some(Component::Apiserver)),
            ("clearml-mongodb-7f4-abc", Some(Component::Mongodb)),
            ("kindnet-x", None),
        ] {
            assert_eq!(Component::of_pod(pod), component, "{pod}");
        }
    }
}
