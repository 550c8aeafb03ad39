//! `clearml-local start`.

use super::Context;
use super::signals::or_interrupted;
use super::up::show;
use crate::error::Result;
use crate::hint::{Hint, ours};
use crate::options::{OUTPUT, WaitOptions};
use crate::up;

/// Start a stopped server
///
/// Waits until a login works. Installs nothing and needs no registry.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local start
  clearml-local start --timeout 5m")]
pub(super) struct Args {
    #[command(flatten)]
    wait: WaitOptions,
    /// Show when each step and component started and ended
    #[arg(long, help_heading = OUTPUT)]
    timings: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let request = context.request(context.only_wait(&args.wait), true);
    let events = &context.events();
    let work = async {
        let provider = context.provider(events).await?;
        Box::pin(up::start(&context.session(&*provider, events), &request)).await
    };
    let outcome = or_interrupted(work, Hint::run("continue with", ours!(Start))).await?;
    show(context, outcome, events, args.timings)?;
    Ok(0)
}
