//! `clearml-local history`.

use super::Context;
use crate::error::Result;
use crate::event::Events;
use crate::hint::ours;
use crate::revisions;
use crate::state::Lock;
use crate::up;
use crate::words::listed;

/// Show the revisions of the values
///
/// Each `up` with other values or another release than before creates a revision. The last
/// 10 are kept, in the state directory and in the cluster. Secrets are masked. Times are
/// in UTC.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local history
  clearml-local history -o json | jq '.[] | select(.current)'")]
pub(super) struct Args {}

pub(super) async fn run(_: &Args, context: &Context) -> Result<u8> {
    let mut history = revisions::load(&context.state, None).await?;
    // Another home may have created revisions. Without an engine, only those of this home are
    // shown.
    let events = &Events::silent();
    if let Ok(provider) = context.provider(events).await
        && let Ok(all) = up::history(&context.session(&*provider, events)).await
    {
        history = all;
    }
    let later: Vec<String> = history.later().map(|number| number.to_string()).collect();
    if !later.is_empty() {
        context.output.warn(&format!(
            "revision {} is not shown: a later version of clearml-local wrote it",
            listed(&later)
        ));
    }
    let in_progress = Lock::holder(&context.state)?.is_some();
    context.output.history(&history.entries(in_progress))?;
    if history.is_empty() {
        context.output.note(&format!(
            "No revisions yet. Create one: {}",
            ours!(Up).of(context.name.non_default())
        ));
    }
    Ok(0)
}
