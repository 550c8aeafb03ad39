//! The six components of a ClearML server and their names in the cluster.

use std::fmt;

use serde::{Deserialize, Serialize};

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

/// What kind of workload runs a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkloadKind {
    /// A Deployment.
    Deployment,
    /// A StatefulSet.
    StatefulSet,
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

    /// The component of that name.
    pub fn from_name(name: &str) -> Option<Component> {
        Component::ALL.into_iter().find(|c| c.name() == name)
    }

    /// Kind and name of the workload (chart 4.0.0, facts of the default install).
    pub fn workload(self) -> (WorkloadKind, &'static str) {
        match self {
            Component::Redis => (WorkloadKind::StatefulSet, "clearml-redis-master"),
            Component::Mongodb => (WorkloadKind::Deployment, "clearml-mongodb"),
            Component::Elasticsearch => (WorkloadKind::StatefulSet, "clearml-elastic-master"),
            Component::Apiserver => (WorkloadKind::Deployment, "clearml-apiserver"),
            Component::Fileserver => (WorkloadKind::Deployment, "clearml-fileserver"),
            Component::Webserver => (WorkloadKind::Deployment, "clearml-webserver"),
        }
    }

    /// The persistent volume claim, where the component keeps data.
    pub fn claim(self) -> Option<&'static str> {
        match self {
            Component::Redis => Some("redis-data-clearml-redis-master-0"),
            Component::Mongodb => Some("clearml-mongodb"),
            Component::Elasticsearch => Some("clearml-elastic-master-clearml-elastic-master-0"),
            Component::Fileserver => Some("clearml-fileserver-data"),
            Component::Apiserver | Component::Webserver => None,
        }
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
