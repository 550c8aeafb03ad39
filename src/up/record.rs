//! The record of the revision that `up` applies.

use crate::error::{Error, Result};
use crate::failures::{Code, Failure};
use crate::interrupt::Interrupted;
use crate::kube::Cluster;
use crate::plan::Plan;
use crate::provider::Previous;
use crate::revisions::{self, History, Outcome, Revision};
use crate::session::Session;

/// Returns the revisions from the state directory and from the cluster, if it answers. Another
/// home may have created revisions.
pub async fn history(session: &Session<'_>) -> Result<History> {
    let running = session.provider.cluster().await?;
    revisions::load(session.state, running.cluster()).await
}

/// Records the revision of an `up`.
pub(super) struct Record<'a> {
    session: Session<'a>,
    cluster: Option<Cluster>,
    history: History,
    /// The number, after the start.
    number: Option<u32>,
    /// Whether the revision was ready before.
    was_good: bool,
    /// Whether the cluster answered before.
    had_cluster: bool,
}

impl<'a> Record<'a> {
    pub(super) fn new(session: Session<'a>) -> Record<'a> {
        Record {
            session,
            cluster: None,
            history: History::default(),
            number: None,
            was_good: false,
            had_cluster: false,
        }
    }

    /// Starts a new revision if values or release changed.
    pub(super) async fn start(&mut self, previous: Previous, plan: &Plan) -> Result<()> {
        self.had_cluster = previous.cluster.is_some();
        self.history = previous.history;
        let revision = Revision::new(plan.instance.clone(), plan.tree.clone(), previous.back_to);
        let (number, was_good) = self.history.start(revision);
        (self.number, self.was_good) = (Some(number), was_good);
        self.save(None).await
    }

    /// Returns whether the cluster answered before the start.
    pub(super) fn had_cluster(&self) -> bool {
        self.had_cluster
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
            Err(error) => {
                if is_gone(error) {
                    self.cluster = None;
                }
                Outcome::Failed {
                    code: error.code().number(),
                    reason: error.to_string(),
                }
            }
        };
        self.history.finish(number, outcome);
        let cluster = self.cluster.as_ref();
        let kept = self.save(cluster).await;
        if let Err(error) = kept {
            let events = &self.session.events;
            events.warn(format!("the history is not complete: {error}"));
        }
    }

    async fn save(&self, cluster: Option<&Cluster>) -> Result<()> {
        let Session { name, state, .. } = self.session;
        revisions::save(name, state, &self.history, cluster).await
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

/// Returns whether the cluster has ended with its engine or node, so that it cannot keep records.
fn is_gone(error: &Error) -> bool {
    error.code() == Code::DockerUnreachable || error.failure() == Failure::NodeStopped
}
