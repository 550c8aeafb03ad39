//! `list`: every instance that has a node, a volume or stored settings.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::health::Health;
use crate::probe::Endpoints;
use crate::settings::{Instance, InstanceName, KeptData, Queue};
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
    pub data: Option<KeptData>,
    /// The queues of its agents, as far as this home knows them.
    pub agents: Vec<Queue>,
    /// Why its stored settings cannot be read.
    pub broken: Option<Error>,
}

/// The state of each instance that has a node or a cluster, and the settings that its node was
/// created with.
pub(crate) type Seen = BTreeMap<InstanceName, (Health, Option<Instance>)>;

/// Returns all instances of this user and this engine, by name: those with a node, a
/// volume, or stored settings. If the settings are broken, the instance is listed with
/// what its node provides.
pub(crate) fn list(mut nodes: Seen) -> Result<Vec<InstanceSummary>> {
    for name in StateDir::all()? {
        nodes.entry(name).or_insert((Health::Absent, None));
    }
    let mut listed = Vec::new();
    for (name, (state, created_with)) in nodes {
        let state_dir = StateDir::of(&name)?;
        let agents = state_dir.agents().unwrap_or_default().into_iter();
        let (stored, broken) = match state_dir.instance() {
            Ok(stored) => (stored, None),
            Err(error) => (None, Some(error.into())),
        };
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
                .and_then(Endpoints::known)
                .map(|endpoints| endpoints.web),
            data: instance.as_ref().map(Instance::kept_data),
            agents: agents.map(|agent| agent.queue).collect(),
            name,
            broken,
        });
    }
    Ok(listed)
}
