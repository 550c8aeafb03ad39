//! `clearml-local support-bundle`.

use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;

use super::signals::or_interrupted;
use super::{Context, environment, proxy_variables, status, variables};
use crate::error::Result;
use crate::event::Events;
use crate::hint::{Hint, ours};
use crate::path::{HostPath, quoted};
use crate::provider::Provider;
use crate::provider::local::Local;
use crate::support_bundle::{self, Contents, Sources, Written};
use crate::words;

/// Collect everything for a bug report in one archive
///
/// Collects the status, the settings and revisions, the objects and events of the cluster, the
/// logs of the components, and on a local node what the engine and the node know. Passwords, keys
/// and tokens are masked. Parts that cannot be read are left out and named, so the command works
/// even without Docker. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local support-bundle
  clearml-local support-bundle report.tar.gz
  clearml-local support-bundle --name second")]
pub(super) struct Args {
    /// File to write [default: clearml-local-NAME-TIME.tar.gz]
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<HostPath>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let at = Timestamp::now();
    let path = match &args.file {
        Some(path) => path.clone(),
        None => {
            let name = support_bundle::default_name(&context.name, at);
            let here = std::env::current_dir().unwrap_or_default();
            here.join(format!("{name}.tar.gz")).into()
        }
    };
    let next = Hint::run("start again", ours!(SupportBundle));
    let written = or_interrupted(write(&path, at, context), next).await?;
    context.output.end_progress();
    show(&path, &written, context)
}

async fn write(path: &Path, at: Timestamp, context: &Context) -> Result<Written> {
    let events = &context.events();
    let provider = provider(context).await;
    let status = status::view_as_json(context).await;
    let sources = Sources {
        name: &context.name,
        state: &context.state,
        provider: provider.as_deref(),
        status: status.as_ref().cloned(),
        environment: variables_of_the_environment(),
        events,
    };
    support_bundle::write(&sources, path, at).await
}

/// Connects to the place where the server runs, even if the settings cannot be read.
async fn provider(context: &Context) -> Result<Box<dyn Provider + '_>> {
    let events = Events::silent();
    match context.cluster(&context.file) {
        Ok(Some(_)) => context.provider(&events).await,
        Ok(None) | Err(_) => {
            let engine = context.docker.connect().await?;
            let local = Local::new(&context.name, &context.state, engine, events);
            Ok(Box::new(local))
        }
    }
}

fn variables_of_the_environment() -> Vec<(String, String)> {
    let docker = [
        "DOCKER_HOST",
        "DOCKER_CONTEXT",
        "DOCKER_CONFIG",
        "DOCKER_CLIENT_TIMEOUT",
        "KUBECONFIG",
        "TMPDIR",
    ];
    let names = variables::names().into_iter();
    let names = names.chain(docker.map(str::to_owned));
    let set = names.filter_map(|name| Some((name.clone(), environment(&name)?)));
    let proxies = proxy_variables().map(|(name, value)| (name.to_owned(), value));
    set.chain(proxies).collect()
}

fn show(path: &Path, written: &Written, context: &Context) -> Result<u8> {
    let output = &context.output;
    if output.is_json() {
        output.event(
            "support-bundle",
            &serde_json::json!({
                "name": context.name,
                "path": path,
                "bytes": written.bytes,
                "files": written.contents.files,
                "unread": written.contents.unread,
            }),
        )?;
        return Ok(0);
    }
    output.data(&path.display().to_string())?;
    output.note(&sentences(path, written));
    Ok(0)
}

fn sentences(path: &Path, written: &Written) -> String {
    let contents = &written.contents;
    let mut text = format!(
        "{}, readable only by you. Contains: {}.\n",
        words::bytes(written.bytes),
        parts(contents).join(", ")
    );
    if !contents.unread.is_empty() {
        text.push_str("Could not be read:\n");
        for (why, parts) in contents.unread_by_reason() {
            let _ = writeln!(text, "  {}: {why}", parts.join(", "));
        }
    }
    let _ = write!(
        text,
        "Secrets are redacted: passwords, keys and tokens are masked. Check the contents before \
         you send the file: tar -xzf {}",
        quoted(path)
    );
    text
}

/// Returns the first parts of the paths, without extensions, each of them once.
fn parts(contents: &Contents) -> Vec<&str> {
    let mut parts = Vec::new();
    for file in &contents.files {
        let first = file.path.split(['/', '.']).next().unwrap_or_default();
        if !parts.contains(&first) {
            parts.push(first);
        }
    }
    parts
}
