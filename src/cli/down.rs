//! `clearml-local down`.

use std::io::IsTerminal;

use super::signals::or_interrupted;
use super::{Context, user_kubeconfig};
use crate::down;
use crate::error::{Explain, Result};
use crate::event::Events;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::provider::Removed;
use crate::settings::KeptData;
use crate::words;

/// Remove the cluster and keep the data
///
/// Stops the databases in order, then removes the node. Data, secrets and images are kept: `up`
/// creates the same server again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local down
  clearml-local down --purge        delete the instance with all its data")]
pub(super) struct Args {
    /// Delete the instance with its data, secrets and images
    #[arg(long)]
    purge: bool,
    /// Do not ask for confirmation
    #[arg(short, long, env = "CLEARML_LOCAL_YES")]
    yes: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let events = &context.events();
    if args.purge && !args.yes {
        confirm(context, events).await?;
    }
    let work = async {
        let provider = context.provider(events).await?;
        let kubeconfig = user_kubeconfig();
        let session = context.session(&*provider, events);
        down::down(&session, args.purge, kubeconfig.as_deref()).await
    };
    let outcome = or_interrupted(work, Hint::run("continue with", ours!(Down))).await?;
    context.output.end_progress();
    report(context, args.purge, &outcome)?;
    Ok(0)
}

fn report(context: &Context, purged: bool, outcome: &Removed) -> Result<()> {
    let name = &context.name;
    if context.output.is_json() {
        context.output.json(&serde_json::json!({
            "event": "gone",
            "name": name,
            "changed": outcome.changed,
            "purged": purged,
            "dataDir": outcome.data.as_ref().and_then(KeptData::place),
            "left": outcome.remaining.iter().map(|left| serde_json::json!({
                "path": left.path,
                "why": left.why,
            })).collect::<Vec<_>>(),
        }))?;
        return Ok(());
    }
    let home = context.output.policy().home.as_deref();
    let text = match &outcome.data {
        Some(data) => {
            let size = outcome.data_bytes.map(words::bytes);
            let size = size.map_or_else(String::new, |size| format!(", {size}"));
            format!(
                "`{name}` is down. Its data are kept in {}{size}; start it again: {}",
                data.shown(home),
                ours!(Up).of(name.non_default())
            )
        }
        None if purged && outcome.changed => {
            format!("Removed `{name}` with its {}.", outcome.purged)
        }
        None if outcome.changed => format!("`{name}` is down."),
        None => format!("Instance `{name}` does not exist: nothing to do."),
    };
    context.output.note(&text);
    for left in &outcome.remaining {
        let path = words::path(&left.path, home);
        context.output.note(&format!("Kept {path}: {}.", left.why));
    }
    Ok(())
}

async fn confirm(context: &Context, events: &Events) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Refused::NoTerminal.into());
    }
    // Without a connection, the removal itself says why there is none.
    let data = match context.provider(events).await {
        Ok(provider) => provider.data().await?,
        Err(_) => Vec::new(),
    };
    let names: Vec<&str> = data.iter().map(String::as_str).collect();
    let names = match names.is_empty() {
        true => String::new(),
        false => format!(" ({})", words::listed(&names)),
    };
    let question = format!(
        "Remove the instance `{}` and delete all its data{names}?",
        context.name
    );
    if context.output.ask(&question, &mut std::io::stdin().lock()) {
        Ok(())
    } else {
        Err(Refused::Declined.into())
    }
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("`--purge` deletes data, and there is no terminal to ask for confirmation")]
    NoTerminal,
    #[error("nothing was removed")]
    Declined,
}

impl Explain for Refused {
    fn failure(&self) -> Failure {
        Failure::NotConfirmed
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Refused::NoTerminal => vec![Hint::text("confirm with: --yes")],
            Refused::Declined => Vec::new(),
        }
    }
}
