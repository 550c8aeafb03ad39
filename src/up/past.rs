//! What was before an `up`, and the record of how it went.

use super::session::Session;
use super::{Plan, data};
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::event::Events;
use crate::interrupt::Interrupted;
use crate::kube::Cluster;
use crate::node::spec;
use crate::recovery::{self, AnotherInstance, Ownership};
use crate::revisions::{self, History, Outcome, Revision};
use crate::settings::{Instance, InstanceName};
use crate::state::StateDir;

/// What was before.
#[derive(Debug, Default)]
pub(super) struct Past {
    pub(super) history: History,
    /// What applies where there is no option: the settings of an earlier `up`, with the choice
    /// of the revision that is gone back to.
    pub(super) chosen: Option<Instance>,
    /// That revision.
    pub(super) back_to: Option<u32>,
    pub(super) cluster: Option<Cluster>,
    /// Whether there is a node that nobody can read.
    pub(super) unreadable: bool,
    /// The node, also one that is stopped.
    pub(super) node: Option<Container>,
    /// Whether that node must be started to read what only its cluster has.
    pub(super) must_wake: bool,
    /// Whether all settings are known without that.
    pub(super) knows_settings: bool,
    /// Set where the node is another instance's.
    pub(super) another: Option<AnotherInstance>,
    /// Set where it is another instance's for all that can be known before it is started.
    pub(super) suspected: Option<AnotherInstance>,
}

impl Past {
    /// Looks at what is kept here, at the node and at its cluster, and beside its data;
    /// starts nothing.
    pub(super) async fn look(session: &Session<'_, ()>) -> Result<Past> {
        let Session {
            request,
            state,
            engine,
            ..
        } = *session;
        let kept = state.instance()?;
        let home = state.secrets()?;
        let node = recovery::node_of(&request.name, engine).await?;
        let stranger = match (&kept, &node) {
            (Some(kept), Some(node)) => recovery::is_unrecognized(kept, node, state)?,
            _ => false,
        };
        let running = recovery::cluster_state(&request.name, state, engine).await?;
        let unknown = kept.is_none() || home.is_none() || stranger;
        let must_wake = running.is_unavailable() && unknown;
        let whose = match (&kept, &node) {
            (Some(kept), Some(node)) if stranger => {
                let cluster = running.cluster();
                recovery::ownership(node, kept, cluster, home.as_ref(), state, engine).await?
            }
            _ => Ownership::Ours,
        };
        let (another, suspected) = match whose {
            Ownership::Ours => (None, None),
            Ownership::Unknown(suspected) if must_wake => (None, Some(suspected)),
            Ownership::Another(another) | Ownership::Unknown(another) => (Some(another), None),
        };
        let beside = match &node {
            Some(node) if must_wake && kept.is_none() => recovery::settings(node, engine).await?,
            _ => None,
        };
        let here = revisions::load(state, None).await?;
        let history = match running.cluster() {
            Some(cluster) => revisions::load(state, Some(cluster)).await?,
            None => here.clone(),
        };
        let knows_settings = match &kept {
            Some(_) => suspected.is_none(),
            None => beside.is_some() || !here.is_empty(),
        };
        let earlier = match kept {
            Some(kept) => Some(of_others(kept, node.as_ref(), &here, &history, state)?),
            None => read_back(node.as_ref(), beside, engine, &history).await?,
        };
        let past = Past {
            history,
            chosen: earlier,
            back_to: None,
            unreadable: running.is_unavailable(),
            cluster: running.cluster().cloned(),
            node,
            must_wake,
            knows_settings,
            another,
            suspected,
        };
        let Some(back) = request.back_to else {
            return Ok(past);
        };
        let target = past.history.target(back.number)?;
        let number = target.number;
        let chosen = past.chosen.unwrap_or_else(|| target.instance.clone());
        let release = (chosen.release.clone(), chosen.release_file.clone());
        let mut chosen = chosen.with_choice_of(&target.instance);
        if back.keep_release {
            (chosen.release, chosen.release_file) = release;
        }
        Ok(Past {
            chosen: Some(chosen),
            back_to: Some(number),
            ..past
        })
    }

    /// The same once the node was started: what is unknown still stays so.
    pub(super) fn after_waking(self) -> Past {
        Past {
            must_wake: false,
            another: self.another.or(self.suspected),
            suspected: None,
            ..self
        }
    }
}

/// The revisions, from the state directory and, where it answers, the cluster: another
/// home may have made some.
pub async fn history(
    name: &InstanceName,
    state: &StateDir,
    engine: &dyn Engine,
) -> Result<History> {
    let running = recovery::cluster_state(name, state, engine).await?;
    revisions::load(state, running.cluster()).await
}

/// What is kept here, with what another home has changed since: the node that it
/// recreated, and what it chose.
fn of_others(
    kept: Instance,
    node: Option<&Container>,
    here: &History,
    all: &History,
    state: &StateDir,
) -> Result<Instance> {
    let mut instance = kept;
    let seen = state.node()?;
    if let Some(node) = node
        && seen.is_some_and(|seen| seen != node.id)
        && let Some(made_with) = spec::instance_of(node)
    {
        instance = instance.with_place_of(made_with);
    }
    let at = |history: &History| history.latest().map(|latest| latest.at);
    if let Some(latest) = all.latest()
        && !here.is_empty()
        && at(all) > at(here)
    {
        instance = instance.with_choice_of(&latest.instance);
    }
    Ok(instance)
}

/// What an earlier `up` was told, where this home lost that: as the history or the
/// settings beside the data say, and the node was made.
async fn read_back(
    node: Option<&Container>,
    beside: Option<Instance>,
    engine: &dyn Engine,
    history: &History,
) -> Result<Option<Instance>> {
    let made_with = node.and_then(spec::instance_of);
    let latest = history.latest().map(|latest| latest.instance.clone());
    if let Some(chosen) = beside.or(latest) {
        return Ok(Some(chosen.seen_from_another_home(made_with)));
    }
    let Some(mut instance) = made_with else {
        return Ok(None);
    };
    if let Some(marker) = data::marker_at(&instance.data_dir, engine).await? {
        instance.release = marker.release;
        instance.release_file = None;
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
        let (number, was_good) = self.history.start(revision);
        (self.number, self.was_good) = (Some(number), was_good);
        revisions::save(&self.history, self.name, self.state, None).await
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
        let outcome = match result {
            Ok(_) => Outcome::Ready,
            Err(error) if error.is::<Interrupted>() => {
                // Whoever interrupts does not wait for the cluster as well.
                self.cluster = None;
                Outcome::Interrupted
            }
            Err(error) => Outcome::Failed {
                code: error.code().number(),
                reason: error.to_string(),
            },
        };
        self.history.finish(number, outcome);
        let cluster = self.cluster.as_ref();
        let kept = revisions::save(&self.history, self.name, self.state, cluster).await;
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
                "cannot roll back: the settings are the same as in revision {number}, which was \
                 ready"
            )));
        }
        let good = self.history.last_good_before(number);
        Some(match good {
            Some(good) => Ok((number, good.number)),
            None => Err(format!(
                "cannot roll back: no revision before {number} was ready"
            )),
        })
    }
}
