//! Logs of a node without the Kubernetes API: the files of its containers, and its journal.

mod files;
mod journal;
mod stopped;

use std::sync::Arc;

use self::files::Files;
pub(crate) use self::journal::{Journal, JournalOptions};
use self::stopped::Stopped;
use super::{Local, node, recovery};
use crate::docker::Container;
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kube::Cluster;
use crate::logs::{LogOptions, Logs, Opened, from_api};
use crate::provider::NoCluster;
use crate::settings::InstanceName;

/// Opens the logs of a node whose API cannot be reached with the stored kubeconfig.
///
/// # Errors
/// If there is no node, or if the logs of a stopped node should be followed.
pub(super) async fn open(local: &Local<'_>, options: &LogOptions) -> Result<Opened> {
    let engine = local.engine();
    let node = node_of(local).await?;
    let (stored, recorded) = (local.state.kubeconfig()?, local.state.node()?);
    // The node may have been created or recreated with another state directory.
    if (stored.is_none() || recorded.is_some_and(|id| id != node.id))
        && node.can_exec()
        && node::is_bootstrapped(engine, &node.name).await?
        && let kubeconfig = node::kubeconfig(engine, &node.name).await?
        && let Some(opened) = from_api(options, Cluster::connect(&kubeconfig).await?).await?
    {
        return Ok(opened);
    }
    if node.can_exec() {
        let files = Files {
            engine: local.engine.clone(),
            node: node.name,
            options: options.clone(),
        };
        return Ok(Opened {
            logs: Logs::read(Arc::new(files), options.clone()).await?,
            fallback_reason: Some("the Kubernetes API does not answer"),
        });
    }
    if options.follow {
        return Err(not_running(&node, local.name).into());
    }
    let stopped = Stopped::copy(engine, &node.name, options).await?;
    Ok(Opened {
        logs: Logs::read(Arc::new(stopped), options.clone()).await?,
        fallback_reason: Some(match node.paused {
            true => "the node is paused",
            false => "the node is stopped",
        }),
    })
}

/// Opens the journal of an instance's node; returns the name of the node too.
pub(super) async fn open_journal(
    local: &Local<'_>,
    options: JournalOptions,
) -> Result<(String, Journal)> {
    let node = node_of(local).await?;
    if !node.can_exec() {
        return Err(not_running(&node, local.name).into());
    }
    let journal = Journal::open(local.engine(), &node.name, options).await?;
    Ok((node.name, journal))
}

pub(super) async fn node_of(local: &Local<'_>) -> Result<Container> {
    let found = recovery::node_of(local).await?;
    Ok(found.ok_or_else(|| NoCluster::without_logs(local.name))?)
}

pub(super) fn not_running(node: &Container, name: &InstanceName) -> NotRunning {
    NotRunning {
        name: name.to_string(),
        state: if node.paused { "paused" } else { "stopped" },
    }
}

/// The node exists, and what was requested can be read only while it runs.
#[derive(Debug, thiserror::Error)]
#[error("instance `{name}` is {state}: cannot read its journal or follow its logs")]
pub(super) struct NotRunning {
    name: String,
    state: &'static str,
}

impl Explain for NotRunning {
    fn failure(&self) -> Failure {
        Failure::NodeNotRunning
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("start it", ours!(Start))]
    }
}
