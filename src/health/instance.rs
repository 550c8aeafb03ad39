//! From what one look found to how the instance is as a whole. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::ComponentHealth;
use crate::diagnose::Finding;
use crate::docker::Container;
use crate::error::Code;
use crate::hint::{CommandName, Hint, ours};
use crate::kube;
use crate::node::Certificates;
use crate::probe::{Check, ingress_hint};

/// How long after the node's start the instance counts as starting.
const STARTING: SignedDuration = SignedDuration::from_mins(3);
const UNREPORTED: &str = "the node's kubelet does not report, so the state of the components is \
    unknown";

/// An instance as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// A login works.
    Ready,
    /// It is starting.
    Starting,
    /// Something is wrong.
    Degraded,
    /// The node runs; nobody asked how the server is.
    Running,
    /// The node is there, and does not run.
    Stopped,
    /// The node is there, and its processes are frozen (`docker pause`).
    Paused,
    /// There is no node.
    Absent,
    /// The engine cannot be asked.
    Unknown(Code),
}

impl Health {
    /// Judges a node's container, without asking the server.
    pub fn of_node(node: &Container) -> Health {
        match (node.running, node.paused) {
            (true, true) => Health::Paused,
            (true, false) => Health::Running,
            (false, _) => Health::Stopped,
        }
    }

    /// The word that users read.
    pub fn name(self) -> &'static str {
        match self {
            Health::Ready => "ready",
            Health::Starting => "starting",
            Health::Degraded => "degraded",
            Health::Running => "running",
            Health::Stopped => "stopped",
            Health::Paused => "paused",
            Health::Absent => "absent",
            Health::Unknown(_) => "unknown",
        }
    }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Why the cluster of a node that runs did not tell how its components are.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// There is no cluster in the node.
    NoCluster,
    /// It did not answer in time.
    Late,
    /// It refused, or cannot be reached.
    Failed(kube::Error),
}

/// What one look at an instance whose node runs has found.
#[derive(Debug)]
pub(crate) struct InstanceObservation<'a> {
    /// When.
    pub(crate) at: Timestamp,
    pub(crate) node: &'a Container,
    /// The command that works on the instance, if one does.
    pub(crate) working: Option<String>,
    pub(crate) components: Result<&'a [ComponentHealth], NoAnswer>,
    pub(crate) checks: &'a [Check],
    pub(crate) certificates: Certificates,
}

/// How an instance is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) health: Health,
    /// Whether waiting may make it ready.
    pub(crate) may_heal: bool,
    /// What else a user should know.
    pub(crate) notes: Vec<String>,
    /// What to type next, most useful first.
    pub(crate) hints: Vec<Hint>,
}

impl InstanceObservation<'_> {
    /// Judges what was found.
    pub(crate) fn diagnose(&self) -> Diagnosis {
        let mut diagnosis = match &self.components {
            Ok(components) => self.with_components(components),
            Err(why) => self.without_components(why),
        };
        if let Some(command) = &self.working {
            let place = usize::from(self.components.is_err());
            let note = format!("{command} is working on this instance");
            diagnosis.notes.insert(place, note);
        }
        if let Some(trouble) = self.certificates.trouble(self.at) {
            diagnosis.notes.push(trouble);
            if self.working.is_none() {
                diagnosis
                    .hints
                    .insert(0, Hint::run("renew the certificates", ours!(Up)));
            }
        }
        diagnosis
    }

    fn with_components(&self, components: &[ComponentHealth]) -> Diagnosis {
        let troubles = components.iter().filter_map(ComponentHealth::beyond_help);
        let mut hints: Vec<Hint> = troubles.clone().filter_map(next_step).collect();
        let mut notes = Vec::new();
        let broken = troubles.count() > 0;
        let silent = components.iter().any(ComponentHealth::is_unreported);
        if silent {
            notes.push(UNREPORTED.into());
            if self.working.is_none() {
                hints.push(Hint::run("start it again", ours!(Up)));
            }
        }
        hints.extend(ingress_hint(self.checks, &self.node.name));
        let starts = self.working.is_some() || (self.is_young() && !broken && !silent);
        let health = self.of_components(components, broken || silent, starts);
        Diagnosis {
            health,
            may_heal: health == Health::Ready || self.working.is_some() || !broken,
            notes,
            hints,
        }
    }

    fn of_components(&self, components: &[ComponentHealth], broken: bool, starts: bool) -> Health {
        let all_ready = components.iter().all(|one| one.state.is_ready());
        let mut checks = self.checks.iter();
        let works = !self.checks.is_empty() && checks.all(|check| check.failure.is_none());
        if works && all_ready {
            return Health::Ready;
        }
        let absent = components.iter().any(|one| one.seen.workload.is_none());
        if starts || (!broken && !absent && !all_ready) {
            Health::Starting
        } else {
            Health::Degraded
        }
    }

    /// A silent cluster is a start while a command works on it, and trouble otherwise.
    fn without_components(&self, why: &NoAnswer) -> Diagnosis {
        let is_worked_on = self.working.is_some();
        let mut diagnosis = Diagnosis {
            health: Health::Starting,
            may_heal: is_worked_on || !self.certificates.expired(self.at),
            notes: vec![match why {
                NoAnswer::NoCluster if is_worked_on => "the node is being created".into(),
                NoAnswer::NoCluster => {
                    "Kubernetes was not started in the node: an earlier `up` did not finish".into()
                }
                NoAnswer::Late => "the Kubernetes API does not answer".into(),
                NoAnswer::Failed(error) => error.to_string(),
            }],
            hints: Vec::new(),
        };
        if !is_worked_on && self.is_young() {
            diagnosis
                .notes
                .push("the node has just been started".into());
        } else if !is_worked_on {
            diagnosis.health = Health::Degraded;
            diagnosis.hints = vec![
                Hint::run("start it again", ours!(Up)),
                Hint::run("see the logs of the node", ours!(Logs, "--node")),
            ];
        }
        diagnosis
    }

    /// Whether the node was started only just now.
    fn is_young(&self) -> bool {
        let young = |started| self.at.duration_since(started) < STARTING;
        self.node.started.is_some_and(young) && !self.certificates.expired(self.at)
    }
}

/// The most useful hint that says more than to come here.
fn next_step(finding: &Finding) -> Option<Hint> {
    let mut hints = finding.hints.iter();
    let hint = hints.find(|hint| !hint.is_only(CommandName::Status));
    hint.cloned()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::component::Component;
    use crate::diagnose::{LogTail, assess, fixtures};

    const AT: &str = fixtures::NOW;

    fn component(status: Value) -> ComponentHealth {
        let pods = vec![fixtures::pod(status)];
        let seen = fixtures::seen(Component::Redis, pods, Vec::new());
        let (state, finding) = assess(&seen, &[]);
        ComponentHealth {
            seen,
            state,
            finding,
            log: LogTail::default(),
        }
    }

    fn is_running(ready: bool) -> ComponentHealth {
        component(json!({"ready": ready, "started": true, "state": {"running": {}}}))
    }

    fn node(started: &str) -> Container {
        Container {
            name: "node".into(),
            running: true,
            started: Some(started.parse().unwrap()),
            ..Container::default()
        }
    }

    fn check(failure: Option<&str>) -> Check {
        Check {
            name: "login",
            took: std::time::Duration::ZERO,
            failure: failure.map(str::to_owned),
        }
    }

    /// What is said of an old node with these components and one check.
    fn diagnosed(components: &[ComponentHealth], failure: Option<&str>) -> Diagnosis {
        let node = node("2026-11-20T00:00:00Z");
        let observation = InstanceObservation {
            at: AT.parse().unwrap(),
            node: &node,
            working: None,
            components: Ok(components),
            checks: &[check(failure)],
            certificates: Certificates::default(),
        };
        observation.diagnose()
    }

    #[test]
    fn an_instance_is_ready_if_its_components_are_and_a_user_can_work() {
        assert_eq!(diagnosed(&[is_running(true)], None).health, Health::Ready);
        let refused = diagnosed(&[is_running(true)], Some("refused"));
        assert_eq!((refused.health, refused.may_heal), (Health::Degraded, true));
        let starting = diagnosed(&[is_running(true), is_running(false)], Some("refused"));
        assert_eq!(starting.health, Health::Starting);
    }

    #[test]
    fn what_does_not_heal_is_trouble_with_a_hint() {
        let missing = fixtures::waiting("ErrImageNeverPull", "not present");
        let broken = diagnosed(&[component(missing)], Some("refused"));
        assert_eq!((broken.health, broken.may_heal), (Health::Degraded, false));
        assert_eq!(broken.hints, ["load the images again: clearml-local up"]);
    }

    #[test]
    fn a_silent_cluster_is_a_start_while_somebody_works_on_it_and_shortly_after_a_start() {
        let diagnosed = |started: &str, working: Option<&str>| {
            let observation = InstanceObservation {
                at: AT.parse().unwrap(),
                node: &node(started),
                working: working.map(str::to_owned),
                components: Err(NoAnswer::Late),
                checks: &[],
                certificates: Certificates::default(),
            };
            observation.diagnose()
        };
        let old = "2026-11-20T00:00:00Z";
        let silent = "the Kubernetes API does not answer";
        let working = diagnosed(old, Some("up (pid 7)"));
        assert_eq!(working.health, Health::Starting);
        let notes = [silent, "up (pid 7) is working on this instance"];
        assert_eq!(working.notes, notes);
        let young = diagnosed("2026-11-23T13:40:30Z", None);
        assert_eq!(young.health, Health::Starting);
        assert_eq!(young.notes, [silent, "the node has just been started"]);
        let left_alone = diagnosed(old, None);
        assert_eq!(left_alone.health, Health::Degraded);
        assert_eq!(left_alone.hints.len(), 2);
    }
}
