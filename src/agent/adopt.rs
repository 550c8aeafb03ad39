//! Agents that another home installed, changed or removed. The cluster knows best which agents it
//! has: its copies of their settings take precedence over those of this home.

use std::collections::BTreeSet;

use super::removed;
use crate::error::Result;
use crate::hint::Ours;
use crate::kube::Cluster;
use crate::session::Session;
use crate::settings::{AgentSettings, Queue};

/// Saves in this home the agents that run in the cluster, so that `up` installs them again after
/// `down`, and forgets those that another home removed.
pub(crate) async fn adopt(session: &Session<'_>, cluster: &Cluster, command: Ours) -> Result<()> {
    let news = News::of(session, cluster).await?;
    if news.is_empty() {
        return Ok(());
    }
    let _lock = session.lock(command).await?;
    news.save(session)
}

/// Like [`adopt`], for a command that has locked the instance.
pub(super) async fn adopt_locked(session: &Session<'_>, cluster: &Cluster) -> Result<()> {
    News::of(session, cluster).await?.save(session)
}

/// Returns the settings of the agents of the cluster.
pub(crate) async fn settings(
    session: &Session<'_>,
    cluster: &Cluster,
) -> Result<Vec<AgentSettings>> {
    let records = cluster.agent_records(session.name.as_str()).await?;
    Ok(readable(&records))
}

/// A record that cannot be read is skipped: a later version may have written it.
fn readable(records: &[String]) -> Vec<AgentSettings> {
    let read = records.iter().map(|record| serde_json::from_str(record));
    read.filter_map(Result::ok).collect()
}

/// What the cluster knows and this home does not.
#[derive(Debug, PartialEq, Eq)]
struct News {
    /// Agents that this home does not know, or knows with other settings.
    unknown: Vec<AgentSettings>,
    /// The queues of agents that this home still knows.
    removed: Vec<Queue>,
}

impl News {
    async fn of(session: &Session<'_>, cluster: &Cluster) -> Result<News> {
        let (agents, removed) =
            tokio::try_join!(settings(session, cluster), removed::read(cluster))?;
        Ok(News::compare(agents, &removed, &session.state.agents()?))
    }

    /// An agent that was removed may still be there, because the removal was interrupted.
    fn compare(
        mut agents: Vec<AgentSettings>,
        removed: &BTreeSet<Queue>,
        known: &[AgentSettings],
    ) -> News {
        agents.retain(|agent| !known.contains(agent) && !removed.contains(&agent.queue));
        let known = known.iter().map(|agent| &agent.queue);
        News {
            unknown: agents,
            removed: known.filter(|one| removed.contains(one)).cloned().collect(),
        }
    }

    fn is_empty(&self) -> bool {
        self.unknown.is_empty() && self.removed.is_empty()
    }

    fn save(&self, session: &Session<'_>) -> Result<()> {
        for agent in &self.unknown {
            session.state.save_agent(agent)?;
        }
        for queue in &self.removed {
            session.state.forget_agent(queue)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(queue: &str, replicas: u16) -> String {
        format!(r#"{{"queue": "{queue}", "replicas": {replicas}, "image": "python:3.11"}}"#)
    }

    fn agent(queue: &str, replicas: u16) -> AgentSettings {
        serde_json::from_str(&record(queue, replicas)).unwrap()
    }

    #[test]
    fn a_record_that_cannot_be_read_is_skipped() {
        let found = readable(&[record("gpu", 2), "{}".to_owned()]);
        assert_eq!(found, [agent("gpu", 2)]);
    }

    #[test]
    fn the_settings_in_the_cluster_take_precedence() {
        let agents = [("default", 1), ("gpu", 2), ("cpu", 3)];
        let agents = agents.map(|(queue, replicas)| agent(queue, replicas));
        let known = [agent("default", 1), agent("gpu", 1)];
        let found = News::compare(agents.to_vec(), &BTreeSet::new(), &known);
        assert_eq!(found.unknown, agents[1..]);
        assert_eq!(found.removed, []);
    }

    #[test]
    fn an_agent_that_was_removed_is_forgotten_and_not_adopted_while_it_is_still_there() {
        let removed = ["gpu", "cpu"].map(|queue| queue.parse().unwrap());
        let there = vec![agent("default", 1), agent("cpu", 1)];
        let known = [agent("default", 1), agent("gpu", 1)];
        let found = News::compare(there, &removed.into(), &known);
        assert_eq!(found.unknown, []);
        assert_eq!(found.removed, ["gpu".parse().unwrap()]);
    }
}
