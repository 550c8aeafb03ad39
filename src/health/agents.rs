//! The agents of an instance and what keeps them from running.

use crate::component::State;
use crate::diagnose::{AgentObservation, AgentTrouble};
use crate::kube::{self, Cluster};

/// The observation of an agent and its assessment.
#[derive(Debug, Clone)]
pub(crate) struct AgentHealth {
    pub(crate) observation: AgentObservation,
    pub(crate) state: State,
    pub(crate) trouble: Option<AgentTrouble>,
}

/// Observes the agents of a cluster, by the names of their objects.
pub(crate) async fn agents(cluster: &Cluster) -> Result<Vec<AgentHealth>, kube::Error> {
    let observed = cluster.observe_agents().await?.into_iter();
    let assessed = observed.map(|observation| {
        let (state, trouble) = observation.assess();
        AgentHealth {
            observation,
            state,
            trouble,
        }
    });
    Ok(assessed.collect())
}
