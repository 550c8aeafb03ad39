//! Which source the logs of an instance are read from.

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
use crate::settings::InstanceName;
use crate::state::StateDir;

/// How long the Kubernetes API may take to list the pods.
const PATIENCE: Duration = Duration::from_secs(5);

/// The logs of an instance.
#[derive(Debug)]
pub struct Opened {
    /// The lines.
    pub logs: Logs,
    /// Why they are not those of the Kubernetes API, if so.
    pub instead_of_api: Option<&'static str>,
}

/// Asks the Kubernetes API, and reads the node's files where it does not answer. Connects
/// to the engine only if that is needed.
///
/// # Errors
/// When there is no cluster, or a stopped node is to be followed.
pub async fn open(
    options: LogOptions,
    name: &InstanceName,
    state: &StateDir,
    connect: impl AsyncFnOnce() -> Result<Arc<dyn Engine>>,
) -> Result<Opened> {
    let kept = state.kubeconfig()?;
    if let Some(kubeconfig) = &kept
        && let Some(opened) = from_api(&options, kubeconfig).await?
    {
        return Ok(opened);
    }
    let found = async {
        let engine = connect().await?;
        let node = node(name, &*engine).await?;
        Ok::<_, Error>((engine, node))
    };
    let (engine, node) = match found.await {
        // Nothing is known of it, and nobody can be asked.
        Err(_) if kept.is_none() && state.instance()?.is_none() => {
            return Err(no_cluster(name).into());
        }
        found => found?,
    };
    let seen = state.node()?;
    // Another home may have made the node, or recreated it.
    if (kept.is_none() || seen.is_some_and(|seen| seen != node.id))
        && node.is_awake()
        && node::is_bootstrapped(&*engine, &node.name).await?
        && let kubeconfig = node::kubeconfig(&*engine, &node.name).await?
        && let Some(opened) = from_api(&options, &kubeconfig).await?
    {
        return Ok(opened);
    }
    if node.is_awake() {
        let files = Files {
            engine,
            node: node.name,
            options: options.clone(),
        };
        return Ok(Opened {
            logs: Logs::read(Arc::new(files), options).await?,
            instead_of_api: Some("the Kubernetes API does not answer"),
        });
    }
    if options.follow {
        return Err(asleep(&node, name).into());
    }
    let stopped = Stopped::copy(&*engine, &node.name, &options).await?;
    Ok(Opened {
        logs: Logs::read(Arc::new(stopped), options).await?,
        instead_of_api: Some(match node.paused {
            true => "the node is paused",
            false => "the node is stopped",
        }),
    })
}

/// Begins to read the journal of an instance's node; returns its name too.
///
/// # Errors
/// When there is no node that runs, or the engine does not answer.
pub async fn open_journal(
    options: JournalOptions,
    name: &InstanceName,
    engine: &dyn Engine,
) -> Result<(String, Journal)> {
    let node = node(name, engine).await?;
    if !node.is_awake() {
        return Err(asleep(&node, name).into());
    }
    let journal = Journal::open(engine, &node.name, options).await?;
    Ok((node.name, journal))
}

/// The logs from the Kubernetes API; none where it does not answer.
async fn from_api(options: &LogOptions, kubeconfig: &str) -> Result<Option<Opened>> {
    let api = Api {
        cluster: Cluster::connect(kubeconfig).await?,
        options: options.clone(),
    };
    let reading = Logs::read(Arc::new(api), options.clone());
    match tokio::time::timeout(PATIENCE, reading).await {
        Ok(Ok(logs)) => Ok(Some(Opened {
            logs,
            instead_of_api: None,
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

/// The instance's node.
async fn node(name: &InstanceName, engine: &dyn Engine) -> Result<Container> {
    let found = recovery::node_of(name, engine).await?;
    Ok(found.ok_or_else(|| no_cluster(name))?)
}

fn no_cluster(name: &InstanceName) -> NoCluster {
    NoCluster {
        name: name.to_string(),
    }
}

fn asleep(node: &Container, name: &InstanceName) -> Asleep {
    Asleep {
        name: name.to_string(),
        how: if node.paused { "paused" } else { "stopped" },
    }
}

/// There is nothing to read from.
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

/// The node is there, and what was asked for can be had only while it runs.
#[derive(Debug, thiserror::Error)]
#[error("instance `{name}` is {how}: cannot read its journal or follow its logs")]
struct Asleep {
    name: String,
    how: &'static str,
}

impl Explain for Asleep {
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("start it", ours!(Start))]
    }
}
