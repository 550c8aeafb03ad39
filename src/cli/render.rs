//! `clearml-local render`.

use std::path::{Path, PathBuf};

use super::Context;
use crate::error::{Explain, Result};
use crate::event::Events;
use crate::failures::Failure;
use crate::files;
use crate::hint::{Hint, ours};
use crate::images::Identities;
use crate::manifests::{self, Object};
use crate::options::Options;
use crate::path::HostPath;
use crate::plan::Plan;
use crate::provider::existing::preflight;
use crate::secrets::Secrets;
use crate::up;
use crate::words;

/// Print the Kubernetes manifests that `up` applies
///
/// Prints YAML for kubectl to stdout, or writes it to a directory. The output is reproducible. No
/// cluster is needed. If Docker does not answer, the limits for a machine with 16 GB are used.
/// Secrets are printed without their content: if you apply them, an existing Secret keeps its
/// content, and pods wait for one that is missing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local render -f values.yaml --release 2.3 | less
  clearml-local render --dir manifests
  clearml-local render --show-secrets | kubectl apply --server-side -f -
  clearml-local render --role --namespace ml > role.yaml")]
pub(super) struct Args {
    #[command(flatten)]
    options: Options,
    /// Write a file for each object to this directory
    ///
    /// Removes files of objects that no longer exist. The directory must not contain other files.
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<HostPath>,
    /// Print the content of Secrets
    ///
    /// Before the first `up`, secrets are generated and kept for it.
    #[arg(long)]
    show_secrets: bool,
    /// Print the Role that an existing cluster must allow
    ///
    /// Exactly the permissions that this program needs in the namespace of an existing cluster,
    /// as YAML for its administrator, and a ClusterRole with optional ones. Needs no cluster.
    #[arg(long, conflicts_with_all = ["dir", "show_secrets"])]
    role: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    if args.role {
        context.output.data(&role(args, context)?)?;
        return Ok(0);
    }
    let request = context.request(context.options(&args.options), false);
    let facts = context.facts(&request.options).await?;
    let earlier = context.earlier().await?;
    let mut plan = up::plan(&context.name, &request, earlier.as_ref(), &facts)?;
    for warning in &plan.warnings {
        context.output.warn(warning);
    }
    // The login is masked, so do not look for it.
    let secrets = if args.show_secrets {
        up::resolve_login(&mut plan, &request).await?;
        secrets(&plan, context).await?
    } else {
        plan.registry_login = Some((String::new(), String::new()));
        Secrets::empty()
    };
    let objects = plan.objects(&secrets, &Identities::new())?;
    match &args.dir {
        Some(dir) => {
            let count = write(dir, &objects, !args.show_secrets)?;
            let files = words::count(count as u64, "file");
            context.output.note(&format!("{files} written to {dir}"));
        }
        None => {
            let text = manifests::to_yaml(&objects, !args.show_secrets);
            context.output.data(&text)?;
        }
    }
    Ok(0)
}

/// Returns the Role for the namespace that is given or that the instance has.
fn role(args: &Args, context: &Context) -> Result<String> {
    let given = context.options(&args.options).cluster.namespace;
    let kept = context
        .state
        .instance()?
        .and_then(|instance| instance.cluster);
    let namespace = given.or(kept.map(|cluster| cluster.namespace));
    Ok(preflight::role(namespace.unwrap_or_default().as_str()))
}

/// Returns the keys of the instance. If it has none, creates keys, which `up` will use.
async fn secrets(plan: &Plan, context: &Context) -> Result<Secrets> {
    let events = &Events::silent();
    let found = match context.provider(events).await {
        Ok(provider) => up::find_keys(&context.session(&*provider, events), plan).await?,
        Err(_) => context.state.secrets()?,
    };
    let secrets = found.map_or_else(Secrets::generate, Secrets::complete);
    context.state.save_secrets(&secrets)?;
    Ok(secrets)
}

/// Writes a file for each object, and removes files of objects that no longer exist. Returns
/// the number of objects.
fn write(dir: &Path, objects: &[Object], masked: bool) -> Result<usize> {
    let there = files::list(dir)?;
    for name in &there {
        if !is_ours(&dir.join(name))? {
            return Err(NotOurs {
                dir: dir.to_owned(),
                example: name.clone(),
            }
            .into());
        }
    }
    files::create_dir(dir)?;
    let wanted = manifests::to_files(objects, masked);
    for (name, text, secret) in &wanted {
        let path = dir.join(name);
        if *secret {
            files::write_private(&path, text)?;
        } else {
            files::write(&path, text)?;
        }
    }
    for name in there {
        if !wanted.iter().any(|(wanted, ..)| *wanted == name) {
            files::remove(&dir.join(name))?;
        }
    }
    Ok(wanted.len())
}

fn is_ours(path: &Path) -> Result<bool> {
    if path.is_dir() || path.extension().is_none_or(|extension| extension != "yaml") {
        return Ok(false);
    }
    let text = files::read(path)?.unwrap_or_default();
    Ok(text.starts_with(manifests::HEADER))
}

/// The directory contains files of something else.
#[derive(Debug, thiserror::Error)]
#[error("the directory {} contains files that `render` did not write, such as `{example}`; nothing \
    was written", dir.display())]
struct NotOurs {
    dir: PathBuf,
    example: String,
}

impl Explain for NotOurs {
    fn failure(&self) -> Failure {
        Failure::DirectoryInUse
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run(
            "use an empty directory",
            ours!(Render, "--dir DIR"),
        )]
    }
}
