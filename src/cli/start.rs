//! `clearml-local start`.

use super::up::show;
use super::{Context, or_interrupted};
use crate::error::Result;
use crate::settings::Wishes;
use crate::up::{self, Request};

/// Start a server that was stopped, and wait until a login works
///
/// Installs nothing; works without any registry.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  clearml-local start
  clearml-local start --timeout 5m")]
pub(super) struct Args {
    /// How long to wait until the server is ready [default: 15m]
    #[arg(long, value_name = "TIME", env = "CLEARML_LOCAL_TIMEOUT")]
    timeout: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let request = Request {
        name: context.name.clone(),
        wishes: Wishes {
            timeout: args.timeout.clone().or(context.from_file.timeout.clone()),
            ..Wishes::default()
        },
        retain: true,
        proxy: Vec::new(),
    };
    request.wishes.timeout()?;
    let events = context.events();
    let work = async {
        let engine = context.engine().await?;
        up::start(&request, &context.state, &engine, &events).await
    };
    let outcome = or_interrupted(work, "go on with: clearml-local start").await?;
    show(context, outcome, events.elapsed())?;
    Ok(0)
}
