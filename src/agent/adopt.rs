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
    let records = cluster.agent_records(session.name.as_str()).await?;
    let known = session.state.agents()?;
    Ok(differing(&records, &known))
}

/// A record that cannot be read is skipped: a later version may have written it.
fn differing(records: &[String], known: &[AgentSettings]) -> Vec<AgentSettings> {
    let agents = records
        .iter()
        .filter_map(|record| serde_json::from_str(record).ok());
    agents.filter(|agent| !known.contains(agent)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_in_the_cluster_take_precedence() {
        let record = |queue: &str, replicas: u16| {
            format!(r#"{{"queue": "{queue}", "replicas": {replicas}, "image": "python:3.11"}}"#)
        };
        let read = |record: &str| serde_json::from_str::<AgentSettings>(record).unwrap();
        let records = [
            record("default", 1),
            record("gpu", 2),
            record("cpu", 3),
            "{}".to_owned(),
        ];
        let known = [read(&record("default", 1)), read(&record("gpu", 1))];
        let found = differing(&records, &known);
        assert_eq!(found, [read(&records[1]), read(&records[2])]);
    }
}
