//! `clearml-local list`.

use std::path::Path;
use std::time::Instant;

use futures_util::future::join_all;

use super::Context;
use crate::error::Result;
use crate::event::Events;
use crate::health::Health;
use crate::hint::ours;
use crate::list::{InstanceSummary, Seen, list};
use crate::provider::existing::Existing;
use crate::provider::{Provider, local};
use crate::settings::KeptData;
use crate::state::StateDir;
use crate::ui::table::{Cell, lines};
use crate::words::count;

/// List all instances
///
/// Includes stopped instances and instances without a node.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local list
  clearml-local list -o json")]
pub(super) struct Args {}

pub(super) async fn run(_: &Args, context: &Context) -> Result<u8> {
    let listed = list(seen(context).await?)?;
    if context.output.is_json() {
        let rows: Vec<serde_json::Value> = listed.iter().map(json).collect();
        context.output.json(&rows)?;
    } else if listed.is_empty() {
        context
            .output
            .note(&format!("No instances found. Create one: {}", ours!(Up)));
    } else {
        let home = context.output.policy().home.clone();
        let rows: Vec<Vec<Cell>> = listed.iter().map(|one| row(one, home.as_deref())).collect();
        let text = lines(&rows, "", None).join("\n");
        context.output.data(&format!("{text}\n"))?;
    }
    for one in &listed {
        if let Some(broken) = &one.broken {
            let hints = broken.hints().into_iter();
            let hints = hints.map(|hint| hint.about(one.name.non_default()).to_string());
            let hints: Vec<String> = hints.collect();
            let warning = format!("`{}`: {broken}; {}", one.name, hints.join("; "));
            context.output.warn(&warning);
        }
    }
    Ok(0)
}

/// Returns the instances that Docker and existing clusters know.
async fn seen(context: &Context) -> Result<Seen> {
    let mut seen = in_clusters(context).await?;
    let nodes = async { local::nodes(&*context.docker.connect().await?).await };
    match nodes.await {
        Ok(nodes) => seen.extend(nodes),
        Err(error) if seen.is_empty() => return Err(error),
        // Not everybody with a cluster has Docker.
        Err(error) => context.output.warn(&format!("no local nodes: {error}")),
    }
    Ok(seen)
}

/// Returns the instances of this home in existing clusters, which are asked at the same time.
async fn in_clusters(context: &Context) -> Result<Seen> {
    let asked = StateDir::all()?.into_iter().map(async |name| {
        let state = StateDir::of(&name).ok()?;
        // Settings that are broken are reported with the instance.
        let instance = state.instance().ok().flatten()?;
        let settings = instance.cluster.clone()?;
        let looking = async {
            let cluster = context.connect(&settings).await?;
            let existing = Existing::new(&name, &state, cluster, settings, Events::silent());
            existing.look(Some(&instance), Instant::now()).await
        };
        let health = match looking.await {
            Ok(seen) => seen.health,
            Err(error) => Health::Unknown(error.failure()),
        };
        Some((name, (health, None)))
    });
    Ok(join_all(asked).await.into_iter().flatten().collect())
}

fn json(listed: &InstanceSummary) -> serde_json::Value {
    serde_json::json!({
        "name": listed.name,
        "state": listed.state,
        "release": listed.release,
        "web": listed.web,
        "agents": listed.agents,
        "dataDir": listed.data.as_ref().and_then(KeptData::place),
        "error": listed.broken.as_ref().map(ToString::to_string),
    })
}

fn row(listed: &InstanceSummary, home: Option<&Path>) -> Vec<Cell> {
    let data = listed.data.as_ref();
    let data = data.map(|data| data.shown(home)).unwrap_or_default();
    vec![
        Cell::new(listed.name.as_str()),
        Cell::new(listed.state.name()),
        Cell::new(listed.release.as_deref().unwrap_or_default()),
        Cell::new(listed.web.as_deref().unwrap_or_default()),
        Cell::new(match listed.agents.len() {
            0 => String::new(),
            agents => count(agents as u64, "agent"),
        }),
        Cell::new(&data),
    ]
}
