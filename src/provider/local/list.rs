//! The nodes of all instances.

use std::collections::BTreeMap;

use super::look::health_of;
use super::node::spec::{self, INSTANCE_LABEL};
use crate::docker::Engine;
use crate::error::Result;
use crate::health::Health;
use crate::settings::{Instance, InstanceName};

/// Returns the state of each node in an engine, and the settings that it was created with.
pub(crate) async fn nodes(
    engine: &dyn Engine,
) -> Result<BTreeMap<InstanceName, (Health, Option<Instance>)>> {
    let mut nodes = BTreeMap::new();
    for container in engine.containers(INSTANCE_LABEL).await? {
        let name = container.labels.get(INSTANCE_LABEL);
        if let Some(Ok(name)) = name.map(|name| name.parse::<InstanceName>()) {
            // Temporary containers, such as one that copies data, are not nodes.
            if container.name == spec::name(&name) {
                let seen = (health_of(&container), spec::instance_of(&container));
                nodes.insert(name, seen);
            }
        }
    }
    Ok(nodes)
}
