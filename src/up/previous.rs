//! The state before `up`, and the record of its revision.

use super::run::Run;
use super::{Plan, data};
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::interrupt::Interrupted;
use crate::kube::Cluster;
use crate::node::spec;
use crate::recovery::{self, AnotherInstance, Ownership};
use crate::revisions::{self, History, Outcome, Revision};
use crate::session::Session;
use crate::settings::Instance;
use crate::state::StateDir;

/// The state of an instance before `up`.
#[derive(Debug, Default)]
pub(super) struct Previous {
    pub(super) history: History,
    /// The settings of an earlier `up`, which apply where there is no option; for a rollback,
    /// with the release and the values of its target.
    pub(super) settings: Option<Instance>,
    /// The target of a rollback.
    pub(super) back_to: Option<u32>,
    pub(super) cluster: Option<Cluster>,
    /// Whether there is a node that cannot be read.
    pub(super) unreadable: bool,
    /// The node, running or stopped.
    pub(super) node: Option<Container>,
    /// Whether the node must be started because only its cluster has the settings or the keys.
    pub(super) must_start: bool,
    /// Whether the settings are known without starting the node.
    pub(super) settings_known: bool,
    /// The other instance, if the node belongs to one.
    pub(super) another: Option<AnotherInstance>,
    /// The other instance that the node appears to belong to, which is certain only when it is
    /// started.
    pub(super) suspected: Option<AnotherInstance>,
}

impl Previous {
    /// Reads the state directory, the node, its cluster and the settings saved_with_data the
    /// data. Starts nothing.
    pub(super) async fn find(run: &Run<'_, ()>) -> Result<Previous> {
        let Run {
            session, request, ..
        } = *run;
        let Session { state, engine, .. } = *session;
        let kept = state.instance()?;
        let home = state.secrets()?;
        let node = recovery::node_of(session).await?;
        let unrecognized = match (&kept, &node) {
            (Some(kept), Some(node)) => recovery::is_unrecognized(kept, node, state)?,
            _ => false,
        };
        let running = recovery::cluster_state(session).await?;
        let unknown = kept.is_none() || home.is_none() || unrecognized;
        let must_start = running.is_unavailable() && unknown;
        let whose = match (&kept, &node) {
            (Some(kept), Some(node)) if unrecognized => {
                let cluster = running.cluster();
                recovery::ownership(session, node, kept, cluster, home.as_ref()).await?
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
        let local = revisions::load(state, None).await?;
        let history = match running.cluster() {
            Some(cluster) => revisions::load(state, Some(cluster)).await?,
            None => local.clone(),
        };
        let settings_known = match &kept {
            Some(_) => suspected.is_none(),
            None => saved_with_data.is_some() || !local.is_empty(),
        };
        let earlier = match kept {
            Some(kept) => Some(merge_other_homes(
                kept,
                node.as_ref(),
                &local,
                &history,
                state,
            )?),
            None => recover_settings(node.as_ref(), saved_with_data, engine, &history).await?,
        };
        let previous = Previous {
            history,
            settings: earlier,
            back_to: None,
            unreadable: running.is_unavailable(),
            cluster: running.cluster().cloned(),
            node,
            must_start,
            settings_known,
            another,
            suspected,
        };
        let Some(back) = request.back_to else {
            return Ok(previous);
        };
        let target = previous.history.target(back.number)?;
        let number = target.number;
        let mut settings = previous.settings.unwrap_or_else(|| target.instance.clone());
        let before = std::mem::replace(&mut settings.values, target.instance.values.clone());
        if back.keep_release {
            settings.values.release = before.release;
            settings.values.release_file = before.release_file;
        }
        Ok(Previous {
            settings: Some(settings),
            back_to: Some(number),
            ..previous
        })
    }

    /// Returns the state after the node was started, when a suspected owner counts as the
    /// owner.
    pub(super) fn after_start(self) -> Previous {
        Previous {
            must_start: false,
            another: self.another.or(self.suspected),
            suspected: None,
            ..self
        }
    }
}

/// Returns the revisions from the state directory and from the cluster, if it answers. Another
/// home may have created revisions.
pub async fn history(session: &Session<'_>) -> Result<History> {
    let running = recovery::cluster_state(session).await?;
    revisions::load(session.state, running.cluster()).await
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

/// Records the revision of an `up`.
pub(super) struct Record<'a> {
    session: &'a Session<'a>,
    cluster: Option<Cluster>,
    history: History,
    /// The number, after the start.
    number: Option<u32>,
    /// Whether the revision was ready before.
    was_good: bool,
}

impl<'a> Record<'a> {
    pub(super) fn new(session: &'a Session<'a>) -> Record<'a> {
        Record {
            session,
            cluster: None,
            history: History::default(),
            number: None,
            was_good: false,
        }
    }

    /// Starts a new revision if values or release changed.
    pub(super) async fn start(&mut self, previous: Previous, plan: &Plan) -> Result<()> {
        self.history = previous.history;
        let revision = Revision::new(plan.instance.clone(), plan.tree.clone(), previous.back_to);
        let (number, was_good) = self.history.start(revision);
        (self.number, self.was_good) = (Some(number), was_good);
        revisions::save(self.session, &self.history, None).await
    }

    /// Sets the cluster, in which revisions are then saved as well.
    pub(super) fn set_cluster(&mut self, cluster: &Cluster) {
        self.cluster = Some(cluster.clone());
    }

    /// Records the outcome. A failure to save it is only a warning: it does not affect the
    /// server.
    pub(super) async fn end<T>(&mut self, result: &Result<T>) {
        let Some(number) = self.number else {
            return;
        };
        let outcome = match result {
            Ok(_) => Outcome::Ready,
            Err(error) if error.is::<Interrupted>() => {
                // Do not make the user wait for the cluster.
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
        let kept = revisions::save(self.session, &self.history, cluster).await;
        if let Err(error) = kept {
            let events = &self.session.events;
            events.warn(format!("the history is not complete: {error}"));
        }
    }

    /// Returns the failed revision and the one to roll back to, or why there is none. `None` if
    /// no revision was started.
    pub(super) fn rollback_target(&self) -> Option<Result<(u32, u32), String>> {
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
