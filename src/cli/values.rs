//! `clearml-local values`.

use serde_json::{Value, json};

use super::Context;
use crate::error::Result;
use crate::options::Options;
use crate::plan::Plan;
use crate::settings::{InputFile, Instance, SetOptions, ValuesOptions};
use crate::ui::table::{Cell, lines};
use crate::up;
use crate::values::{self, EffectiveValue, Finding, Problem};
use crate::words;

/// Show all values and where each comes from
///
/// Without options, shows the values of the last `up`. With options of `up`, shows the values
/// that it would use. Secrets are masked. No cluster is needed. If Docker does not answer, the
/// limits for a machine with 16 GB are used.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_long_help = "\
Examples:
  clearml-local values --changed
  clearml-local values -f values.yaml --set apiserver.replicaCount=2 -o json
  clearml-local values --defaults > values.yaml
  clearml-local values check values.yaml
  clearml-local values schema > values.schema.json"
)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
    /// Show only values that differ from the defaults
    #[arg(long, conflicts_with = "defaults")]
    changed: bool,
    /// Print a values file with every key and its default
    #[arg(long)]
    defaults: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(CheckArgs),
    Schema(SchemaArgs),
}

/// Check values files
///
/// Prints the first 20 problems with file and line. `-v` prints all of them, and `-o json` prints
/// them as one object per line. Several files are merged, as in `up`. For keys of other versions
/// of the chart, suggests what to write instead.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local values check values.yaml
  clearml-local values check base.yaml site.yaml --set redis.usePassword=true
  clearml-local values check values.yaml --release 2.3
  clearml-local values check -v values.yaml
  clearml-local values check values.yaml -o json")]
struct CheckArgs {
    /// Values files; later ones take precedence; - reads stdin
    #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    files: Vec<InputFile>,
    #[command(flatten)]
    set: SetOptions,
}

/// Print the JSON Schema of values files
///
/// Editors with a YAML language server use it to complete keys and to show their descriptions.
/// Set its path or URL in the first line of a values file:
///
/// # yaml-language-server: $schema=values.schema.json
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local values schema > values.schema.json
  sed -i '1i # yaml-language-server: $schema=values.schema.json' values.yaml")]
struct SchemaArgs {}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    match &args.command {
        Some(Command::Schema(_)) => context.output.json(&values::schema())?,
        Some(Command::Check(args)) => check(args, context).await?,
        None => show(args, context).await?,
    }
    Ok(0)
}

async fn check(args: &CheckArgs, context: &Context) -> Result<()> {
    let options = Options {
        values: ValuesOptions {
            values: args.files.iter().cloned().map(Into::into).collect(),
            set: args.set.clone(),
            reset_values: false,
        },
        ..Options::default()
    };
    let plan = plan(&options, None, context).await;
    if context.output.is_json() {
        return findings(plan, context);
    }
    let plan = plan?;
    warn(&plan.warnings, context);
    for file in &args.files {
        context.output.data(&format!("{file}: fine\n"))?;
    }
    Ok(())
}

/// Prints each finding as a line of JSON, then a last line if the values are valid.
fn findings(plan: Result<Plan>, context: &Context) -> Result<()> {
    let invalid = match &plan {
        Err(error) => error.downcast_ref::<values::Error>(),
        Ok(_) => None,
    };
    let problems = invalid.into_iter().flat_map(|invalid| &invalid.problems);
    let mut all: Vec<Finding> = problems.flat_map(Problem::findings).collect();
    if let Ok(plan) = &plan {
        all.extend(plan.warnings.iter().map(|text| Finding::warning(text)));
    }
    for finding in &all {
        context.output.event("finding", finding)?;
    }
    plan?;
    Ok(context.output.event("valid", &json!({}))?)
}

async fn show(args: &Args, context: &Context) -> Result<()> {
    let earlier = context.earlier().await?;
    let plan = plan(&args.options, earlier.as_ref(), context).await?;
    if args.defaults {
        let file = values::default_file(&plan.release, plan.profile.as_ref());
        context.output.data(&file)?;
        return Ok(());
    }
    warn(&plan.warnings, context);
    let mut shown = plan.effective;
    shown.retain(|one| one.changed || !args.changed);
    if context.output.is_json() {
        context.output.json(&shown)?;
    } else if shown.is_empty() {
        context.output.note("All values are at their defaults.");
    } else {
        let rows: Vec<Vec<Cell>> = shown.iter().map(row).collect();
        let text = lines(&rows, "", None).join("\n");
        context.output.data(&format!("{text}\n"))?;
    }
    Ok(())
}

async fn plan(options: &Options, earlier: Option<&Instance>, context: &Context) -> Result<Plan> {
    let request = context.request(context.options(options), false);
    let facts = context.facts(&request.options).await?;
    up::plan(&context.name, &request, earlier, &facts)
}

fn warn(warnings: &[String], context: &Context) {
    for warning in warnings {
        context.output.warn(warning);
    }
}

fn row(one: &EffectiveValue) -> Vec<Cell> {
    vec![
        Cell::new(one.key.as_str()),
        Cell::new(in_a_cell(&one.value)),
        Cell::new(one.from.as_str()),
    ]
}

fn in_a_cell(value: &Value) -> String {
    const LONGEST: usize = 41;
    match value {
        Value::String(text) if !text.is_empty() && !text.contains(char::is_control) => {
            words::cut(text, LONGEST)
        }
        value => words::cut(&value.to_string(), LONGEST),
    }
}
