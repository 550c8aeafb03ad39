//! What was before an `up`, and the record of how it went.

use super::{Plan, Request, data};
use crate::docker::Engine;
use crate::error::{Code, Explain, Result};
use crate::event::Events;
use crate::kube::Cluster;
use crate::node::{self, spec};
use crate::revisions::{self, Ending, History, Revision};
use crate::settings::{Instance, InstanceName};
use crate::state::StateDir;

/// What was before.
#[derive(Debug, Clone, Default)]
pub(super) struct Past {
    /// The revisions.
    pub(super) history: History,
    /// What silent wishes mean: what an earlier `up` was told, with the choice of the
    /// revision that is gone back to.
    pub(super) chosen: Option<Instance>,
    /// That revision.
    pub(super) back_to: Option<u32>,
}

impl Past {
    /// Looks at what is kept here or, where that is lost, at the node and its cluster.
    pub(super) async fn look(
        request: &Request,
        state: &StateDir,
        engine: &dyn Engine,
    ) -> Result<Past> {
        let history = history(&request.name, state, engine).await?;
        let earlier = earlier(request, state, engine, &history).await?;
        let Some(back) = request.back_to else {
            return Ok(Past {
                history,
                chosen: earlier,
                back_to: None,
            });
        };
        let target = history.target(back.number)?;
        let number = target.number;
        let chosen = earlier.unwrap_or_else(|| target.instance.clone());
        let release = chosen.release.clone();
        let mut chosen = chosen.with_choice_of(&target.instance);
        if back.keep_release {
            chosen.release = release;
        }
        Ok(Past {
            chosen: Some(chosen),
            back_to: Some(number),
            history,
        })
    }
}

/// The revisions, from the state directory or, where it has none, from the cluster.
///
/// # Errors
/// When the state directory cannot be read, or the engine does not answer.
pub async fn history(
    name: &InstanceName,
    state: &StateDir,
    engine: &dyn Engine,
) -> Result<History> {
    let history = revisions::load(state, None).await?;
    if !history.is_empty() {
        return Ok(history);
    }
    match running(name, engine).await? {
        Running::Answers(cluster) => revisions::load(state, Some(&cluster)).await,
        Running::Unknown(_) | Running::No => Ok(history),
    }
}

/// The instance's cluster as it is now.
#[derive(Debug)]
pub(super) enum Running {
    /// There is no whole node.
    No,
    /// The node is stopped, or its API does not serve.
    Unknown(Unasked),
    /// It answers.
    Answers(Cluster),
}

/// Why a node's cluster cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unasked {
    /// Its container does not run.
    #[error("the node is stopped")]
    Stopped,
    /// Its API does not serve.
    #[error("the Kubernetes API of the node does not serve: {0}")]
    Silent(String),
}

impl Explain for Unasked {
    fn code(&self) -> Code {
        Code::ClusterUnreachable
    }

    fn hints(&self) -> Vec<String> {
        vec!["start it: clearml-local start".into()]
    }
}

/// Finds the cluster; starts and waits for nothing.
pub(super) async fn running(name: &InstanceName, engine: &dyn Engine) -> Result<Running> {
    let node = engine.container(&spec::name(name)).await?;
    let Some(node) = node.filter(|node| spec::is_ours(node, name)) else {
        return Ok(Running::No);
    };
    if !node.running {
        return Ok(Running::Unknown(Unasked::Stopped));
    }
    if !node::is_bootstrapped(engine, &node.name).await? {
        return Ok(Running::No);
    }
    let cluster = Cluster::connect(&node::kubeconfig(engine, &node.name).await?).await?;
    Ok(match cluster.ready().await {
        Ok(()) => Running::Answers(cluster),
        Err(error) => Running::Unknown(Unasked::Silent(error.reason().to_string())),
    })
}

/// What an earlier `up` was told: as it was kept or, where that is lost, as the
/// node was made and its history says.
async fn earlier(
    request: &Request,
    state: &StateDir,
    engine: &dyn Engine,
    history: &History,
) -> Result<Option<Instance>> {
    if let Some(instance) = state.instance()? {
        return Ok(Some(instance));
    }
    let node = engine.container(&spec::name(&request.name)).await?;
    let node = node.filter(|node| spec::is_ours(node, &request.name));
    let instance = node.as_ref().and_then(spec::instance_of);
    if let Some(latest) = history.latest() {
        let instance = instance.unwrap_or_else(|| latest.instance.clone());
        return Ok(Some(instance.with_choice_of(&latest.instance)));
    }
    let Some(mut instance) = instance else {
        return Ok(None);
    };
    if let Some(marker) = data::marker_at(&instance.data_dir, engine).await? {
        instance.release = marker.release;
    }
    Ok(Some(instance))
}

/// The revision that an `up` makes, from its begin to its end.
pub(super) struct Record<'a> {
    name: &'a InstanceName,
    state: &'a StateDir,
    cluster: Option<Cluster>,
    history: History,
    /// Its number, once it has begun.
    number: Option<u32>,
    /// Whether it was known to be good before.
    was_good: bool,
}

impl<'a> Record<'a> {
    pub(super) fn new(name: &'a InstanceName, state: &'a StateDir) -> Record<'a> {
        Record {
            name,
            state,
            cluster: None,
            history: History::default(),
            number: None,
            was_good: false,
        }
    }

    /// Begins a revision, unless nothing else is chosen than before.
    pub(super) async fn begin(&mut self, past: Past, plan: &Plan) -> Result<()> {
        self.history = past.history;
        let revision = Revision::new(plan.instance.clone(), plan.tree.clone(), past.back_to);
        let (number, was_good) = self.history.begin(revision);
        (self.number, self.was_good) = (Some(number), was_good);
        revisions::keep(&self.history, self.name, self.state, None).await
    }

    /// From now on it is kept in the cluster as well.
    pub(super) fn reaches(&mut self, cluster: &Cluster) {
        self.cluster = Some(cluster.clone());
    }

    /// Says how it ended. What cannot be written is told and no error: the server is
    /// as it is.
    pub(super) async fn end<T>(&mut self, result: &Result<T>, events: &Events) {
        let Some(number) = self.number else {
            return;
        };
        let ending = match result {
            Ok(_) => Ending::Ready,
            Err(error) => Ending::Failed {
                code: error.code().number(),
                reason: error.to_string(),
            },
        };
        self.history.end(number, ending);
        let cluster = self.cluster.as_ref();
        let kept = revisions::keep(&self.history, self.name, self.state, cluster).await;
        if let Err(error) = kept {
            events.warn(format!("the history is not complete: {error}"));
        }
    }

    /// The revision to go back to after a failure, or why there is none. `None` where
    /// nothing was begun.
    pub(super) fn way_back(&self) -> Option<Result<(u32, u32), String>> {
        let number = self.number?;
        if self.was_good {
            return Some(Err(format!(
                "nothing to go back to: nothing else was chosen than in revision {number}, which was ready"
            )));
        }
        let good = self.history.good_before(number);
        Some(match good {
            Some(good) => Ok((number, good.number)),
            None => Err(format!(
                "nothing to go back to: no revision before {number} was ready"
            )),
        })
    }
}
