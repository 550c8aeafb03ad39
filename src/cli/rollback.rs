//! `clearml-local rollback`.

use super::up::{agents, bring_up, dry_run, show};
use super::{Context, completions};
use crate::error::Result;
use crate::options::WaitOptions;
use crate::plan::{Request, RollbackTarget};

/// Roll back to the values and release of an earlier revision
///
/// Runs `up` with them, which creates a new revision. Ports, node and data stay as they are.
/// Fails before anything is changed if the databases of that release cannot read the data.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local rollback
  clearml-local rollback 3 --dry-run")]
pub(super) struct Args {
    /// Number of the revision, as `history` shows it
    ///
    /// Defaults to the last revision before the current one that was ready.
    #[arg(value_name = "N", add = completions::revisions())]
    revision: Option<u32>,
    /// Roll back the values only, and keep the release
    #[arg(long)]
    keep_release: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitOptions,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let request = Request {
        back_to: Some(RollbackTarget {
            number: args.revision,
            keep_release: args.keep_release,
        }),
        ..context.request(context.only_wait(&args.wait), false)
    };
    if args.dry_run {
        return dry_run(&request, context).await;
    }
    let events = &context.events();
    let mut outcome = bring_up(&request, context, events).await?;
    outcome.changed |= Box::pin(agents(&request, context, events)).await?;
    show(context, outcome, events, false)?;
    Ok(0)
}
