//! What is known of an instance before a command changes it.

use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kube::Cluster;
use crate::plan::RollbackTarget;
use crate::preflight::Finding;
use crate::revisions::History;
use crate::settings::{Instance, InstanceName};

/// The state of an instance before `up`.
#[derive(Debug, Default)]
pub(crate) struct Previous {
    pub(crate) history: History,
    /// The settings of an earlier `up`, which apply where there is no option; for a rollback,
    /// with the release and the values of its target.
    pub(crate) settings: Option<Instance>,
    /// The target of a rollback.
    pub(crate) back_to: Option<u32>,
    pub(crate) cluster: Option<Cluster>,
    /// Whether there is a cluster that cannot be read.
    pub(crate) unreadable: bool,
    /// Whether the cluster must be started because only it has the settings or the keys.
    pub(crate) must_start: bool,
    /// Whether the settings are known without starting the cluster.
    pub(crate) settings_known: bool,
    /// Set if the cluster belongs to another instance.
    pub(crate) another: Option<Finding>,
    /// Set if the cluster appears to belong to another instance, which is certain only when it
    /// is started.
    pub(crate) suspected: Option<Finding>,
}

impl Previous {
    /// Returns the state with the settings of the revision to roll back to.
    pub(crate) fn back_to(self, target: Option<RollbackTarget>) -> Result<Previous> {
        let Some(back) = target else {
            return Ok(self);
        };
        let target = self.history.target(back.number)?;
        let number = target.number;
        let mut settings = self.settings.unwrap_or_else(|| target.instance.clone());
        let before = std::mem::replace(&mut settings.values, target.instance.values.clone());
        if back.keep_release {
            settings.values.release = before.release;
            settings.values.release_file = before.release_file;
        }
        Ok(Previous {
            settings: Some(settings),
            back_to: Some(number),
            ..self
        })
    }

    /// Returns the state after the cluster was started, when a suspected owner counts as the
    /// owner.
    pub(crate) fn after_start(self) -> Previous {
        Previous {
            must_start: false,
            another: self.another.or(self.suspected),
            suspected: None,
            ..self
        }
    }
}

/// The cluster of an instance.
#[derive(Debug)]
pub(crate) enum ClusterState {
    /// There is none.
    Absent,
    /// There is one, but it is unavailable.
    Unavailable(Unavailable),
    /// The API is ready.
    Ready(Cluster),
}

impl ClusterState {
    /// Returns the cluster if its API is ready.
    pub(crate) fn cluster(&self) -> Option<&Cluster> {
        match self {
            ClusterState::Ready(cluster) => Some(cluster),
            ClusterState::Absent | ClusterState::Unavailable(_) => None,
        }
    }

    /// Returns the cluster of a command that needs a running one, and `absent` if there is none.
    pub(crate) fn ready(self, absent: NoCluster) -> Result<Cluster> {
        match self {
            ClusterState::Ready(cluster) => Ok(cluster),
            ClusterState::Absent => Err(absent.into()),
            ClusterState::Unavailable(why) => Err(why.into()),
        }
    }

    pub(crate) fn is_unavailable(&self) -> bool {
        matches!(self, ClusterState::Unavailable(_))
    }

    /// Returns the error of a command that needs a running cluster and does not start one.
    pub(crate) fn error(self) -> crate::error::Error {
        match self {
            ClusterState::Unavailable(why) => why.into(),
            // The API has become ready in the meantime.
            ClusterState::Absent | ClusterState::Ready(_) => {
                Unavailable::NotReady("it has just started".into()).into()
            }
        }
    }
}

/// Why a cluster is unavailable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unavailable {
    #[error("the node is stopped")]
    Stopped,
    #[error("the node is paused")]
    Paused,
    #[error("the Kubernetes API of the node is not ready: {0}")]
    NotReady(String),
    /// The clock makes its certificates invalid.
    #[error("{}", .0.what)]
    WrongClock(Finding),
}

impl Explain for Unavailable {
    fn failure(&self) -> Failure {
        match self {
            Unavailable::WrongClock(clock) => clock.failure,
            Unavailable::Stopped | Unavailable::Paused | Unavailable::NotReady(_) => {
                Failure::NodeNotRunning
            }
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Unavailable::WrongClock(clock) => clock.remedies.clone(),
            Unavailable::Stopped | Unavailable::Paused | Unavailable::NotReady(_) => {
                vec![Hint::run("start it", ours!(Start))]
            }
        }
    }
}

/// There is no server that could be started.
#[derive(Debug, thiserror::Error)]
#[error("there is no server to start")]
pub(crate) struct NothingToStart;

impl Explain for NothingToStart {
    fn failure(&self) -> Failure {
        Failure::NotInstalled
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("create it", ours!(Up))]
    }
}

/// The instance has no cluster.
#[derive(Debug, thiserror::Error)]
#[error("instance `{name}` has no cluster, so {consequence}")]
pub(crate) struct NoCluster {
    name: String,
    consequence: &'static str,
}

impl NoCluster {
    pub(crate) fn without_logs(name: &InstanceName) -> NoCluster {
        NoCluster {
            name: name.to_string(),
            consequence: "there are no logs",
        }
    }

    pub(crate) fn nothing_to_restart(name: &InstanceName) -> NoCluster {
        NoCluster {
            name: name.to_string(),
            consequence: "there is nothing to restart",
        }
    }

    pub(crate) fn nothing_to_forward_to(name: &InstanceName) -> NoCluster {
        NoCluster {
            name: name.to_string(),
            consequence: "there is nothing to forward to",
        }
    }

    pub(crate) fn without_agents(name: &InstanceName) -> NoCluster {
        NoCluster {
            name: name.to_string(),
            consequence: "there are no agents",
        }
    }

    pub(crate) fn nothing_to_verify(name: &InstanceName) -> NoCluster {
        NoCluster {
            name: name.to_string(),
            consequence: "there is nothing to verify",
        }
    }
}

impl Explain for NoCluster {
    fn failure(&self) -> Failure {
        Failure::NotInstalled
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("create it", ours!(Up))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_node_that_start_helps_is_started() {
        let clock = Finding {
            what: "the clock of the Docker host is 2 h behind".to_owned(),
            remedies: vec![Hint::text("correct the clock")],
            failure: Failure::ClockSkew,
        };
        let wrong = Unavailable::WrongClock(clock.clone());
        assert_eq!(wrong.to_string(), clock.what);
        assert_eq!(
            (wrong.failure(), wrong.hints()),
            (clock.failure, clock.remedies)
        );
        assert_eq!(
            Unavailable::Stopped.hints()[0],
            "start it: clearml-local start"
        );
    }
}
