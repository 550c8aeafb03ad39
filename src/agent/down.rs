//! Removing agents.

use std::collections::BTreeSet;
use std::time::Duration;

use super::adopt::settings;
use super::removed;
use crate::error::Result;
use crate::event::Step;
use crate::health;
use crate::hint::ours;
use crate::kube::Cluster;
use crate::session::Session;
use crate::settings::Queue;
use crate::state::Lock;
use crate::words::count;

/// How long the pods may take to end.
const LIMIT: Duration = Duration::from_secs(90);

/// Removes the agent of a queue, or all agents, from the cluster and from the state directory.
/// The cache is kept. Returns the number of removed agents. After an interruption, no home
/// installs them again, and the next removal finishes this one. `lock` is that of a caller that
/// has locked the instance already.
pub(crate) async fn down(
    session: &Session<'_>,
    cluster: &Cluster,
    queue: Option<&Queue>,
    lock: Option<Lock>,
) -> Result<usize> {
    let _lock = session.keep_locked(lock, ours!(Agent, "down")).await?;
    let name = queue.map(Queue::object_name);
    let mut agents = session.state.agents()?;
    agents.extend(settings(session, cluster).await?);
    let queues: BTreeSet<Queue> = agents.into_iter().map(|agent| agent.queue).collect();
    for one in queues
        .iter()
        .filter(|one| queue.is_none_or(|it| it == *one))
    {
        removed::add(session, cluster, one).await?;
        session.state.forget_agent(one)?;
    }
    let step = session.events.step("agent");
    let result = remove(session, cluster, name.as_deref(), &step).await;
    step.end(result, |removed| {
        let detail = format!("{} removed", count(*removed as u64, "agent"));
        (*removed > 0, detail)
    })
}

async fn remove(
    session: &Session<'_>,
    cluster: &Cluster,
    name: Option<&str>,
    step: &Step,
) -> Result<usize> {
    let instance = session.name.as_str();
    let removed = cluster.delete_agents(instance, name).await?;
    health::await_end(LIMIT, step, async || {
        let pods = cluster.agent_pods(instance, name).await?;
        Ok(pods.into_iter().map(|pod| pod.name).collect())
    })
    .await?;
    Ok(removed)
}
