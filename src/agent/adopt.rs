//! Agents that another home installed or changed. The cluster knows best which agents it has: its
//! copies of their settings take precedence over those of this home.

use crate::error::Result;
use crate::hint::Ours;
use crate::kube::Cluster;
use crate::session::Session;
use crate::settings::AgentSettings;

/// Saves in this home the agents that run in the cluster, so that `up` installs them again after
/// `down`.
pub(crate) async fn adopt(session: &Session<'_>, cluster: &Cluster, command: Ours) -> Result<()> {
    let unknown = unknown(session, cluster).await?;
    if unknown.is_empty() {
        return Ok(());
    }
    let _lock = session.lock(command).await?;
    save(session, &unknown)
}

/// Like [`adopt`], for a command that has locked the instance.
pub(super) async fn adopt_locked(session: &Session<'_>, cluster: &Cluster) -> Result<()> {
    save(session, &unknown(session, cluster).await?)
}

fn save(session: &Session<'_>, agents: &[AgentSettings]) -> Result<()> {
    for agent in agents {
        session.state.save_agent(agent)?;
    }
    Ok(())
}

/// Returns the agents of the cluster that this home does not know, or knows with other settings.
async fn unknown(session: &Session<'_>, cluster: &Cluster) -> Result<Vec<AgentSettings>> {
    let mut agents = settings(session, cluster).await?;
    let known = session.state.agents()?;
    agents.retain(|agent| !known.contains(agent));
    Ok(agents)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_cannot_be_read_is_skipped() {
        let record = r#"{"queue": "gpu", "replicas": 2, "image": "python:3.11"}"#;
        let found = readable(&[record.to_owned(), "{}".to_owned()]);
        assert_eq!(found, [serde_json::from_str(record).unwrap()]);
    }
}
