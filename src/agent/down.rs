//! Removing agents.

use std::time::Duration;

use crate::error::Result;
use crate::event::Step;
use crate::health;
use crate::hint::ours;
use crate::kube::Cluster;
use crate::session::Session;
use crate::settings::Queue;
use crate::words::count;

/// How long the pods may take to end.
const LIMIT: Duration = Duration::from_secs(90);

/// Removes the agent of a queue, or all agents, from the cluster and from the state directory.
/// The cache is kept. Returns the number of removed agents.
pub(crate) async fn down(
    session: &Session<'_>,
    cluster: &Cluster,
    queue: Option<&Queue>,
) -> Result<usize> {
    let _lock = session.lock(ours!(Agent, "down")).await?;
    let name = queue.map(Queue::object_name);
    for agent in session.state.agents()? {
        if queue.is_none_or(|queue| *queue == agent.queue) {
            session.state.forget_agent(&agent.queue)?;
        }
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
