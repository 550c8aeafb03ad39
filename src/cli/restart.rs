//! `clearml-local restart`.

use super::signals::or_interrupted;
use super::{Context, completions};
use crate::component::Component;
use crate::error::Result;
use crate::hint::{Hint, ours};
use crate::options::WaitOptions;
use crate::restart::{self, Restarted};
use crate::words;

/// Restart components and wait until they are ready
///
/// Replaces the pods of the components and keeps their data. An API server with several replicas
/// keeps answering. To apply changed values, use `up`.
#[derive(Debug, clap::Args)]
#[command(override_usage = "clearml-local restart [OPTIONS] <COMPONENT>...
       clearml-local restart [OPTIONS] --all")]
#[command(after_long_help = "\
Examples:
  clearml-local restart apiserver
  clearml-local restart mongodb elasticsearch
  clearml-local restart --all")]
pub(super) struct Args {
    /// apiserver, fileserver, webserver, redis, mongodb, elasticsearch
    #[arg(
        value_name = "COMPONENT",
        value_parser = super::logs::component,
        add = completions::components(),
        required_unless_present = "all"
    )]
    components: Vec<Component>,
    /// Restart all components
    #[arg(long, conflicts_with = "components")]
    all: bool,
    #[command(flatten)]
    wait: WaitOptions,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let timeout = context.only_wait(&args.wait).wait.timeout();
    let events = &context.events();
    let work = async {
        let settings = context.earlier().await?;
        let provider = context.provider(events).await?;
        let session = context.session(&*provider, events);
        restart::restart(&session, &args.components, settings.as_ref(), timeout).await
    };
    let next = Hint::run("see how the components are", ours!(Status));
    let restarted = or_interrupted(work, next).await?;
    context.output.end_progress();
    show(&restarted, context)
}

fn show(restarted: &[Restarted], context: &Context) -> Result<u8> {
    let output = &context.output;
    if output.is_json() {
        let components: Vec<serde_json::Value> = restarted
            .iter()
            .map(|one| {
                let seconds = (one.after.as_secs_f64() * 1000.0).round() / 1000.0;
                serde_json::json!({"component": one.component, "readyAfterSeconds": seconds})
            })
            .collect();
        let done = serde_json::json!({"name": context.name, "components": components});
        output.event("restarted", &done)?;
        return Ok(0);
    }
    for Restarted { component, after } in restarted {
        let after = words::tenths(*after);
        output.note(&format!(
            "{component} was restarted and is ready after {after}."
        ));
    }
    Ok(0)
}
