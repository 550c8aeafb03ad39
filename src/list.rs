//! `list`: every instance that has a node, a volume or stored settings.

use std::collections::BTreeMap;

use crate::docker::Engine;
use crate::error::{Error, Result};
use crate::health::Health;
use crate::node::spec::{self, INSTANCE_LABEL};
use crate::probe::Endpoints;
use crate::settings::InstanceName;
use crate::state::StateDir;

#[derive(Debug)]
pub struct InstanceSummary {
    pub name: InstanceName,
    /// The state of its node; the server is not probed.
    pub state: Health,
    /// `None` if unknown, as are the URL and the data directory.
    pub release: Option<String>,
    /// The URL of the web app.
    pub web: Option<String>,
    pub data_dir: Option<String>,
    /// Why its stored settings cannot be read.
    pub broken: Option<Error>,
}

/// Returns all instances of this user and this engine, by name: those with a node, a
/// volume, or stored settings. If the settings are broken, the instance is listed with
/// what its node provides.
pub async fn list(engine: &dyn Engine) -> Result<Vec<InstanceSummary>> {
    let mut states: BTreeMap<InstanceName, Health> = BTreeMap::new();
    for name in StateDir::all()? {
        states.insert(name, Health::Absent);
    }
    let mut nodes = BTreeMap::new();
    for container in engine.containers(INSTANCE_LABEL).await? {
        let name = container.labels.get(INSTANCE_LABEL);
        if let Some(Ok(name)) = name.map(|name| name.parse::<InstanceName>()) {
            // Temporary containers, such as one that copies data, are not nodes.
            if container.name == spec::name(&name) {
                states.insert(name.clone(), Health::of_node(&container));
                nodes.insert(name, container);
            }
        }
    }
    let mut listed = Vec::new();
    for (name, state) in states {
        let (stored, broken) = match StateDir::of(&name)?.instance() {
            Ok(stored) => (stored, None),
            Err(error) => (None, Some(error.into())),
        };
        let created_with = nodes.get(&name).and_then(spec::instance_of);
        let instance = match (stored, created_with) {
            // The node runs the server, no matter which home created it.
            (Some(stored), Some(created_with)) => Some(stored.with_node_settings_of(created_with)),
            (stored, created_with) => stored.or(created_with),
        };
        listed.push(InstanceSummary {
            state,
            release: instance
                .as_ref()
                .map(|instance| instance.values.release_name()),
            web: instance
                .as_ref()
                .map(|instance| Endpoints::of(instance).web),
            data_dir: instance.map(|instance| instance.node.data_dir.to_string()),
            name,
            broken,
        });
    }
    Ok(listed)
}
