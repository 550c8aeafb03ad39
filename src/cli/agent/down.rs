//! `clearml-local agent down`.

use serde_json::json;

use super::lock;
use crate::agent;
use crate::cli::Context;
use crate::cli::signals::or_interrupted;
use crate::error::Result;
use crate::hint::{Hint, ours};
use crate::provider::NoCluster;
use crate::settings::Queue;
use crate::words::count;

/// Remove agents
///
/// Removes all agents, or the one of a queue. Tasks that they execute are aborted. The cache of
/// downloaded packages is kept until `down --purge`.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Queue of the agent [default: all agents]
    #[arg(long, value_name = "QUEUE", value_parser = super::queue)]
    queue: Option<Queue>,
}

pub(in crate::cli) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let events = &context.events();
    let work = async {
        let provider = context.provider(events).await?;
        let session = context.session(&*provider, events);
        let lock = lock(&session, context, ours!(Agent, "down")).await?;
        let cluster = provider.cluster().await?;
        let cluster = cluster.ready(NoCluster::without_agents(&context.name))?;
        agent::down(&session, &cluster, args.queue.as_ref(), lock).await
    };
    let next = Hint::run("continue with", ours!(Agent, "down"));
    let removed = or_interrupted(work, next).await?;
    context.output.end_progress();
    let output = &context.output;
    if output.is_json() {
        let done = json!({"name": context.name, "queue": args.queue, "removed": removed});
        output.event("agents-removed", &done)?;
        return Ok(0);
    }
    output.note(&match (removed, &args.queue) {
        (0, Some(queue)) => format!("The queue `{queue}` has no agent: nothing to do."),
        (0, None) => "There are no agents: nothing to do.".to_owned(),
        (removed, _) => format!("Removed {}.", count(removed as u64, "agent")),
    });
    Ok(0)
}
