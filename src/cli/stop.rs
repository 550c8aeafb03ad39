//! `clearml-local stop`.

use super::Context;
use super::signals::or_interrupted;
use crate::down;
use crate::error::Result;
use crate::hint::{Hint, ours};

/// Stop the server and free its memory
///
/// Stops the databases in order, then the node. Removes nothing: `start` starts the server again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local stop
  clearml-local stop --name second")]
pub(super) struct Args {}

pub(super) async fn run(_: &Args, context: &Context) -> Result<u8> {
    let events = &context.events();
    let work = async {
        let provider = context.provider(events).await?;
        down::stop(&context.session(&*provider, events)).await
    };
    let changed = or_interrupted(work, Hint::run("continue with", ours!(Stop))).await?;
    context.output.end_progress();
    let name = &context.name;
    if context.output.is_json() {
        let done = serde_json::json!({"event": "stopped", "name": name, "changed": changed});
        context.output.json(&done)?;
        return Ok(0);
    }
    let how = if changed {
        "is stopped"
    } else {
        "was already stopped"
    };
    let start = ours!(Start).of(name.non_default());
    context
        .output
        .note(&format!("`{name}` {how}. Start it again: {start}"));
    Ok(0)
}
