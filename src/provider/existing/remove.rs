//! Removing the server from the namespace, with or without its data.

use std::time::Duration;

use super::Existing;
use crate::error::{Error, Result};
use crate::event::Step;
use crate::health;
use crate::provider::Removed;
use crate::settings::KeptData;
use crate::words::listed;

/// How long the pods may take to end.
const LIMIT: Duration = Duration::from_secs(180);

/// Removes the server; with `purge`, its claims, Secrets and settings too. The namespace stays.
pub(super) async fn remove(existing: &Existing<'_>, purge: bool) -> Result<Removed> {
    let step = existing.events.step("server");
    let result = remove_server(existing, &step).await;
    let mut changed = step.end(result, |count| (*count > 0, format!("{count} removed")))? > 0;
    if !purge {
        return Ok(Removed {
            changed,
            data: Some(KeptData::Claims(existing.settings.clone())),
            purged: "",
            data_bytes: None,
            remaining: Vec::new(),
        });
    }
    changed |= existing.state.instance()?.is_some();
    let step = existing.events.step("purge");
    let name = existing.name.as_str();
    let result = existing.cluster.delete_data(name).await;
    let result = result.map_err(Error::from);
    let deleted = step.end(result, |deleted| {
        let claims: Vec<&str> = deleted.iter().map(String::as_str).collect();
        (!deleted.is_empty(), listed(&claims))
    })?;
    existing.state.purge()?;
    Ok(Removed {
        changed: changed || !deleted.is_empty(),
        data: None,
        purged: "data and secrets",
        data_bytes: None,
        remaining: Vec::new(),
    })
}

/// Deletes the objects of the server and waits until its pods have ended. Returns the number of
/// objects.
async fn remove_server(existing: &Existing<'_>, step: &Step) -> Result<usize> {
    let cluster = &existing.cluster;
    step.state("removing the objects");
    let name = existing.name.as_str();
    let removed =
        cluster.remove_server(name).await?.len() + cluster.delete_agents(name, None).await?;
    health::await_end(LIMIT, step, async || {
        let pods = cluster.pods().await?.into_iter();
        let mut names: Vec<String> = pods.map(|(component, _)| component.to_string()).collect();
        names.dedup();
        let agents = cluster.agent_pods(name, None).await?;
        names.extend(agents.into_iter().map(|pod| pod.name));
        Ok(names)
    })
    .await?;
    Ok(removed)
}
