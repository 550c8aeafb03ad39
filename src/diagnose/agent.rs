//! The pods of an agent. What keeps them from running is what keeps the pods of components from
//! running.

use jiff::Timestamp;

use super::{ComponentObservation, EventObservation, PodObservation, WorkloadObservation, assess};
use crate::component::{Component, State};
use crate::failures::Failure;
use crate::words::one_line;

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
        let trouble = finding.map(|finding| AgentTrouble {
            failure: finding.failure,
            reason: match self.last_words() {
                Some(said) => format!("{}: {said}", finding.reason),
                None => finding.reason,
            },
            may_recover: finding.may_recover,
        });
        (state, trouble)
    }

    /// Returns the last line that a container wrote before it failed.
    fn last_words(&self) -> Option<String> {
        let containers = self.pods.iter().flat_map(|pod| &pod.containers);
        let mut ended = containers
            .filter(|one| !one.ready)
            .filter_map(|one| one.ended());
        let ended = ended.find(|ended| ended.exit_code != 0)?;
        let line = ended
            .message
            .lines()
            .rfind(|line| !line.trim().is_empty())?;
        Some(one_line(line))
    }
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
