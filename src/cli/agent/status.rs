//! `clearml-local agent status`.

use jiff::Timestamp;
use serde_json::json;

use super::running;
use crate::agent::{self, Agent, Overview, QueueLength};
use crate::cli::Context;
use crate::cli::status::finding;
use crate::error::Result;
use crate::event::Events;
use crate::hint::ours;
use crate::state::Lock;
use crate::ui::FindingView;
use crate::ui::table::{Cell, lines};
use crate::words::{self, count};

/// Show agents, queues and why tasks wait
///
/// Exit codes: 0 if nothing is wrong, otherwise that of the first problem.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local agent status
  clearml-local agent status -o json | jq '.queues'")]
pub(in crate::cli) struct Args {}

pub(in crate::cli) async fn run(_: &Args, context: &Context) -> Result<u8> {
    let events = Events::silent();
    let provider = context.provider(&events).await?;
    let found = running(context, &*provider).await?;
    let session = context.session(&*provider, &events);
    let server = found.server();
    // A home that does not know the instance stays empty, and nobody waits for `status`.
    if context.state.instance()?.is_some() && Lock::holder(&context.state)?.is_none() {
        agent::adopt(&session, server.cluster, ours!(Agent, "status")).await?;
    }
    let overview = Box::pin(agent::observe(&server)).await?;
    let name = context.name.as_str();
    let problems: Vec<FindingView> = overview
        .problems
        .iter()
        .map(|one| finding(one, name))
        .collect();
    if context.output.is_json() {
        context.output.json(&json!({
            "name": context.name,
            "agents": overview.agents,
            "queues": overview.queues,
            "findings": problems,
        }))?;
    } else {
        let text = text(&overview, &problems, Timestamp::now());
        context.output.data(&text)?;
    }
    let first = overview.problems.first();
    Ok(first.map_or(0, |problem| problem.failure.code().number()))
}

/// Returns the agents, the queues and the problems, each as a paragraph.
fn text(overview: &Overview, problems: &[FindingView], now: Timestamp) -> String {
    let rows: Vec<Vec<Cell>> = overview.agents.iter().map(row).collect();
    let mut agents = lines(&rows, "", None);
    if agents.is_empty() {
        agents.push("There are no agents in the cluster.".to_owned());
    }
    for (index, agent) in overview.agents.iter().enumerate().rev() {
        let workers = agent.workers.iter().filter_map(|worker| {
            let seen = worker.last_seen?;
            let ago = now.duration_since(seen).try_into().unwrap_or_default();
            let task = worker
                .task
                .as_ref()
                .map(|task| format!(", executes the task {task}"));
            let ago = words::duration(ago);
            Some(format!(
                "  {}: last seen {ago} ago{}",
                worker.name,
                task.unwrap_or_default()
            ))
        });
        let at = index + 1;
        agents.splice(at..at, workers);
    }
    let queues: Vec<Vec<Cell>> = overview.queues.iter().map(queue).collect();
    let mut wrong = Vec::new();
    for problem in problems {
        let id = problem.failure.id();
        wrong.push(format!("{} [{id}]", problem.message));
        wrong.extend(problem.hints.iter().map(|hint| format!("  hint: {hint}")));
    }
    let paragraphs = [agents, lines(&queues, "", None), wrong];
    let paragraphs = paragraphs.iter().filter(|lines| !lines.is_empty());
    let paragraphs: Vec<String> = paragraphs.map(|lines| lines.join("\n") + "\n").collect();
    paragraphs.join("\n")
}

fn row(agent: &Agent) -> Vec<Cell> {
    vec![
        Cell::new(format!("agent of `{}`", agent.queue)),
        Cell::new(format!("{} of {} ready", agent.ready, agent.desired)),
        Cell::new(agent.image.to_string()),
        Cell::new(match agent.state.is_ready() {
            true => String::new(),
            false => agent.state.line(),
        }),
    ]
}

fn queue(queue: &QueueLength) -> Vec<Cell> {
    vec![
        Cell::new(format!("queue `{}`", queue.name)),
        Cell::new(format!("{} waiting", count(queue.waiting as u64, "task"))),
        Cell::new(count(queue.workers as u64, "worker")),
    ]
}
