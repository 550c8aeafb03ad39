//! `clearml-local rollback`.

use super::up::{bring, dry_run};
use super::{Context, completions};
use crate::error::Result;
use crate::settings::Wishes;
use crate::up::{BackTo, Request};

/// Bring the values and the release of an earlier revision back
///
/// Runs `up` with them, and makes a new revision that says so. Ports, node and data
/// stay as they are. Refused, before anything is changed, where the databases of that
/// release cannot read the data.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  clearml-local rollback
  clearml-local rollback 3 --dry-run")]
pub(super) struct Args {
    /// Number of the revision, see `history` [default: the last one before the current
    /// that was ready]
    #[arg(value_name = "N", add = completions::revisions())]
    revision: Option<u32>,
    /// Take its values alone, and keep the release
    #[arg(long)]
    keep_release: bool,
    /// Check everything and show what would change, as `diff` does; change nothing
    #[arg(long)]
    dry_run: bool,
    /// How long to wait until the server is ready [default: 15m]
    #[arg(long, value_name = "TIME", env = "CLEARML_LOCAL_TIMEOUT")]
    timeout: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let wishes = Wishes {
        timeout: args.timeout.clone().or(context.from_file.timeout.clone()),
        ..Wishes::default()
    };
    let request = Request {
        back_to: Some(BackTo {
            number: args.revision,
            keep_release: args.keep_release,
        }),
        ..context.request(wishes, false)?
    };
    if args.dry_run {
        return dry_run(&request, context).await;
    }
    bring(&request, context, false).await
}
