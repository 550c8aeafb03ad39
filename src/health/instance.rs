//! The health of an instance, derived from one observation. Pure.

use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

use super::ComponentHealth;
use crate::diagnose::{self, AddonTrouble};
use crate::error::Explain as _;
use crate::failures::Failure;
use crate::hint::{CommandName, Hint, ours};
use crate::kube;
use crate::kubectl::Kubectl;
use crate::preflight::Finding;
use crate::probe::{Check, ChecksFailed, ingress_hint};

/// How long after the start of the node the instance counts as starting.
const STARTING: SignedDuration = SignedDuration::from_mins(3);
const UNREPORTED: &str = "the node's kubelet does not report, so the state of the components is \
    unknown";

/// The health of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// A login works.
    Ready,
    Starting,
    /// Something is wrong.
    Degraded,
    /// The node runs; the server was not checked.
    Running,
    /// The node exists and does not run.
    Stopped,
    /// The processes of the node are frozen (`docker pause`).
    Paused,
    /// The node does not exist.
    Absent,
    /// The engine is unreachable.
    Unknown(Failure),
}

impl Health {
    /// The name in human-readable output and in JSON.
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

/// Why the components of a running node cannot be observed.
#[derive(Debug)]
pub(crate) enum ObserveError {
    /// The node has no cluster.
    NoCluster,
    /// The API server did not respond in time.
    TimedOut,
    /// The API server refused the request or is unreachable.
    Failed(kube::Error),
}

/// What is wrong with the certificates of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CertificateNote {
    pub(crate) text: String,
    pub(crate) expired: bool,
}

/// One observation of an instance whose node runs.
#[derive(Debug)]
pub(crate) struct InstanceObservation<'a> {
    pub(crate) at: Timestamp,
    /// When the node was started, if that is known.
    pub(crate) started: Option<Timestamp>,
    pub(crate) kubectl: Kubectl,
    /// The command that is working on the instance, if any.
    pub(crate) active_command: Option<String>,
    pub(crate) components: Result<&'a [ComponentHealth], ObserveError>,
    pub(crate) checks: &'a [Check],
    pub(crate) certificates: Option<CertificateNote>,
    /// Why add-ons of the cluster do not work.
    pub(crate) addons: &'a [AddonTrouble],
    /// What is wrong with the host of the node.
    pub(crate) host: &'a [Finding],
}

/// The health of an instance, with notes and hints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    pub(crate) health: Health,
    /// Whether waiting may make it ready.
    pub(crate) may_recover: bool,
    pub(crate) notes: Vec<String>,
    /// What is wrong, as entries of the catalogue of failures.
    pub(crate) findings: Vec<Finding>,
    /// The remedies, most useful first.
    pub(crate) hints: Vec<Hint>,
}

impl InstanceObservation<'_> {
    pub(crate) fn diagnose(&self) -> Diagnosis {
        let mut diagnosis = match &self.components {
            Ok(components) => self.with_components(components),
            Err(why) => self.without_components(why),
        };
        let mut host = self.host.iter();
        let is_skewed = host.any(|one| one.failure == Failure::ClockSkew);
        if is_skewed {
            // `up` refuses a wrong clock.
            diagnosis.hints.clear();
        }
        // They cause what else is wrong.
        for (position, finding) in self.host.iter().enumerate() {
            diagnosis.notes.insert(position, finding.what.clone());
            diagnosis.findings.insert(position, finding.clone());
        }
        let remedies = self
            .host
            .iter()
            .filter_map(|one| one.remedies.first().cloned());
        diagnosis.hints.splice(0..0, remedies);
        if let Some(command) = &self.active_command {
            let position = usize::from(self.components.is_err());
            let note = format!("{command} is working on this instance");
            diagnosis.notes.insert(position, note);
        }
        // With a wrong clock, nobody knows which certificates expire.
        if let Some(certificates) = self.certificates.as_ref().filter(|_| !is_skewed) {
            diagnosis.notes.push(certificates.text.clone());
            if certificates.expired {
                diagnosis.findings.push(Finding {
                    what: certificates.text.clone(),
                    remedies: vec![renew()],
                    failure: Failure::CertificatesExpired,
                });
            }
            if self.active_command.is_none() {
                diagnosis.hints.insert(0, renew());
            }
        }
        diagnosis
    }

    fn with_components(&self, components: &[ComponentHealth]) -> Diagnosis {
        let findings = components
            .iter()
            .filter_map(ComponentHealth::permanent_finding);
        let mut hints: Vec<Hint> = findings.clone().filter_map(next_step).collect();
        let mut notes = Vec::new();
        let mut found: Vec<Finding> = findings.map(of_component).collect();
        // The cause comes before its effects.
        for addon in self.addons.iter().filter(|addon| self.is_permanent(addon)) {
            let finding = Finding::of(addon);
            notes.push(finding.what.clone());
            hints.extend(finding.remedies.first().cloned());
            found.insert(0, finding);
        }
        let broken = !found.is_empty();
        let unreported = components.iter().any(ComponentHealth::is_unreported);
        if unreported {
            notes.push(UNREPORTED.into());
            found.push(Finding {
                what: UNREPORTED.into(),
                remedies: vec![self.revive()],
                failure: Failure::KubeletSilent,
            });
            if self.active_command.is_none() {
                hints.push(self.revive());
            }
        }
        hints.extend(ingress_hint(self.checks, &self.kubectl));
        let starting =
            self.active_command.is_some() || (self.just_started() && !broken && !unreported);
        let health = self.of_components(components, broken || unreported, starting);
        if health == Health::Degraded && !broken && !unreported {
            found.extend(self.failed_checks());
        }
        Diagnosis {
            health,
            may_recover: health == Health::Ready || self.active_command.is_some() || !broken,
            notes,
            findings: found,
            hints,
        }
    }

    /// Whether an add-on does not become ready by itself. It needs a moment after the start of
    /// the node.
    fn is_permanent(&self, addon: &AddonTrouble) -> bool {
        let may_become_ready = self.active_command.is_some() || self.just_started();
        addon.is_uninstalled || !may_become_ready
    }

    fn of_components(
        &self,
        components: &[ComponentHealth],
        broken: bool,
        starting: bool,
    ) -> Health {
        let all_ready = components.iter().all(|one| one.state.is_ready());
        let mut checks = self.checks.iter();
        let works = !self.checks.is_empty() && checks.all(|check| check.failure.is_none());
        // A server whose cluster is damaged may work for a while.
        if works && all_ready && !broken {
            return Health::Ready;
        }
        let absent = components
            .iter()
            .any(|one| one.observation.workload.is_none());
        if starting || (!broken && !absent && !all_ready) {
            Health::Starting
        } else {
            Health::Degraded
        }
    }

    /// Returns a finding about the checks that fail, if any.
    fn failed_checks(&self) -> Option<Finding> {
        let mut checks = self.checks.iter();
        checks.any(|check| check.failure.is_some()).then(|| {
            Finding::of(&ChecksFailed {
                checks: self.checks.to_vec(),
                kubectl: self.kubectl.clone(),
            })
        })
    }

    /// An unreachable cluster is starting while a command works on it or shortly after the
    /// start of its node, and degraded otherwise.
    fn without_components(&self, why: &ObserveError) -> Diagnosis {
        let is_busy = self.active_command.is_some();
        let mut diagnosis = Diagnosis {
            health: Health::Starting,
            may_recover: is_busy || !self.certificates.as_ref().is_some_and(|note| note.expired),
            notes: vec![match why {
                ObserveError::NoCluster if is_busy => "the node is being created".into(),
                ObserveError::NoCluster => {
                    "Kubernetes was not started in the node: an earlier `up` did not finish".into()
                }
                ObserveError::TimedOut => "the Kubernetes API does not answer".into(),
                ObserveError::Failed(error) => error.to_string(),
            }],
            findings: Vec::new(),
            hints: Vec::new(),
        };
        if !is_busy && self.just_started() {
            diagnosis
                .notes
                .push("the node has just been started".into());
        } else if !is_busy {
            diagnosis.health = Health::Degraded;
            diagnosis.hints = vec![self.revive()];
            if self.kubectl.is_in_node() {
                let logs = ours!(Logs, "--node");
                diagnosis
                    .hints
                    .push(Hint::run("see the logs of the node", logs));
            }
            diagnosis.findings = vec![Finding {
                what: diagnosis.notes[0].clone(),
                remedies: diagnosis.hints.clone(),
                failure: match why {
                    ObserveError::NoCluster => Failure::NotInstalled,
                    ObserveError::TimedOut => Failure::ApiUnreachable,
                    ObserveError::Failed(error) => error.failure(),
                },
            }];
        }
        diagnosis
    }

    /// What helps if the cluster or a node of it does not answer: the instance's own node can be
    /// started again.
    fn revive(&self) -> Hint {
        match self.kubectl.is_in_node() {
            true => Hint::run("start it again", ours!(Up)),
            false => Hint::run("see the nodes", self.kubectl.on_cluster("get nodes")),
        }
    }

    /// Whether the node was started a moment ago.
    fn just_started(&self) -> bool {
        let recent = |started| self.at.duration_since(started) < STARTING;
        self.started.is_some_and(recent)
            && !self.certificates.as_ref().is_some_and(|note| note.expired)
    }
}

fn of_component(finding: &diagnose::Finding) -> Finding {
    Finding {
        what: finding.cause.clone(),
        remedies: finding.hints.clone(),
        failure: finding.failure,
    }
}

fn renew() -> Hint {
    Hint::run("renew the certificates", ours!(Up))
}

/// Returns the most useful hint that is not to run `status`, which shows this.
fn next_step(finding: &diagnose::Finding) -> Option<Hint> {
    let mut hints = finding.hints.iter();
    let hint = hints.find(|hint| !hint.is_only(CommandName::Status));
    hint.cloned()
}

#[cfg(test)]
mod tests;
