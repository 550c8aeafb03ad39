//! `clearml-local status`.

use super::Context;
use crate::diagnose::{ComponentObservation, describe};
use crate::error::Result;
use crate::settings::Instance;
use crate::status::{self, Health, Status};
use crate::ui::{ComponentRow, StatusView};

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
    context
        .output
        .status(&view(context.name.as_str(), instance.as_ref(), &status));
    Ok(exit_code(status.health))
}

fn exit_code(health: Health) -> u8 {
    match health {
        Health::Ready => 0,
        Health::Starting => 3,
        Health::Degraded => 4,
        Health::Stopped => 5,
        Health::Absent => 6,
    }
}

fn word(health: Health) -> &'static str {
    match health {
        Health::Ready => "ready",
        Health::Starting => "starting",
        Health::Degraded => "degraded",
        Health::Stopped => "stopped",
        Health::Absent => "absent",
    }
}

fn view(name: &str, instance: Option<&Instance>, status: &Status) -> StatusView {
    let failed = status.checks.iter().filter_map(|check| {
        let why = check.failure.as_deref()?;
        Some(format!("`{}` fails: {why}", check.name))
    });
    StatusView {
        state: word(status.health).to_owned(),
        name: name.to_owned(),
        release: instance.map(|instance| instance.release.clone()),
        endpoints: status.endpoints.clone(),
        components: status.components.iter().map(row).collect(),
        data_dir: instance.map(|instance| instance.data_dir.clone()),
        notes: failed.chain(status.notes.iter().cloned()).collect(),
    }
}

fn row(observed: &ComponentObservation) -> ComponentRow {
    let state = describe(observed);
    ComponentRow {
        name: observed.component.name().to_owned(),
        state: state.state.name().to_owned(),
        ready: state.ready,
        restarts: state.restarts,
        reason: state.reason,
        image: state.image,
        age_seconds: None,
    }
}
