//! `clearml-local status`.

use std::time::{Duration, Instant};

use super::signals::until_stopped;
use super::{Context, environment};
use crate::error::Result;
use crate::event::Events;
use crate::health::{ComponentHealth, Health};
use crate::hint::Hint;
use crate::options::{Format, Timeout};
use crate::preflight::Finding;
use crate::probe::Check;
use crate::provider::Provider;
use crate::provider::local::Local;
use crate::sdk;
use crate::settings::non_default;
use crate::status::{self, Status};
use crate::ui::{CheckView, ComponentView, FindingView, StatusView};

/// Interval of `--wait`.
const WAIT_INTERVAL: Duration = Duration::from_millis(500);

/// Show the status of the server
///
/// Asks Docker, the cluster and the server. If one of them does not answer, shows what is known
/// from the others. Exit codes: 0 ready, 3 starting, 4 degraded, 5 stopped or paused, 6 absent,
/// 10 and above if Docker does not answer.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local status
  clearml-local status --wait=5m && python train.py
  clearml-local status --watch
  clearml-local status -o json | jq -r .state
  eval \"$(clearml-local status -o env)\"; echo $CLEARML_API_HOST")]
pub(super) struct Args {
    /// Refresh every SECONDS until Ctrl-C [default: 2]
    #[arg(
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2",
        value_parser = clap::value_parser!(u64).range(1..=3600),
        conflicts_with = "wait"
    )]
    watch: Option<u64>,
    /// Wait until the server is ready [default: 15m]
    ///
    /// Returns immediately if waiting cannot help: the server is stopped or absent, Docker is not
    /// running, or a component cannot recover by itself.
    #[arg(
        long,
        value_name = "TIME",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "15m"
    )]
    wait: Option<Timeout>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    if let Some(seconds) = args.watch {
        return watch(Duration::from_secs(seconds), context).await;
    }
    let deadline = args.wait.map(|time| Instant::now() + Duration::from(time));
    loop {
        let (view, status) = collect(context).await?;
        let waits = deadline.is_some_and(|deadline| Instant::now() < deadline);
        if !waits || view.state == Health::Ready || !status.may_recover {
            context.output.status(&view)?;
            return Ok(exit_code(status.health));
        }
        tokio::time::sleep(WAIT_INTERVAL).await;
    }
}

/// Redraws in place on a terminal. Otherwise, prints the status after each change.
async fn watch(every: Duration, context: &Context) -> Result<u8> {
    let output = &context.output;
    let (mut rows, mut before) = (0, String::new());
    let watching = async {
        loop {
            let (view, _) = collect(context).await?;
            let now = significant_state(&view);
            if output.policy().can_redraw {
                rows = output.redraw_status(&view, rows, console::Term::stdout().size())?;
            } else if now != before {
                let separator = match output.policy().format {
                    _ if before.is_empty() => "",
                    Format::Yaml => "---\n",
                    Format::Json => "",
                    Format::Text | Format::Env => "\n",
                };
                output.data(separator)?;
                output.status(&view)?;
            }
            before = now;
            if output.is_closed() {
                return Ok(0);
            }
            tokio::time::sleep(every).await;
        }
    };
    until_stopped(watching).await
}

/// Returns the part of the status whose changes are shown: not ages, latencies and sizes.
fn significant_state(view: &StatusView) -> String {
    let components = view.components.iter();
    let components = components.map(|c| (c.name, &c.state));
    let failed = view
        .checks
        .iter()
        .filter(|check| !check.ok)
        .map(|check| &check.error);
    format!(
        "{:?} {:?} {:?} {:?} {:?} {:?}",
        view.state,
        (&view.release, &view.endpoints, &view.data_dir),
        components.collect::<Vec<_>>(),
        failed.collect::<Vec<_>>(),
        view.notes,
        view.hints
    )
}

/// Returns the status as `-o json` prints it.
pub(super) async fn view_as_json(context: &Context) -> Result<serde_json::Value> {
    let (view, _) = collect(context).await?;
    Ok(serde_json::to_value(view).unwrap_or_default())
}

async fn collect(context: &Context) -> Result<(StatusView, Status)> {
    let status = query(context).await?;
    Ok((view(context.name.as_str(), &status), status))
}

/// Returns the present status of the instance.
pub(super) async fn query(context: &Context) -> Result<Status> {
    let began = Instant::now();
    let events = Events::silent();
    let provider = try_provider(context, events).await?;
    let provider = match &provider {
        Ok(provider) => Ok(&**provider),
        Err(_) => Err(provider.err().expect("it is an error")),
    };
    status::status(&context.state, provider, began).await
}

/// Connects to the place where the server runs; the inner error is one that the status reports.
pub(super) async fn try_provider(
    context: &Context,
    events: Events,
) -> Result<Result<Box<dyn Provider + '_>>> {
    if context.cluster(&context.file)?.is_some() {
        return Ok(context.provider(&events).await);
    }
    Ok(context.docker.try_connect().await?.map(|engine| {
        let local = Local::new(&context.name, &context.state, engine, events);
        Box::new(local) as Box<dyn Provider + '_>
    }))
}

fn exit_code(health: Health) -> u8 {
    match health {
        Health::Ready | Health::Running => 0,
        Health::Starting => 3,
        Health::Degraded => 4,
        Health::Stopped | Health::Paused => 5,
        Health::Absent => 6,
        Health::Unknown(failure) => failure.code().number(),
    }
}

fn view(name: &str, status: &Status) -> StatusView {
    let instance = status.instance.as_ref();
    let failed = status.checks.iter().filter_map(Check::failed);
    StatusView {
        state: status.health,
        name: name.to_owned(),
        release: instance.map(|instance| instance.values.release_name()),
        endpoints: status.endpoints.clone(),
        components: status.components.iter().map(component).collect(),
        data_dir: instance.map(|instance| instance.kept_data().to_string()),
        data_bytes: status.data_bytes,
        disk_free_bytes: status.disk_free,
        checks: status.checks.iter().map(check).collect(),
        versions: status.versions.clone(),
        starts_after_reboot: status.autostart,
        gpus: status.gpus,
        sdk: status
            .endpoints
            .as_ref()
            .map(|server| sdk::Uses::read(environment, dirs::home_dir().as_deref(), server)),
        agents: status.work.agents.clone(),
        queues: status.work.queues.clone(),
        notes: failed.chain(status.notes.iter().cloned()).collect(),
        findings: status
            .findings
            .iter()
            .map(|one| finding(one, name))
            .collect(),
        hints: status
            .hints
            .iter()
            .map(|hint| hint.clone().about(non_default(name)))
            .collect(),
    }
}

pub(super) fn finding(finding: &Finding, name: &str) -> FindingView {
    let about = |hint: &Hint| hint.clone().about(non_default(name));
    FindingView {
        failure: finding.failure,
        code: finding.failure.code().number(),
        message: finding.what.clone(),
        hints: finding.remedies.iter().map(about).collect(),
    }
}

fn check(check: &Check) -> CheckView {
    CheckView {
        name: check.name.to_owned(),
        ok: check.failure.is_none(),
        latency_ms: u64::try_from(check.took.as_millis()).unwrap_or(u64::MAX),
        error: check.failure.clone(),
    }
}

fn component(one: &ComponentHealth) -> ComponentView {
    let now = jiff::Timestamp::now();
    let since = one.observation.running_since();
    let age = since.map(|since| now.duration_since(since).as_secs());
    ComponentView {
        name: one.observation.component,
        state: one.state.clone(),
        failure: one.permanent_finding().map(|finding| finding.failure),
        image: one.observation.image().cloned(),
        age_seconds: age.and_then(|seconds| u64::try_from(seconds).ok()),
    }
}
