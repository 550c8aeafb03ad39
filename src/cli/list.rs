//! `clearml-local list`.

use std::path::Path;

use super::Context;
use crate::error::Result;
use crate::list::{Listed, list};
use crate::ui::table::{Cell, lines};
use crate::ui::words;

/// Show all instances, also those that are stopped or down
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  clearml-local list
  clearml-local list -o json")]
pub(super) struct Args {}

pub(super) async fn run(_: &Args, context: &Context) -> Result<u8> {
    let engine = context.engine().await?;
    let listed = list(&engine).await?;
    if context.output.is_json() {
        context.output.json(&listed)?;
    } else if listed.is_empty() {
        context
            .output
            .note("There is no instance. Make one: clearml-local up");
    } else {
        let home = context.output.policy().home.clone();
        let rows: Vec<Vec<Cell>> = listed.iter().map(|one| row(one, home.as_deref())).collect();
        let text = lines(&rows, "", None).join("\n");
        context.output.data(&format!("{text}\n"))?;
    }
    Ok(0)
}

fn row(listed: &Listed, home: Option<&Path>) -> Vec<Cell> {
    let data = listed.data_dir.as_deref().map(Path::new);
    let data = data.map(|dir| words::path(dir, home)).unwrap_or_default();
    vec![
        Cell::new(listed.name.as_str()),
        Cell::new(listed.state),
        Cell::new(listed.release.as_deref().unwrap_or_default()),
        Cell::new(listed.web.as_deref().unwrap_or_default()),
        Cell::new(&data),
    ]
}
