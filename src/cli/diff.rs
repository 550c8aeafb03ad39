//! `clearml-local diff`.

use super::Context;
use crate::error::Result;
use crate::options::Options;
use crate::settings::InstanceName;
use crate::ui::ChangesView;
use crate::up::{self, Baseline, Comparison};

/// The exit code if something would change.
const DIFFERS: u8 = 3;

/// Show what `up` with the same options would change
///
/// Compares each object with the result of a server-side dry run, and changes nothing. Changes
/// that cannot be made in place come first, with what `up` does instead. Secrets are masked. Exit
/// codes: 0 no changes, 3 changes, others for errors.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local diff -f values.yaml
  clearml-local diff --reset-values
  clearml-local diff --set redis.master.persistence.size=6Gi -o json | jq '.planned'")]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let request = context.request(context.options(&args.options), false);
    let events = &context.events();
    let provider = context.provider_with(&request.options, events).await?;
    let session = context.session(&*provider, events);
    let compared = up::compare(&session, &request).await?;
    for warning in &compared.warnings {
        context.output.warn(warning);
    }
    let differs = compared.differs();
    context
        .output
        .changes(&view(&context.name, compared), None)?;
    Ok(if differs { DIFFERS } else { 0 })
}

/// Converts a comparison for the output.
pub(super) fn view(name: &InstanceName, compared: Comparison) -> ChangesView {
    let (against, unavailable) = match compared.baseline {
        Baseline::Nothing => ("nothing", None),
        Baseline::Cluster => ("cluster", None),
        Baseline::Unknown(why) => ("unknown", Some(why.to_string())),
    };
    ChangesView {
        name: name.to_string(),
        against,
        unavailable,
        data_dir: compared.data_dir.map(|place| place.to_string()),
        node: compared.node,
        planned: compared.planned,
        objects: compared.objects,
        back_to: compared.back_to,
    }
}
