//! `clearml-local status`.

use super::Context;
use crate::diagnose::{ComponentObservation, assess};
use crate::error::Result;
use crate::settings::Instance;
use crate::status::{self, Health, Status};
use crate::ui::{ComponentView, State, StatusView};

/// Tell how the server is
///
/// Asks the engine, the cluster and the server itself. Exit code: 0 ready, 3
/// starting, 4 degraded, 5 stopped, 6 absent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  clearml-local status
  clearml-local status -o json | jq -r .state")]
pub(super) struct Args {}

pub(super) async fn run(_: &Args, context: &Context) -> Result<u8> {
    let engine = context.engine().await?;
    let status = status::status(&context.name, &context.state, &engine).await?;
    let instance = context.state.instance()?;
    let view = view(context.name.as_str(), instance.as_ref(), &status);
    context.output.status(&view)?;
    Ok(view.state.exit_code())
}

fn view(name: &str, instance: Option<&Instance>, status: &Status) -> StatusView {
    let failed = status.checks.iter().filter_map(|check| {
        let why = check.failure.as_deref()?;
        Some(format!("`{}` fails: {why}", check.name))
    });
    StatusView {
        state: match status.health {
            Health::Ready => State::Ready,
            Health::Starting => State::Starting,
            Health::Degraded => State::Degraded,
            Health::Stopped => State::Stopped,
            Health::Absent => State::Absent,
        },
        name: name.to_owned(),
        release: instance.map(|instance| instance.release.clone()),
        endpoints: status.endpoints.clone(),
        components: status.components.iter().map(component).collect(),
        data_dir: instance.map(|instance| instance.data_dir.to_string()),
        notes: failed.chain(status.notes.iter().cloned()).collect(),
    }
}

fn component(observed: &ComponentObservation) -> ComponentView {
    let (state, _) = assess(observed, &[]);
    let age = state
        .since
        .map(|since| jiff::Timestamp::now().duration_since(since).as_secs());
    ComponentView {
        name: observed.component,
        state: state.state.name().to_owned(),
        ready: state.ready,
        restarts: state.restarts,
        reason: Some(state.reason).filter(|reason| !reason.is_empty()),
        image: Some(state.image).filter(|image| !image.is_empty()),
        age_seconds: age.and_then(|seconds| u64::try_from(seconds).ok()),
    }
}
