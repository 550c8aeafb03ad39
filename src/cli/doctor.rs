//! `clearml-local doctor`.

use serde::Serialize;

use super::signals::or_interrupted;
use super::{Context, status};
use crate::doctor::{self, Diagnosis};
use crate::error::Result;
use crate::event::Events;
use crate::health::Health;
use crate::hint::{Hint, ours};
use crate::options::WaitOptions;
use crate::plan::Request;
use crate::ui::FindingView;
use crate::up;
use crate::words::{self, count};

/// Find out what is wrong, and repair what is safe
///
/// Runs all checks of `up` and examines the running server at once, and changes nothing. Exit
/// codes: 0 if nothing is wrong, otherwise the code of the worst finding.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local doctor
  clearml-local doctor -o json | jq '.findings[].failure'
  clearml-local doctor --fix")]
pub(super) struct Args {
    /// Repair what `up` repairs without other settings
    ///
    /// Starts the node and its services, renews certificates, and applies everything that is
    /// missing. Installs no new server, and deletes no data.
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    wait: WaitOptions,
}

/// The output of `doctor`; this is also its JSON.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View {
    name: String,
    state: Health,
    findings: Vec<FindingView>,
    warnings: Vec<String>,
    /// What `--fix` repaired.
    fixed: Vec<&'static str>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    // Without the options of this directory, so that no setting changes.
    let request = context.request(context.only_wait(&args.wait), false);
    let found = examine(context, &request).await?;
    let repairable = found.repairable();
    if !args.fix || repairable.is_empty() {
        let code = found.exit_code();
        show(context, &found, Vec::new())?;
        if args.fix && code != 0 {
            context
                .output
                .note("\nNothing can be repaired automatically.");
        } else if !repairable.is_empty() {
            let fix = ours!(Doctor, "--fix").of(context.name.non_default());
            context.output.note(&format!("\nRepair it: {fix}"));
        }
        return Ok(code);
    }
    let fixed: Vec<&str> = repairable.iter().map(|one| one.failure.id()).collect();
    for finding in repairable {
        let (what, id) = (&finding.what, finding.failure.id());
        context.output.note(&format!("Repairing: {what} [{id}]"));
    }
    repair(context, &request).await?;
    let after = examine(context, &request).await?;
    let code = after.exit_code();
    show(context, &after, fixed)?;
    Ok(code)
}

async fn examine(context: &Context, request: &Request) -> Result<Diagnosis> {
    let events = &Events::silent();
    let work = async {
        match status::try_provider(context, events.clone()).await? {
            Ok(provider) => doctor::examine(&context.session(&*provider, events), request).await,
            Err(error) => {
                let began = std::time::Instant::now();
                let status = crate::status::status(&context.state, Err(error), began).await?;
                Ok(doctor::of_status(status))
            }
        }
    };
    or_interrupted(work, Hint::run("try again", ours!(Doctor))).await
}

/// Does what `up` does with the settings of the instance.
async fn repair(context: &Context, request: &Request) -> Result<()> {
    // The JSON is one object, without the events.
    let events = &match context.output.is_json() {
        true => Events::silent(),
        false => context.events(),
    };
    let work = async {
        let provider = context.provider(events).await?;
        up::up(&context.session(&*provider, events), request).await
    };
    or_interrupted(work, up::continue_with()).await?;
    context.output.end_progress();
    Ok(())
}

fn show(context: &Context, found: &Diagnosis, fixed: Vec<&'static str>) -> Result<()> {
    let name = context.name.as_str();
    let view = View {
        name: name.to_owned(),
        state: found.health,
        findings: found
            .findings
            .iter()
            .map(|finding| status::finding(finding, name))
            .collect(),
        warnings: found.warnings.clone(),
        fixed,
    };
    if context.output.is_json() {
        return Ok(context.output.json(&view)?);
    }
    for warning in &view.warnings {
        context.output.warn(warning);
    }
    Ok(context.output.data(&text(&view))?)
}

fn text(view: &View) -> String {
    let state = view.state.name();
    let mut lines = vec![match view.findings.len() {
        0 => format!("{}  {state}, nothing is wrong", view.name),
        found => format!("{}  {state}, {}", view.name, count(found as u64, "problem")),
    }];
    for finding in &view.findings {
        let message = words::safe(&finding.message);
        lines.push(format!("\n  {message} [{}]", finding.failure.id()));
        let hints = finding.hints.iter().map(ToString::to_string);
        lines.extend(hints.map(|hint| format!("    hint: {}", words::safe(&hint))));
    }
    lines.join("\n")
}
