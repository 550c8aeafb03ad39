//! `list`: every instance that there is anything of.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::docker::Engine;
use crate::error::Result;
use crate::node::spec::{self, INSTANCE_LABEL};
use crate::probe::Endpoints;
use crate::settings::InstanceName;
use crate::state::StateDir;

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    /// Its name.
    pub name: InstanceName,
    /// `running`, `stopped`, or `down` where there is no node.
    pub state: &'static str,
    /// The release, where it is known.
    pub release: Option<String>,
    /// The web app's URL, where it is known.
    pub web: Option<String>,
    /// Where the data are, where it is known.
    pub data_dir: Option<String>,
}

/// All instances of this user and this engine, by name: those with a node, with a
/// volume, or with settings that were kept.
///
/// # Errors
/// When the engine does not answer, or a state file is broken.
pub async fn list(engine: &dyn Engine) -> Result<Vec<Listed>> {
    let mut states: BTreeMap<InstanceName, &'static str> = BTreeMap::new();
    for name in StateDir::all()? {
        states.insert(name, "down");
    }
    for container in engine.containers(INSTANCE_LABEL).await? {
        let name = container.labels.get(INSTANCE_LABEL);
        if let Some(Ok(name)) = name.map(|name| name.parse()) {
            let running = if container.running {
                "running"
            } else {
                "stopped"
            };
            states.insert(name, running);
        }
    }
    let mut listed = Vec::new();
    for (name, state) in states {
        let kept = StateDir::of(&name)?.instance()?;
        let node = engine.container(&spec::name(&name)).await?;
        let instance = kept.or_else(|| node.as_ref().and_then(spec::instance_of));
        listed.push(Listed {
            state,
            release: instance.as_ref().map(|instance| instance.release.clone()),
            web: instance
                .as_ref()
                .map(|instance| Endpoints::of(instance).web),
            data_dir: instance.map(|instance| instance.data_dir.to_string()),
            name,
        });
    }
    Ok(listed)
}
