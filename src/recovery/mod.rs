//! What is known of an instance, read back from where it lives: its node, its
//! cluster and its data. A home only holds a copy, which may be lost, old, or in
//! another home.

mod beside;
mod keys;
mod owner;

use std::time::{Duration, Instant};

pub use self::beside::settings;
#[cfg(test)]
pub use self::keys::KeysLost;
pub use self::keys::{Found, Places, beside_node, find, from_cluster, keep, settle};
pub use self::owner::{AnotherInstance, Whose, is_stranger, whose};
use self::owner::{is_elsewhere, whose_by};
use crate::docker::{Container, Engine};
use crate::error::{Code, Error, Explain, Result};
use crate::event::Events;
use crate::hint::{Hint, ours};
use crate::kube::Cluster;
use crate::node::{self, spec};
use crate::revisions;
use crate::secrets::Secrets;
use crate::settings::{Instance, InstanceName};
use crate::state::StateDir;
use crate::wait::{Look, Wait};

/// How long the Kubernetes API of a node may take that was started to be read.
const API_PATIENCE: Duration = Duration::from_secs(90);

/// The instance's cluster as it is now.
#[derive(Debug)]
pub enum Running {
    /// There is no whole node.
    No,
    /// There is one that cannot be asked.
    Unknown(Unasked),
    /// It answers.
    Answers(Cluster),
}

impl Running {
    pub fn cluster(&self) -> Option<&Cluster> {
        match self {
            Running::Answers(cluster) => Some(cluster),
            Running::No | Running::Unknown(_) => None,
        }
    }

    /// Whether there is a node that nobody can read.
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Running::Unknown(_))
    }
}

/// Why a node's cluster cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    #[error("the node is stopped")]
    Stopped,
    #[error("the node is paused")]
    Paused,
    /// Its API does not serve.
    #[error("the Kubernetes API of the node is not ready: {0}")]
    Silent(String),
}

impl Explain for Unasked {
    fn code(&self) -> Code {
        Code::ClusterUnreachable
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("start it", ours!(Start))]
    }
}

/// The instance's node, if it has one on this engine.
pub async fn node_of(name: &InstanceName, engine: &dyn Engine) -> Result<Option<Container>> {
    let node = engine.container(&spec::name(name)).await?;
    Ok(node.filter(|node| spec::is_ours(node, name)))
}

/// Finds the cluster; starts and waits for nothing.
pub async fn running(
    name: &InstanceName,
    state: &StateDir,
    engine: &dyn Engine,
) -> Result<Running> {
    let Some(node) = node_of(name, engine).await? else {
        return Ok(Running::No);
    };
    if !node.is_awake() {
        return Ok(Running::Unknown(match node.paused {
            true => Unasked::Paused,
            false => Unasked::Stopped,
        }));
    }
    // What is kept saves asking the node, unless another home recreated that.
    if state.node()?.as_deref() == Some(&node.id)
        && let Some(kubeconfig) = state.kubeconfig()?
    {
        let cluster = Cluster::connect(&kubeconfig).await?;
        if cluster.ready().await.is_ok() {
            return Ok(Running::Answers(cluster));
        }
    }
    ask(&node, engine).await
}

/// Returns the error of a command that needs the cluster, and starts nothing.
pub async fn unasked(name: &InstanceName, state: &StateDir, engine: &dyn Engine) -> Result<Error> {
    Ok(match running(name, state, engine).await? {
        Running::Unknown(why) => why.into(),
        // It answers by now.
        Running::No | Running::Answers(_) => Unasked::Silent("it has just started".into()).into(),
    })
}

async fn ask(node: &Container, engine: &dyn Engine) -> Result<Running> {
    if !node::is_bootstrapped(engine, &node.name).await? {
        return Ok(Running::No);
    }
    let cluster = Cluster::connect(&node::kubeconfig(engine, &node.name).await?).await?;
    Ok(match cluster.ready().await {
        Ok(()) => Running::Answers(cluster),
        Err(error) => Running::Unknown(Unasked::Silent(error.reason().to_string())),
    })
}

/// Starts a node whose settings or keys this home lacks, and waits until they can be
/// read: `up` would start it anyway, but not know with what.
pub async fn wake(name: &InstanceName, engine: &dyn Engine, events: &Events) -> Result<Running> {
    let step = events.step("instance");
    let result = async {
        let Some(node) = node_of(name, engine).await? else {
            return Ok(Running::No);
        };
        if !node.is_awake() {
            step.state("starting the node to read its settings and keys");
            node::start(engine, &node).await?;
            node::await_containerd(engine, &node.name).await?;
        }
        let answers = Wait::new("the Kubernetes API to read settings and keys")
            .within(API_PATIENCE)
            .shown_by(&step)
            .run(async || match ask(&node, engine).await? {
                Running::Unknown(Unasked::Silent(why)) => Ok::<_, Error>(Look::NotYet(why.into())),
                now => Ok(Look::Done(now)),
            })
            .await?;
        Ok(answers.unwrap_or_else(|late| Running::Unknown(Unasked::Silent(late.reason))))
    }
    .await;
    step.end(result, |now| match now {
        Running::Answers(_) => (false, "restored from its node".into()),
        _ => (false, "cannot read its node".into()),
    })
}

/// What a node and its cluster tell of the instance.
#[derive(Debug, Clone, Default)]
pub struct Recalled {
    pub instance: Option<Instance>,
    pub secrets: Option<Secrets>,
    /// A kubeconfig that works from the host; none where kubeadm has not ended.
    pub kubeconfig: Option<String>,
    /// Set where it is another instance than the one that this home knows; the rest is
    /// that one's.
    pub another: Option<AnotherInstance>,
}

impl Recalled {
    /// Whether nothing is missing.
    pub fn is_whole(&self) -> bool {
        self.instance.is_some() && self.secrets.is_some() && self.kubeconfig.is_some()
    }
}

/// Asks a node that is awake, and its cluster.
pub async fn recall(node: &Container, state: &StateDir, engine: &dyn Engine) -> Result<Recalled> {
    let made_with = spec::instance_of(node);
    if !node::is_bootstrapped(engine, &node.name).await? {
        return Ok(Recalled {
            instance: made_with,
            ..Recalled::default()
        });
    }
    let kubeconfig = node::kubeconfig(engine, &node.name).await?;
    let cluster = Cluster::connect(&kubeconfig).await?;
    let mut recalled = Recalled {
        instance: made_with,
        secrets: None,
        kubeconfig: Some(kubeconfig),
        another: None,
    };
    if cluster.ready().await.is_err() {
        return Ok(recalled);
    }
    let (history, secrets) = tokio::try_join!(
        revisions::load(state, Some(&cluster)),
        from_cluster(&cluster, None)
    )?;
    if let Some(latest) = history.latest() {
        let made_with = recalled.instance.take();
        let chosen = latest.instance.clone();
        recalled.instance = Some(chosen.seen_from_another_home(made_with));
    }
    recalled.secrets = secrets;
    Ok(recalled)
}

/// What this home keeps of the instance, completed by what its node tells before
/// `until`: also where another home has recreated that.
pub async fn known(
    node: &Container,
    instance: Option<&Instance>,
    state: &StateDir,
    engine: &dyn Engine,
    until: Instant,
) -> Result<Recalled> {
    let kept = Recalled {
        instance: instance.cloned(),
        secrets: state.secrets()?,
        kubeconfig: state.kubeconfig()?,
        another: None,
    };
    let old = match state.node()? {
        Some(seen) => seen != node.id,
        // Of a version that did not note it, or removed by `down`.
        None => instance.is_some_and(|kept| is_elsewhere(kept, node)),
    };
    if kept.is_whole() && !old {
        return Ok(kept);
    }
    let home = kept.secrets.as_ref();
    let told = asked(node, instance, home, state, engine, until).await?;
    if told.another.is_some() {
        return Ok(told);
    }
    // Without its cluster a node does not tell what was chosen.
    let answered = told.secrets.is_some();
    let instance = match (kept.instance, told.instance) {
        (Some(_), Some(told)) if old && answered => Some(told),
        (Some(kept), Some(told)) if old => Some(kept.with_place_of(told)),
        (kept, told) => kept.or(told),
    };
    Ok(Recalled {
        instance,
        secrets: match old {
            true => told.secrets.or(kept.secrets),
            false => kept.secrets.or(told.secrets),
        },
        kubeconfig: told.kubeconfig.or(kept.kubeconfig),
        another: None,
    })
}

/// What a node tells before `until` of its instance, and whether that is another one than
/// this home knows. `home` are the keys of this home.
pub async fn asked(
    node: &Container,
    kept: Option<&Instance>,
    home: Option<&Secrets>,
    state: &StateDir,
    engine: &dyn Engine,
    until: Instant,
) -> Result<Recalled> {
    let mut told = Recalled::default();
    if node.is_awake() {
        let recalled = tokio::time::timeout_at(until.into(), recall(node, state, engine)).await;
        told = recalled.ok().and_then(Result::ok).unwrap_or_default();
    }
    told.instance = told.instance.or_else(|| spec::instance_of(node));
    let (Some(kept), Some(home)) = (kept, home) else {
        return Ok(told);
    };
    if !is_stranger(kept, node, state)? {
        return Ok(told);
    }
    let mut theirs = told.secrets.clone();
    if theirs.is_none() {
        let beside = tokio::time::timeout_at(until.into(), beside_node(node, engine)).await;
        theirs = beside.ok().and_then(Result::ok).flatten();
    }
    if let Whose::Another(another) = whose_by(theirs.as_ref(), home, node, kept, state) {
        told.secrets = theirs;
        told.another = Some(another);
    }
    Ok(told)
}
