//! The add-ons of a node's cluster, without which no server works: their observation, and
//! what is wrong with them.

use std::fmt;

use super::words::short;
use super::{ContainerState, PodObservation};
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};

/// A part of the cluster that every pod needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Addon {
    /// Names of Services.
    Dns,
    /// Addresses and ports of Services, and the published ports.
    Services,
    /// Addresses of pods.
    PodNetwork,
}

impl Addon {
    pub const ALL: [Addon; 3] = [Addon::Dns, Addon::Services, Addon::PodNetwork];

    /// The name of its workload in the namespace `kube-system`, as kubeadm and kind name it.
    pub fn workload(self) -> &'static str {
        match self {
            Addon::Dns => "coredns",
            Addon::Services => "kube-proxy",
            Addon::PodNetwork => "kindnet",
        }
    }

    fn description(self) -> &'static str {
        match self {
            Addon::Dns => "the DNS of the cluster",
            Addon::Services => "the proxy for Services",
            Addon::PodNetwork => "the pod network",
        }
    }

    fn failure(self) -> Failure {
        match self {
            Addon::Dns => Failure::ClusterDns,
            Addon::Services | Addon::PodNetwork => Failure::ClusterNetwork,
        }
    }
}

/// An add-on as observed at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct AddonObservation {
    pub addon: Addon,
    /// The desired number of pods; `None` if the workload does not exist.
    pub desired: Option<i32>,
    pub ready: i32,
    pub pods: Vec<PodObservation>,
}

/// Why an add-on does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonTrouble {
    addon: Addon,
    /// A predicate such as `was scaled to 0 pods`.
    why: String,
    /// Whether it stays until somebody installs the add-on again.
    pub is_uninstalled: bool,
    /// Whether its container fails. It may still start at the next attempt.
    pub fails: bool,
}

impl AddonObservation {
    /// Returns why the add-on does not work, unless it does.
    pub fn trouble(&self) -> Option<AddonTrouble> {
        let trouble = |why: String, is_uninstalled, fails| {
            Some(AddonTrouble {
                addon: self.addon,
                why,
                is_uninstalled,
                fails,
            })
        };
        match self.desired {
            None => return trouble("was deleted".to_owned(), true, false),
            Some(0) => return trouble("has 0 desired pods".to_owned(), true, false),
            Some(_) if self.ready > 0 => return None,
            Some(_) => {}
        }
        let mut containers = self.pods.iter().flat_map(|pod| &pod.containers);
        let Some(waiting) = containers.find_map(|container| match &container.state {
            ContainerState::Waiting { reason, message } if !is_normal(reason) => {
                Some((container, reason, message))
            }
            _ => None,
        }) else {
            return trouble("is not ready".to_owned(), false, false);
        };
        let (container, reason, message) = waiting;
        let why = match (reason.as_str(), &container.last) {
            ("CrashLoopBackOff", Some(last)) => {
                format!("crashes: it exited with code {}", last.exit_code)
            }
            ("CrashLoopBackOff", None) => "crashes".to_owned(),
            _ => format!("cannot start: {}", short(message)),
        };
        trouble(why, false, true)
    }
}

/// Whether a container waits for this reason on its way to its first start.
fn is_normal(reason: &str) -> bool {
    matches!(reason, "" | "ContainerCreating" | "PodInitializing")
}

/// A sentence such as `the DNS of the cluster (coredns) was deleted`.
impl fmt::Display for AddonTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (description, workload) = (self.addon.description(), self.addon.workload());
        write!(f, "{description} ({workload}) {}", self.why)
    }
}

impl std::error::Error for AddonTrouble {}

impl Explain for AddonTrouble {
    fn failure(&self) -> Failure {
        self.addon.failure()
    }

    fn hints(&self) -> Vec<Hint> {
        match self.is_uninstalled {
            true => vec![Hint::run("install it again", ours!(Up))],
            false => self.failure().remedies(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::component::Component;
    use crate::diagnose::fixtures;

    fn observation(desired: Option<i32>, ready: i32, status: Value) -> AddonObservation {
        AddonObservation {
            addon: Addon::Dns,
            desired,
            ready,
            pods: fixtures::with_status(Component::Redis, status).pods,
        }
    }

    fn sentence(observation: &AddonObservation) -> Option<String> {
        observation.trouble().map(|trouble| trouble.to_string())
    }

    fn running() -> Value {
        json!({"ready": false, "state": {"running": {}}})
    }

    fn crashed() -> Value {
        json!({"ready": false, "restartCount": 1,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 20s"}},
            "lastState": {"terminated": {"exitCode": 1, "reason": "Error"}}})
    }

    #[test]
    fn an_addon_works_if_one_of_its_pods_is_ready() {
        assert_eq!(sentence(&observation(Some(1), 1, running())), None);
        let starting = observation(Some(1), 0, running()).trouble().unwrap();
        assert_eq!(
            starting.to_string(),
            "the DNS of the cluster (coredns) is not ready"
        );
        assert!(!starting.fails && !starting.is_uninstalled);
    }

    #[test]
    fn an_addon_that_was_removed_is_installed_again() {
        for (desired, expected) in [
            (None, "the DNS of the cluster (coredns) was deleted"),
            (
                Some(0),
                "the DNS of the cluster (coredns) has 0 desired pods",
            ),
        ] {
            let trouble = observation(desired, 0, running()).trouble().unwrap();
            assert_eq!(trouble.to_string(), expected);
            assert!(trouble.is_uninstalled);
            assert_eq!(trouble.hints(), ["install it again: clearml-local up"]);
        }
    }

    #[test]
    fn a_container_that_cannot_run_is_named() {
        let crashing = observation(Some(1), 0, crashed()).trouble().unwrap();
        assert_eq!(
            crashing.to_string(),
            "the DNS of the cluster (coredns) crashes: it exited with code 1"
        );
        assert!(crashing.fails);
        let missing = fixtures::waiting("ErrImageNeverPull", "image is not present");
        let missing = observation(Some(1), 0, missing).trouble().unwrap();
        assert!(missing.fails);
        assert!(missing.to_string().contains("cannot start: image is not"));
    }
}
