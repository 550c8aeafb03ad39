//! Removing agents.

use std::time::Duration;

use crate::error::Result;
use crate::event::Step;
use crate::hint::ours;
use crate::kube::Cluster;
use crate::session::Session;
use crate::settings::Queue;
use crate::wait::{Attempt, Wait};
use crate::words::{count, listed};

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
    let wait = Wait::new("the pods to end").within(LIMIT).reported_by(step);
    let ended = wait.run(async || -> Result<_> {
        let pods = cluster.agent_pods(instance, name).await?;
        let names: Vec<String> = pods.into_iter().map(|pod| pod.name).collect();
        Ok(match names.is_empty() {
            true => Attempt::Done(()),
            false => Attempt::Pending(listed(&names).into()),
        })
    });
    if let Err(late) = ended.await? {
        step.warn(late.to_string());
    }
    Ok(removed)
}
