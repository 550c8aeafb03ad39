//! `clearml-local agent logs`.

use serde_json::json;

use crate::cli::Context;
use crate::cli::logs::LogPart;
use crate::cli::signals::{or_interrupted, until_stopped};
use crate::error::Result;
use crate::event::Events;
use crate::hint::{Hint, ours};
use crate::logs::of_agents;
use crate::provider::NoCluster;
use crate::settings::Queue;

/// Show the logs of agents
///
/// Includes the output of tasks while they are executed, which the web app shows too.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local agent logs
  clearml-local agent logs --queue gpu --follow")]
pub(in crate::cli) struct Args {
    /// Queue of the agent [default: all agents]
    #[arg(long, value_name = "QUEUE", value_parser = super::queue)]
    queue: Option<Queue>,
    #[command(flatten)]
    part: LogPart,
}

pub(in crate::cli) async fn run(args: &Args, context: &Context) -> Result<u8> {
    if !args.part.follow {
        let next = Hint::run("show fewer lines", ours!(Agent, "logs --tail 100"));
        return or_interrupted(show(args, context), next).await;
    }
    // Ctrl-C is the normal way to stop following, not a failure.
    until_stopped(show(args, context)).await
}

async fn show(args: &Args, context: &Context) -> Result<u8> {
    let provider = context.provider(&Events::silent()).await?;
    let cluster = provider.cluster().await?;
    let cluster = cluster.ready(NoCluster::without_agents(&context.name))?;
    let agent = args.queue.as_ref().map(Queue::object_name);
    let mut logs = of_agents(cluster, context.name.as_str(), agent, args.part.options()).await?;
    let printer = context.output.logs_named(&["clearml-local-agent-0"]);
    while let Some(line) = logs.next().await {
        let line = line?;
        if context.output.is_json() {
            context.output.json(&json!({
                "pod": line.pod,
                "container": line.container,
                "time": line.time.map(|time| time.to_string()),
                "text": line.text,
            }))?;
        } else {
            printer.print_as(&line.pod, 0, &line.text)?;
        }
        if context.output.is_closed() {
            break;
        }
    }
    Ok(0)
}
