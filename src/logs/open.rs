//! Selects the source of an instance's logs.

use std::sync::Arc;
use std::time::Duration;

use super::api::Api;
use super::files::Files;
use super::stopped::Stopped;
use super::{Journal, JournalOptions, LogOptions, Logs};
use crate::docker::{Container, Engine};
use crate::error::{Code, Error, Explain, Result};
use crate::hint::{Hint, ours};
use crate::kube::{self, Cluster};
use crate::node;
use crate::recovery;
use crate::session::Session;
use crate::settings::InstanceName;

/// The time in which the Kubernetes API must list the pods.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The logs of an instance.
#[derive(Debug)]
pub struct Opened {
    pub logs: Logs,
    /// Why the logs are not read from the Kubernetes API, if they are not.
    pub fallback_reason: Option<&'static str>,
}

/// Opens the logs from the Kubernetes API, or from the files of the node if the API does not
/// respond. Connects to the engine only if that is necessary.
///
/// # Errors
/// If there is no cluster, or if the logs of a stopped node should be followed.
pub async fn open(
    options: LogOptions,
    session: &Session<'_, ()>,
    connect: impl AsyncFnOnce() -> Result<Arc<dyn Engine>>,
) -> Result<Opened> {
    let Session { name, state, .. } = *session;
    let stored = state.kubeconfig()?;
    if let Some(kubeconfig) = &stored
        && let Some(opened) = from_api(&options, kubeconfig).await?
    {
        return Ok(opened);
    }
    let found = async {
        let engine = connect().await?;
        let node = node(&session.with_engine(&*engine)).await?;
        Ok::<_, Error>((engine, node))
    };
    let (engine, node) = match found.await {
        // The instance is unknown, and the engine cannot be queried.
        Err(_) if stored.is_none() && state.instance()?.is_none() => {
            return Err(no_cluster(name).into());
        }
        found => found?,
    };
    let recorded = state.node()?;
    // The node may have been created or recreated with another state directory.
    if (stored.is_none() || recorded.is_some_and(|id| id != node.id))
        && node.can_exec()
        && node::is_bootstrapped(&*engine, &node.name).await?
        && let kubeconfig = node::kubeconfig(&*engine, &node.name).await?
        && let Some(opened) = from_api(&options, &kubeconfig).await?
    {
        return Ok(opened);
    }
    if node.can_exec() {
        let files = Files {
            engine,
            node: node.name,
            options: options.clone(),
        };
        return Ok(Opened {
            logs: Logs::read(Arc::new(files), options).await?,
            fallback_reason: Some("the Kubernetes API does not answer"),
        });
    }
    if options.follow {
        return Err(not_running(&node, name).into());
    }
    let stopped = Stopped::copy(&*engine, &node.name, &options).await?;
    Ok(Opened {
        logs: Logs::read(Arc::new(stopped), options).await?,
        fallback_reason: Some(match node.paused {
            true => "the node is paused",
            false => "the node is stopped",
        }),
    })
}

/// Opens the journal of an instance's node; returns the name of the node too.
pub async fn open_journal(
    options: JournalOptions,
    session: &Session<'_>,
) -> Result<(String, Journal)> {
    let node = node(session).await?;
    if !node.can_exec() {
        return Err(not_running(&node, session.name).into());
    }
    let journal = Journal::open(session.engine, &node.name, options).await?;
    Ok((node.name, journal))
}

/// Opens the logs from the Kubernetes API; `None` if it does not respond.
async fn from_api(options: &LogOptions, kubeconfig: &str) -> Result<Option<Opened>> {
    let api = Api {
        cluster: Cluster::connect(kubeconfig).await?,
        options: options.clone(),
    };
    let reading = Logs::read(Arc::new(api), options.clone());
    match tokio::time::timeout(TIMEOUT, reading).await {
        Ok(Ok(logs)) => Ok(Some(Opened {
            logs,
            fallback_reason: None,
        })),
        Ok(Err(error)) => {
            let cause = error.downcast_ref::<kube::Error>();
            match cause.is_some_and(kube::Error::is_transient) {
                true => Ok(None),
                false => Err(error),
            }
        }
        Err(_) => Ok(None),
    }
}

async fn node(session: &Session<'_>) -> Result<Container> {
    let found = recovery::node_of(session).await?;
    Ok(found.ok_or_else(|| no_cluster(session.name))?)
}

fn no_cluster(name: &InstanceName) -> NoCluster {
    NoCluster {
        name: name.to_string(),
    }
}

fn not_running(node: &Container, name: &InstanceName) -> NotRunning {
    NotRunning {
        name: name.to_string(),
        state: if node.paused { "paused" } else { "stopped" },
    }
}

#[derive(Debug, thiserror::Error)]
#[error("instance `{name}` has no cluster, so there are no logs")]
struct NoCluster {
    name: String,
}

impl Explain for NoCluster {
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("create it", ours!(Up).of(Some(&self.name)))]
    }
}

/// The node exists, and the requested logs can be read only while it runs.
#[derive(Debug, thiserror::Error)]
#[error("instance `{name}` is {state}: cannot read its journal or follow its logs")]
struct NotRunning {
    name: String,
    state: &'static str,
}

impl Explain for NotRunning {
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("start it", ours!(Start))]
    }
}
