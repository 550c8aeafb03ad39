//! The state of an instance before `up`, read from its node.

use super::recovery::{self, AnotherInstance, Ownership};
use super::{Local, data};
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::preflight::Finding;
use crate::provider::Previous;
use crate::provider::local::node::spec;
use crate::revisions::{self, History};
use crate::settings::Instance;
use crate::state::StateDir;

/// Reads the state directory, the node, its cluster and the settings saved with the data. Starts
/// nothing.
pub(super) async fn find(local: &Local<'_>) -> Result<Previous> {
    let (state, engine) = (local.state, local.engine());
    let kept = state.instance()?;
    let home = state.secrets()?;
    let node = recovery::node_of(local).await?;
    let unrecognized = match (&kept, &node) {
        (Some(kept), Some(node)) => recovery::is_unrecognized(kept, node, state)?,
        _ => false,
    };
    let running = recovery::cluster_state(local).await?;
    let unknown = kept.is_none() || home.is_none() || unrecognized;
    let must_start = running.is_unavailable() && unknown;
    let whose = match (&kept, &node) {
        (Some(kept), Some(node)) if unrecognized => {
            let cluster = running.cluster();
            recovery::ownership(local, node, kept, cluster, home.as_ref()).await?
        }
        _ => Ownership::Ours,
    };
    let (another, suspected) = match whose {
        Ownership::Ours => (None, None),
        Ownership::Unknown(suspected) if must_start => (None, Some(suspected)),
        Ownership::Another(another) | Ownership::Unknown(another) => (Some(another), None),
    };
    let saved_with_data = match &node {
        Some(node) if must_start && kept.is_none() => recovery::settings(node, engine).await?,
        _ => None,
    };
    let in_home = revisions::load(state, None).await?;
    let history = match running.cluster() {
        Some(cluster) => revisions::load(state, Some(cluster)).await?,
        None => in_home.clone(),
    };
    let settings_known = match &kept {
        Some(_) => suspected.is_none(),
        None => saved_with_data.is_some() || !in_home.is_empty(),
    };
    let earlier = match kept {
        Some(kept) => Some(merge_other_homes(
            kept,
            node.as_ref(),
            &in_home,
            &history,
            state,
        )?),
        None => recover_settings(node.as_ref(), saved_with_data, engine, &history).await?,
    };
    let finding = |another: Option<AnotherInstance>| another.as_ref().map(Finding::of);
    Ok(Previous {
        history,
        settings: earlier,
        back_to: None,
        unreadable: running.is_unavailable(),
        cluster: running.cluster().cloned(),
        must_start,
        settings_known,
        another: finding(another),
        suspected: finding(suspected),
    })
}

/// Merges the local settings with later changes by other homes: a recreated node, or other
/// values.
fn merge_other_homes(
    kept: Instance,
    node: Option<&Container>,
    local: &History,
    all: &History,
    state: &StateDir,
) -> Result<Instance> {
    let mut instance = kept;
    let recorded = state.node()?;
    if let Some(node) = node
        && recorded.is_some_and(|id| id != node.id)
        && let Some(created_with) = spec::instance_of(node)
    {
        instance = instance.with_node_settings_of(created_with);
    }
    let at = |history: &History| history.latest().map(|latest| latest.at);
    if let Some(latest) = all.latest()
        && !local.is_empty()
        && at(all) > at(local)
    {
        instance.values = latest.instance.values.clone();
    }
    Ok(instance)
}

/// Recovers settings that this home lost from the settings saved_with_data the data, the
/// history and the node.
async fn recover_settings(
    node: Option<&Container>,
    saved_with_data: Option<Instance>,
    engine: &dyn Engine,
    history: &History,
) -> Result<Option<Instance>> {
    let created_with = node.and_then(spec::instance_of);
    let latest = history.latest().map(|latest| latest.instance.clone());
    if let Some(settings) = saved_with_data.or(latest) {
        return Ok(Some(settings.for_this_home(created_with)));
    }
    let Some(mut instance) = created_with else {
        return Ok(None);
    };
    if let Some(marker) = data::marker_at(&instance.node.data_dir, engine).await? {
        instance.values.release = marker.release;
        instance.values.release_file = None;
    }
    Ok(Some(instance))
}
