//! `clearml-local render`.

use super::Context;
use super::up::WishArgs;
use crate::docker::{Engine, EngineInfo};
use crate::error::Result;
use crate::images::Identities;
use crate::manifests;
use crate::secrets::Secrets;
use crate::up;

/// Write the manifests that `up` applies
///
/// To stdout, as YAML. Needs no cluster; where no engine answers, limits are
/// those of a machine with 16 GB.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  clearml-local render
  clearml-local render -f values.yaml --release 2.3 | less")]
pub(super) struct Args {
    #[command(flatten)]
    wishes: WishArgs,
    /// Write the secrets in clear
    #[arg(long)]
    show_secrets: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let request = context.request(args.wishes.wishes(context), false)?;
    let (info, engine) = match context.engine().await {
        Ok(engine) => (engine.info().await?, Some(engine)),
        Err(_) => (usual_machine(), None),
    };
    let earlier = context.state.instance()?;
    let mut plan = up::plan(&request, &context.state, earlier.as_ref(), &info)?;
    up::complete(&mut plan, &request).await?;
    let mut identities = Identities::new();
    if let Some(engine) = engine {
        for wanted in plan.images() {
            if let Some(image) = engine.image(&wanted.reference).await? {
                identities.insert(wanted.reference, image.id);
            }
        }
    }
    let secrets = match context.state.secrets()? {
        Some(secrets) => secrets,
        None => Secrets::generate(),
    };
    let objects = plan.objects(&secrets, &identities)?;
    let text = manifests::to_yaml(&objects, !args.show_secrets);
    context.output.data(&text)?;
    Ok(0)
}

/// The machine where no engine answers.
pub(super) fn usual_machine() -> EngineInfo {
    EngineInfo {
        memory: 16_000_000_000,
        cpus: 8,
        ..EngineInfo::default()
    }
}
