//! Restores what is known of an instance from its node, its cluster and its data. The
//! home only holds a copy, which may be lost, out of date, or in another home.

mod data_files;
mod keys;
mod owner;

use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use self::data_files::settings;
pub use self::keys::{Places, find, from_data_dir, save};
pub use self::owner::{AnotherInstance, Ownership, is_unrecognized, ownership};
use self::owner::{has_other_data_dir, ownership_by_keys};
use crate::docker::{Container, Engine};
use crate::error::{Error, Explain, Result};
use crate::failures::Failure;
use crate::kube::{self, Cluster};
use crate::preflight::Finding;
use crate::provider::local::Local;
use crate::provider::local::node::{self, spec};
use crate::provider::local::preflight;
use crate::provider::{ClusterState, Recovered, Unavailable};
use crate::recovery::from_cluster;
use crate::revisions;
use crate::secrets::Secrets;
use crate::settings::Instance;
use crate::wait::{Attempt, Wait};

/// How long to wait for the Kubernetes API of a node that was started to be read.
const API_TIMEOUT: Duration = Duration::from_secs(90);

/// Returns the instance's node, if it has one in this engine.
pub async fn node_of(local: &Local<'_>) -> Result<Option<Container>> {
    let node = local.engine().container(&spec::name(local.name)).await?;
    Ok(node.filter(|node| spec::is_ours(node, local.name)))
}

/// Returns the state of the cluster, without starting or waiting for anything.
pub async fn cluster_state(local: &Local<'_>) -> Result<ClusterState> {
    let Some(node) = node_of(local).await? else {
        return Ok(ClusterState::Absent);
    };
    if !node.can_exec() {
        return Ok(ClusterState::Unavailable(match node.paused {
            true => Unavailable::Paused,
            false => Unavailable::Stopped,
        }));
    }
    // The stored kubeconfig saves reading it from the node, unless another home
    // recreated the node.
    if local.state.node()?.as_deref() == Some(&node.id)
        && let Some(kubeconfig) = local.state.kubeconfig()?
    {
        // A damaged kubeconfig is read from the node again.
        if let Ok(cluster) = Cluster::connect(&kubeconfig).await
            && cluster.ready().await.is_ok()
        {
            return Ok(ClusterState::Ready(cluster));
        }
    }
    connect(&node, local.engine()).await
}

async fn connect(node: &Container, engine: &dyn Engine) -> Result<ClusterState> {
    if !node::is_bootstrapped(engine, &node.name).await? {
        return Ok(ClusterState::Absent);
    }
    let cluster = Cluster::connect(&node::kubeconfig(engine, &node.name).await?).await?;
    Ok(match cluster.ready().await {
        Ok(()) => ClusterState::Ready(cluster),
        Err(error) => ClusterState::Unavailable(unavailable(engine, &error).await),
    })
}

/// Returns why a running node does not answer. `start` does not help against a wrong clock.
async fn unavailable(engine: &dyn Engine, error: &kube::Error) -> Unavailable {
    let doubted = [Failure::CertificatesExpired, Failure::ClockSkew];
    if doubted.contains(&error.failure())
        && let Ok(info) = engine.info().await
        && let Some(clock) = preflight::clock(&info, Timestamp::now())
    {
        return Unavailable::WrongClock(clock);
    }
    Unavailable::NotReady(error.reason().to_string())
}

/// Starts a node whose settings or keys this home lacks, and waits until they can be
/// read. `up` would start the node anyway, but cannot know with which settings.
pub async fn start_node(local: &Local<'_>) -> Result<ClusterState> {
    let engine = local.engine();
    let step = local.events.step("instance");
    let result = async {
        let Some(node) = node_of(local).await? else {
            return Ok(ClusterState::Absent);
        };
        if !node.can_exec() {
            step.state("starting the node to read its settings and keys");
            node::start(engine, &node).await?;
            node::wait_for_containerd(engine, &node.name).await?;
        }
        let ready = Wait::new("the Kubernetes API to read settings and keys")
            .within(API_TIMEOUT)
            .reported_by(&step)
            .run(async || match connect(&node, engine).await? {
                ClusterState::Unavailable(Unavailable::NotReady(why)) => {
                    Ok::<_, Error>(Attempt::Pending(why.into()))
                }
                cluster => Ok(Attempt::Done(cluster)),
            })
            .await?;
        Ok(ready.unwrap_or_else(|timed_out| {
            ClusterState::Unavailable(Unavailable::NotReady(timed_out.reason))
        }))
    }
    .await;
    step.end(result, |cluster| match cluster {
        ClusterState::Ready(_) => (false, "restored from its node".into()),
        _ => (false, "cannot read its node".into()),
    })
}

/// Reads from a running node and its cluster.
pub async fn recover(local: &Local<'_>, node: &Container) -> Result<Recovered> {
    let (state, engine) = (local.state, local.engine());
    let created_with = spec::instance_of(node);
    if !node::is_bootstrapped(engine, &node.name).await? {
        return Ok(Recovered {
            instance: created_with,
            ..Recovered::default()
        });
    }
    let kubeconfig = node::kubeconfig(engine, &node.name).await?;
    let cluster = Cluster::connect(&kubeconfig).await?;
    let mut recovered = Recovered {
        instance: created_with,
        secrets: None,
        cluster: Some(cluster.clone()),
        another: None,
    };
    if cluster.ready().await.is_err() {
        return Ok(recovered);
    }
    let (history, secrets) = tokio::try_join!(
        revisions::load(state, Some(&cluster)),
        from_cluster(&cluster, None)
    )?;
    if let Some(latest) = history.latest_known()? {
        let created_with = recovered.instance.take();
        let chosen = latest.instance.clone();
        recovered.instance = Some(chosen.for_this_home(created_with));
    }
    recovered.secrets = secrets;
    Ok(recovered)
}

/// Returns what this home stores of the instance, completed with what its node provides
/// before `until`. If another home recreated the node, the node takes precedence.
pub async fn complete_from_node(
    local: &Local<'_>,
    node: &Container,
    instance: Option<&Instance>,
    until: Instant,
) -> Result<Recovered> {
    let state = local.state;
    let stored = Recovered {
        instance: instance.cloned(),
        secrets: state.secrets()?,
        cluster: match state.kubeconfig()? {
            Some(kubeconfig) => Cluster::connect(&kubeconfig).await.ok(),
            None => None,
        },
        another: None,
    };
    let recreated = match state.node()? {
        Some(recorded) => recorded != node.id,
        // An earlier version did not store the ID, or `down` removed it.
        None => instance.is_some_and(|stored| has_other_data_dir(stored, node)),
    };
    if stored.is_complete() && !recreated {
        return Ok(stored);
    }
    let home = stored.secrets.as_ref();
    let recovered = recover_until(local, node, instance, home, until).await?;
    if recovered.another.is_some() {
        return Ok(recovered);
    }
    // Only the cluster knows the settings of the latest revision.
    let cluster_answered = recovered.secrets.is_some();
    let instance = match (stored.instance, recovered.instance) {
        (Some(_), Some(recovered)) if recreated && cluster_answered => Some(recovered),
        (Some(stored), Some(recovered)) if recreated => {
            Some(stored.with_node_settings_of(recovered))
        }
        (stored, recovered) => stored.or(recovered),
    };
    Ok(Recovered {
        instance,
        secrets: match recreated {
            true => recovered.secrets.or(stored.secrets),
            false => stored.secrets.or(recovered.secrets),
        },
        cluster: recovered.cluster.or(stored.cluster),
        another: None,
    })
}

/// Returns what a node provides before `until`, and whether it belongs to another
/// instance than this home knows. `home` are the keys of this home.
pub async fn recover_until(
    local: &Local<'_>,
    node: &Container,
    stored: Option<&Instance>,
    home: Option<&Secrets>,
    until: Instant,
) -> Result<Recovered> {
    let (state, engine) = (local.state, local.engine());
    let mut recovered = Recovered::default();
    if node.can_exec() {
        let result = tokio::time::timeout_at(until.into(), recover(local, node)).await;
        recovered = result.ok().and_then(Result::ok).unwrap_or_default();
    }
    recovered.instance = recovered.instance.or_else(|| spec::instance_of(node));
    let (Some(stored), Some(home)) = (stored, home) else {
        return Ok(recovered);
    };
    if !is_unrecognized(stored, node, state)? {
        return Ok(recovered);
    }
    let mut node_keys = recovered.secrets.clone();
    if node_keys.is_none() {
        let result = tokio::time::timeout_at(until.into(), from_data_dir(node, engine)).await;
        node_keys = result.ok().and_then(Result::ok).flatten();
    }
    if let Ownership::Another(another) =
        ownership_by_keys(node_keys.as_ref(), home, node, stored, state)
    {
        recovered.secrets = node_keys;
        recovered.another = Some(Finding::of(&another));
    }
    Ok(recovered)
}
