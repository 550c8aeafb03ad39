//! The pods of an agent. What keeps them from running is what keeps the pods of components from
//! running.

use jiff::Timestamp;

use super::{
    ComponentObservation, Ended, EventObservation, PodObservation, WorkloadObservation, assess,
};
use crate::component::{Component, State};
use crate::failures::Failure;
use crate::words::one_line;

/// The exit codes of the script of the pods, `reach.py`.
const UNKNOWN_NAME: i32 = 68;
const UNTRUSTED: i32 = 77;
/// With this, the scripts begin their lines.
const OURS: &str = "clearml-local: ";

/// An agent as observed at one time.
#[derive(Debug, Clone, PartialEq)]
pub struct AgentObservation {
    /// The queue whose tasks it executes.
    pub queue: String,
    pub at: Timestamp,
    pub workload: WorkloadObservation,
    /// Its pods with the latest template that are not terminating, by name.
    pub pods: Vec<PodObservation>,
    pub events: Vec<EventObservation>,
    pub existing_cluster: bool,
}

/// Why pods of an agent do not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentTrouble {
    pub failure: Failure,
    /// Such as `cannot pull image python:3.12: it does not exist`.
    pub reason: String,
    /// Whether waiting may help.
    pub may_recover: bool,
}

impl AgentObservation {
    /// Returns the state of its pods, and what is wrong with them.
    pub fn assess(&self) -> (State, Option<AgentTrouble>) {
        // The rules depend on the component only in their hints, which are left out, and in
        // known lines of logs, of which there are none.
        let observation = ComponentObservation {
            component: Component::Redis,
            at: self.at,
            workload: Some(self.workload.clone()),
            pods: self.pods.clone(),
            stopping: Vec::new(),
            replacing: false,
            claim: None,
            events: self.events.clone(),
            others_ready: Vec::new(),
            existing_cluster: self.existing_cluster,
        };
        let (state, finding) = assess(&observation, &[]);
        if let Some(unreached) = self.unreached() {
            return (state, Some(unreached));
        }
        let trouble = finding.map(|finding| AgentTrouble {
            failure: finding.failure,
            reason: match self.failed().and_then(last_line) {
                Some(said) => format!("{}: {said}", finding.reason),
                None => finding.reason,
            },
            may_recover: finding.may_recover,
        });
        (state, trouble)
    }

    /// Returns why the pods cannot reach the server, which their script says.
    fn unreached(&self) -> Option<AgentTrouble> {
        let ended = self.failed()?;
        let failure = match ended.exit_code {
            UNKNOWN_NAME => Failure::AgentNameUnknown,
            UNTRUSTED => Failure::AgentCertificate,
            _ => return None,
        };
        let line = last_line(ended)?;
        Some(AgentTrouble {
            failure,
            reason: line.strip_prefix(OURS)?.to_owned(),
            may_recover: false,
        })
    }

    /// Returns how a container that is not ready failed.
    fn failed(&self) -> Option<&Ended> {
        let containers = self.pods.iter().flat_map(|pod| &pod.containers);
        let mut ended = containers
            .filter(|one| !one.ready)
            .filter_map(|one| one.ended());
        ended.find(|ended| ended.exit_code != 0)
    }
}

/// Returns the last line that a container wrote before it failed.
fn last_line(ended: &Ended) -> Option<String> {
    let mut lines = ended.message.lines();
    let line = lines.rfind(|line| !line.trim().is_empty())?;
    Some(one_line(line))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::diagnose::fixtures::{backing_off, end, observation, pod, waiting};

    fn agent(status: serde_json::Value) -> AgentObservation {
        let like = observation(Component::Redis, vec![pod(status)], Vec::new());
        AgentObservation {
            queue: "default".to_owned(),
            at: like.at,
            workload: like.workload.unwrap(),
            pods: like.pods,
            events: like.events,
            existing_cluster: false,
        }
    }

    #[test]
    fn a_missing_image_is_named() {
        let (_, trouble) = agent(waiting("ErrImageNeverPull", "")).assess();
        let trouble = trouble.unwrap();
        assert_eq!(trouble.failure, Failure::ImageMissing);
        assert!(
            trouble.reason.contains("missing in the node"),
            "{trouble:?}"
        );
    }

    #[test]
    fn a_crash_is_explained_by_the_last_line_of_the_container() {
        let said =
            "Collecting clearml-agent\nclearml-local: cannot install clearml-agent 3.0.3\n\n";
        let crash = backing_off("40s", 3, end("Error", 69, said));
        let (_, trouble) = agent(crash).assess();
        let trouble = trouble.unwrap();
        let expected = ": clearml-local: cannot install clearml-agent 3.0.3";
        assert!(trouble.reason.ends_with(expected), "{trouble:?}");
    }

    /// Recorded from pods of a server with a private certificate.
    #[test]
    fn pods_that_cannot_reach_the_server_say_why() {
        let cases = [
            (
                77,
                Failure::AgentCertificate,
                "its pods do not trust the certificate of api.a3.invalid: self-signed certificate",
            ),
            (
                68,
                Failure::AgentNameUnknown,
                "the name api.a3.invalid does not resolve in its pods",
            ),
        ];
        for (code, failure, reason) in cases {
            let said = format!("clearml-local: waiting\nclearml-local: {reason}\n");
            let (_, trouble) = agent(backing_off("10s", 1, end("Error", code, &said))).assess();
            let expected = AgentTrouble {
                failure,
                reason: reason.to_owned(),
                may_recover: false,
            };
            assert_eq!(trouble, Some(expected));
        }
    }

    #[test]
    fn a_ready_agent_has_no_trouble() {
        let running = json!({"ready": true, "started": true, "state": {"running": {}}});
        let mut agent = agent(running);
        agent.pods[0].ready = true;
        let (state, trouble) = agent.assess();
        assert!(state.is_ready());
        assert_eq!(trouble, None);
    }
}
