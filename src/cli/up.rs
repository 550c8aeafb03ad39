//! `clearml-local up`.

use std::time::Duration;

use jiff::Timestamp;

use super::signals::{or_interrupted, or_rolled_back};
use super::{Context, agent, verify};
use crate::error::Result;
use crate::event::Events;
use crate::hint::{Hint, ours};
use crate::options::{OUTPUT, Options};
use crate::plan::Request;
use crate::ui::Summary;
use crate::up::{self, Outcome};

/// Start a ClearML server, or apply changed settings to it
///
/// Creates a Kubernetes node in Docker, loads the images, installs the server and waits
/// until a login works. With --context, installs it in an existing cluster instead. Run it
/// again at any time: it finishes what an earlier run left unfinished, and changes nothing
/// that is already there.
///
/// Options can also be set in the environment, or in a file `clearml-local.yaml` in the
/// working directory (`webPort: 8080`). A later run without options keeps the settings.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local up
  clearml-local up --web-port 8080 --api-port 8008 --files-port 8081
  clearml-local up -f values.yaml --set elasticsearch.resources.limits.memory=2Gi
  clearml-local up -f values.yaml --atomic
  clearml-local up --reset-values --dry-run
  clearml-local up --context production -f values.yaml
  clearml-local up --name second --web-port 31080 --api-port 31008 --files-port 31081")]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
    /// Keep the node for debugging if Kubernetes does not start
    #[arg(long, hide_short_help = true, env = "CLEARML_LOCAL_RETAIN")]
    retain: bool,
    /// Roll back to the last good revision on failure
    #[arg(long, env = "CLEARML_LOCAL_ATOMIC")]
    atomic: bool,
    /// Create new keys if those of the instance are lost
    ///
    /// Existing clearml.conf files stop working and must be written again.
    #[arg(long, hide_short_help = true)]
    new_keys: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Run an experiment on the server at the end, as `verify` does
    ///
    /// If it fails, the exit code is 66, and the server keeps running.
    #[arg(long, conflicts_with = "dry_run", hide_short_help = true)]
    verify: bool,
    /// Show when each step and component started and ended
    #[arg(long, help_heading = OUTPUT, hide_short_help = true)]
    timings: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let request = Request {
        atomic: args.atomic,
        new_keys: args.new_keys,
        ..context.request(context.options(&args.options), args.retain)
    };
    if args.dry_run {
        return dry_run(&request, context).await;
    }
    let events = &context.events();
    let mut outcome = bring_up(&request, context, events).await?;
    outcome.changed |= Box::pin(agents(&request, context, events)).await?;
    if args.verify {
        let provider = context.provider_with(&request.options, events).await?;
        verify::verify(context, &*provider, events).await?;
    }
    show(context, outcome, events, args.timings)?;
    Ok(0)
}

/// Installs the agents of the instance, which a new cluster lacks, and which need the present
/// URLs. Those of other homes are among them. Returns whether anything changed.
pub(super) async fn agents(request: &Request, context: &Context, events: &Events) -> Result<bool> {
    let work = async {
        let provider = context.provider_with(&request.options, events).await?;
        if let Some(cluster) = provider.cluster().await?.cluster() {
            let session = context.session(&*provider, events);
            crate::agent::adopt(&session, cluster, ours!(Up)).await?;
        }
        if context.state.agents()?.is_empty() {
            return Ok(false);
        }
        let found = agent::running(context, &*provider).await?;
        let session = context.session(&*provider, events);
        crate::agent::restore(&session, &found.server(), request).await
    };
    or_interrupted(Box::pin(work), up::continue_with()).await
}

/// Executes a request, and rolls back if it says so.
pub(super) async fn bring_up(
    request: &Request,
    context: &Context,
    events: &Events,
) -> Result<Outcome> {
    let work = async |request: Request| {
        let provider = context.provider_with(&request.options, events).await?;
        up::up(&context.session(&*provider, events), &request).await
    };
    if request.atomic {
        let work = |interrupt| {
            work(Request {
                interrupt,
                ..request.clone()
            })
        };
        or_rolled_back(work, Hint::run("show the status", ours!(Status))).await
    } else {
        or_interrupted(work(request.clone()), up::continue_with()).await
    }
}

/// Shows what [`bring_up`] would change.
pub(super) async fn dry_run(request: &Request, context: &Context) -> Result<u8> {
    let events = &context.events();
    let provider = context.provider_with(&request.options, events).await?;
    let compared = up::dry_run(&context.session(&*provider, events), request).await?;
    let view = super::diff::view(&context.name, compared);
    context.output.changes(&view, Some("dry-run"))?;
    Ok(0)
}

/// Returns the time since then; `None` if the node's clock is ahead.
fn age(since: Timestamp) -> Option<Duration> {
    Timestamp::now().duration_since(since).try_into().ok()
}

pub(super) fn show(
    context: &Context,
    outcome: Outcome,
    events: &Events,
    timings: bool,
) -> Result<()> {
    context.output.summary(&Summary {
        name: context.name.to_string(),
        endpoints: outcome.endpoints,
        data: outcome.data,
        data_bytes: outcome.data_bytes,
        took: events.elapsed(),
        phases: outcome.phases,
        timings: timings.then(|| events.timings()),
        changed: outcome.changed,
        ready_for: outcome.ready_since.and_then(age),
        warnings: events.warnings(),
    })?;
    Ok(())
}
