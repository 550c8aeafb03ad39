//! `clearml-local list`.

use std::path::Path;

use super::Context;
use crate::error::Result;
use crate::hint::ours;
use crate::list::{InstanceSummary, list};
use crate::provider::local;
use crate::ui::table::{Cell, lines};
use crate::words;

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
    let engine = context.docker.connect().await?;
    let listed = list(local::nodes(&*engine).await?)?;
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

fn json(listed: &InstanceSummary) -> serde_json::Value {
    serde_json::json!({
        "name": listed.name,
        "state": listed.state,
        "release": listed.release,
        "web": listed.web,
        "dataDir": listed.data_dir,
        "error": listed.broken.as_ref().map(ToString::to_string),
    })
}

fn row(listed: &InstanceSummary, home: Option<&Path>) -> Vec<Cell> {
    let data = listed.data_dir.as_deref().map(Path::new);
    let data = data.map(|dir| words::path(dir, home)).unwrap_or_default();
    vec![
        Cell::new(listed.name.as_str()),
        Cell::new(listed.state.name()),
        Cell::new(listed.release.as_deref().unwrap_or_default()),
        Cell::new(listed.web.as_deref().unwrap_or_default()),
        Cell::new(&data),
    ]
}
