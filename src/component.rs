//! The six components of a ClearML server and their names in the cluster.

mod state;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::state::{State, StateKind};

/// The name of the Helm release that the chart's object names are built from.
/// An instance has its own cluster, so the names inside are always the same.
pub const RELEASE_NAME: &str = "clearml";

/// The namespace that holds everything of ours.
pub const NAMESPACE: &str = "clearml";

/// One component of a ClearML server, in the order in which they are needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Component {
    /// Cache and locks.
    Redis,
    /// Projects, tasks, users.
    Mongodb,
    /// Scalars, logs, plots.
    Elasticsearch,
    /// The REST API.
    Apiserver,
    /// Artifacts and debug images.
    Fileserver,
    /// The web app.
    Webserver,
}

impl Component {
    /// All components, in the order in which they are needed.
    pub const ALL: [Component; 6] = [
        Component::Redis,
        Component::Mongodb,
        Component::Elasticsearch,
        Component::Apiserver,
        Component::Fileserver,
        Component::Webserver,
    ];

    /// The name that users type and read.
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

    /// The component that a pod of that name runs: names begin with what the user
    /// chose, and end with what Kubernetes adds.
    pub fn of_pod(name: &str) -> Option<Component> {
        let parts = [
            ("-redis-", Component::Redis),
            ("-mongodb-", Component::Mongodb),
            ("-apiserver-", Component::Apiserver),
            ("-fileserver-", Component::Fileserver),
            ("-webserver-", Component::Webserver),
            ("-master-", Component::Elasticsearch),
        ];
        let found = parts.iter().find(|(part, _)| name.contains(part));
        found.map(|(_, component)| *component)
    }

    /// Owner (uid, gid) of the component's data directory, as its image runs.
    pub fn data_owner(self) -> Option<(u32, u32)> {
        match self {
            Component::Redis | Component::Mongodb => Some((999, 999)),
            Component::Elasticsearch => Some((1000, 0)),
            Component::Fileserver => Some((0, 0)),
            Component::Apiserver | Component::Webserver => None,
        }
    }

    /// Whether the component is a database, stopped after those that write to it.
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
    fn pods_are_known_by_their_names() {
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
