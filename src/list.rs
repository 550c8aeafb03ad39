//! `list`: every instance that there is anything of.

use std::collections::BTreeMap;

use crate::docker::Engine;
use crate::error::{Error, Result};
use crate::health::Health;
use crate::node::spec::{self, INSTANCE_LABEL};
use crate::probe::Endpoints;
use crate::settings::{Instance, InstanceName};
use crate::state::StateDir;

#[derive(Debug)]
pub struct Listed {
    pub name: InstanceName,
    /// How it is as far as its node tells: nobody asks the server.
    pub state: Health,
    pub release: Option<String>,
    pub web: Option<String>,
    pub data_dir: Option<String>,
    /// Why what is kept of it cannot be read.
    pub broken: Option<Error>,
}

/// All instances of this user and this engine, by name: those with a node, with a
/// volume, or with settings that were kept. One whose settings are broken is listed
/// with what the node tells.
pub async fn list(engine: &dyn Engine) -> Result<Vec<Listed>> {
    let mut states: BTreeMap<InstanceName, Health> = BTreeMap::new();
    for name in StateDir::all()? {
        states.insert(name, Health::Absent);
    }
    let mut nodes = BTreeMap::new();
    for container in engine.containers(INSTANCE_LABEL).await? {
        let name = container.labels.get(INSTANCE_LABEL);
        if let Some(Ok(name)) = name.map(|name| name.parse::<InstanceName>()) {
            // Containers of a moment, such as one that copies data, are no nodes.
            if container.name == spec::name(&name) {
                states.insert(name.clone(), Health::of_node(&container));
                nodes.insert(name, container);
            }
        }
    }
    let mut listed = Vec::new();
    for (name, state) in states {
        let (kept, broken) = match StateDir::of(&name)?.instance() {
            Ok(kept) => (kept, None),
            Err(error) => (None, Some(error.into())),
        };
        let made_with = nodes.get(&name).and_then(spec::instance_of);
        let instance = match (kept, made_with) {
            // The node is where the server is, whichever home made it.
            (Some(kept), Some(made_with)) => Some(kept.with_place_of(made_with)),
            (kept, made_with) => kept.or(made_with),
        };
        listed.push(Listed {
            state,
            release: instance.as_ref().map(Instance::release_name),
            web: instance
                .as_ref()
                .map(|instance| Endpoints::of(instance).web),
            data_dir: instance.map(|instance| instance.data_dir.to_string()),
            name,
            broken,
        });
    }
    Ok(listed)
}
