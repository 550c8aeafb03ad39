//! `clearml-local verify`.

use std::time::Duration;

use serde_json::json;

use super::signals::or_rolled_back;
use super::{Context, credentials};
use crate::error::Result;
use crate::event::Events;
use crate::hint::Hint;
use crate::interrupt::Interrupt;
use crate::probe::{self, Endpoints};
use crate::provider::{NoCluster, Provider};
use crate::values::AccessValues;
use crate::verify::{self, Done, Verification};
use crate::words::{self, count};

/// Run an experiment on the server and remove it again
///
/// Does what the SDK does, at the addresses that you use: logs in, creates a project and a task,
/// reports scalars, a plot and a debug image, uploads and downloads an artifact and a model,
/// searches, and deletes everything. Needs no Python. Shows for each step whether it works and how
/// long it took. Exit codes: 0 if all steps work, 66 if one fails.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local verify
  clearml-local up --verify
  clearml-local verify -o json | jq 'select(.event == \"verified\").steps'")]
pub(super) struct Args {}

pub(super) async fn run(_: &Args, context: &Context) -> Result<u8> {
    let events = &context.events();
    let provider = context.provider(events).await?;
    let (at, done) = verify(context, &*provider, events).await?;
    context.output.end_progress();
    let took = done.iter().map(|done| done.took).sum();
    if context.output.is_json() {
        let steps: Vec<_> = done.iter().map(step).collect();
        let verified = json!({
            "name": context.name, "endpoints": at, "steps": steps, "seconds": seconds(took),
        });
        context.output.event("verified", &verified)?;
        return Ok(0);
    }
    let steps = count(done.len() as u64, "step");
    let took = words::tenths(took);
    context
        .output
        .note(&format!("An experiment works: {steps} in {took}."));
    Ok(0)
}

fn step(done: &Done) -> serde_json::Value {
    json!({"step": done.step.name(), "seconds": seconds(done.took), "detail": done.detail})
}

/// Returns seconds, rounded to milliseconds.
fn seconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1000.0).round() / 1000.0
}

/// Runs the experiment. Returns the addresses at which it was, and its steps.
pub(super) async fn verify(
    context: &Context,
    provider: &dyn Provider,
    events: &Events,
) -> Result<(Endpoints, Vec<Done>)> {
    let work = async |interrupt: Interrupt| {
        let cluster = provider.cluster().await?;
        cluster.ready(NoCluster::nothing_to_verify(&context.name))?;
        let (instance, secrets) = credentials::find(context).await?;
        let access = provider.access(&instance).await?;
        for warning in &access.warnings {
            events.warn(warning);
        }
        let values = AccessValues::of(&instance.values.files, &instance.values.sets);
        let verification = Verification {
            client: probe::client(&access.targets),
            at: access.reachable(),
            credentials: &values.login(&secrets),
            events,
            interrupt,
        };
        let done = verify::verify(&verification).await?;
        Ok((access.reachable().clone(), done))
    };
    let text = "projects whose names start with `clearml-local verify` may be left: remove them in \
                the web app";
    or_rolled_back(work, Hint::text(text)).await
}
