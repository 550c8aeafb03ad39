//! The agents of an instance, which `up` installs again in a new cluster.

use std::path::PathBuf;

use super::file::read_json;
use super::{Error, StateDir, json};
use crate::files;
use crate::settings::{AgentSettings, Queue};

/// The subdirectory of the data directory of a local node with the cache of the agents.
pub const AGENT_CACHE: &str = "agent-cache";

impl StateDir {
    pub(super) fn agents_path(&self) -> PathBuf {
        self.root.join("agents.json")
    }

    /// Returns the agents, by queue.
    pub fn agents(&self) -> Result<Vec<AgentSettings>, Error> {
        Ok(read_json(&self.agents_path())?.unwrap_or_default())
    }

    /// Adds an agent, or replaces the one of the same queue.
    pub fn save_agent(&self, agent: &AgentSettings) -> Result<(), Error> {
        let mut agents = self.agents()?;
        agents.retain(|one| one.queue != agent.queue);
        agents.push(agent.clone());
        agents.sort_by(|one, other| one.queue.cmp(&other.queue));
        self.write_agents(&agents)
    }

    /// Removes the agent of a queue, if there is one.
    pub fn forget_agent(&self, queue: &Queue) -> Result<(), Error> {
        let mut agents = self.agents()?;
        let before = agents.len();
        agents.retain(|one| one.queue != *queue);
        match agents.len() == before {
            true => Ok(()),
            false => self.write_agents(&agents),
        }
    }

    fn write_agents(&self, agents: &[AgentSettings]) -> Result<(), Error> {
        self.create()?;
        Ok(files::write_private(&self.agents_path(), &json(&agents))?)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_agent_is_kept_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let agent = |queue: &str, replicas| AgentSettings {
            replicas,
            ..AgentSettings::with_defaults(queue.parse().unwrap())
        };
        state.save_agent(&agent("gpu", 1)).unwrap();
        state.save_agent(&agent("default", 1)).unwrap();
        state.save_agent(&agent("gpu", 2)).unwrap();
        let kept = [agent("default", 1), agent("gpu", 2)];
        assert_eq!(state.agents().unwrap(), kept);
        let mode = std::fs::metadata(state.agents_path())
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "it contains variables of the user");
        state.forget_agent(&kept[1].queue).unwrap();
        state.forget_agent(&kept[1].queue).unwrap();
        assert_eq!(state.agents().unwrap(), kept[..1]);
        state.purge().unwrap();
        assert!(!state.root().exists());
    }
}
