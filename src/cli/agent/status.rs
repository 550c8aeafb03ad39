//! `clearml-local agent status`.

use jiff::Timestamp;
use serde_json::json;

use super::running;
use crate::agent::{self, Agent, Chosen, Overview, QueueLength};
use crate::cli::Context;
use crate::cli::status::finding;
use crate::error::Result;
use crate::event::Events;
use crate::hint::ours;
use crate::state::Lock;
use crate::ui::FindingView;
use crate::ui::table::{Cell, lines};
use crate::words::{self, count, listed};

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
    let mut overview = Box::pin(agent::observe(&server)).await?;
    overview.describe(&agent::settings(&session, server.cluster).await?);
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
        let chosen = agent.chosen.as_ref().and_then(chosen);
        let chosen = chosen.map(|line| format!("  {line}"));
        let at = index + 1;
        agents.splice(at..at, chosen.into_iter().chain(workers));
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

/// Returns what the user has chosen, unless it is nothing.
fn chosen(chosen: &Chosen) -> Option<String> {
    let mut parts = Vec::new();
    parts.extend(chosen.memory.as_ref().map(|it| format!("memory {it}")));
    parts.extend(chosen.cpu.as_ref().map(|it| format!("processors {it}")));
    if chosen.gpus > 0 {
        parts.push(format!("GPUs {}", chosen.gpus));
    }
    if !chosen.variables.is_empty() {
        parts.push(format!("variables {}", listed(&chosen.variables)));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn queue(queue: &QueueLength) -> Vec<Cell> {
    vec![
        Cell::new(format!("queue `{}`", queue.name)),
        Cell::new(format!("{} waiting", count(queue.waiting as u64, "task"))),
        Cell::new(count(queue.workers as u64, "worker")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_what_the_user_has_chosen() {
        let mut of_agent = Chosen {
            memory: None,
            cpu: None,
            gpus: 0,
            variables: Vec::new(),
        };
        assert_eq!(chosen(&of_agent), None);
        of_agent.memory = Some("4Gi".parse().unwrap());
        of_agent.cpu = Some("500m".parse().unwrap());
        of_agent.gpus = 1;
        of_agent.variables = vec!["REGION".to_owned(), "TOKEN".to_owned()];
        let line = "memory 4Gi; processors 500m; GPUs 1; variables REGION and TOKEN";
        assert_eq!(chosen(&of_agent).as_deref(), Some(line));
    }
}
