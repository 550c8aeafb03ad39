//! `clearml-local configure`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::json;

use super::{Context, credentials, environment};
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::files;
use crate::hint::{Hint, ours};
use crate::path::quoted;
use crate::sdk::{self, Conf};
use crate::words;

/// Configure the SDK for this server
///
/// Writes ~/clearml.conf, or the file in CLEARML_CONFIG_FILE, readable only by you. An existing
/// file keeps its content: the keys of this server are added at its end, where they take
/// precedence, and a copy of the previous file is kept beside it. If the file is for another
/// server, asks first.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local configure
  clearml-local configure --file ./clearml.conf
  clearml-local configure --print    show what would be written
  clearml-local configure --remove   the previous configuration applies again")]
pub(super) struct Args {
    /// File to write [default: ~/clearml.conf]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// Print the file, and write nothing
    #[arg(long, conflicts_with = "remove")]
    print: bool,
    /// Remove what `configure` added
    #[arg(long)]
    remove: bool,
    /// Do not ask for confirmation
    #[arg(short, long, env = "CLEARML_LOCAL_YES")]
    yes: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let path = path(args.file.as_deref())?;
    let text = files::read(&path)?.unwrap_or_default();
    if args.remove {
        return remove(&path, text, context);
    }
    let configured = configured(&path, &text, context).await?;
    if args.print {
        context.output.data(&configured.text)?;
        return Ok(0);
    }
    configured.write(path, text, args.yes, context)
}

/// Configures the SDK in this file; [`run`] without options.
pub(super) async fn write(file: Option<&Path>, context: &Context) -> Result<u8> {
    let args = Args {
        file: file.map(Path::to_owned),
        print: false,
        remove: false,
        yes: false,
    };
    run(&args, context).await
}

/// Returns the path to write to: the target of a link, so that the link remains.
fn path(file: Option<&Path>) -> Result<PathBuf> {
    let path = match file {
        Some(path) => path.to_owned(),
        None => sdk::conf_path(environment, dirs::home_dir().as_deref()).ok_or(Refused::NoHome)?,
    };
    Ok(path.canonicalize().unwrap_or(path))
}

fn parse<'a>(path: &Path, text: &'a str) -> Result<Conf<'a>> {
    let invalid = |why| Refused::Invalid {
        path: path.to_owned(),
        why,
    };
    Ok(Conf::read(text).map_err(invalid)?)
}

/// The configuration of the SDK for this server.
struct Configured {
    /// The text of the file.
    text: String,
    /// Whether a part of the file was ours before.
    was_ours: bool,
    /// The URL of this server's API.
    api: String,
    /// The API server for which the user's own configuration is, if it is another one.
    others: Option<String>,
    /// The previous URL of the file server of this program's servers, if it was another one.
    previous_files: Option<String>,
}

async fn configured(path: &Path, text: &str, context: &Context) -> Result<Configured> {
    let conf = parse(path, text)?;
    let (endpoints, credentials) = credentials::login(context).await?;
    let own = conf.has_ours();
    let others = conf
        .api_server()
        .filter(|api| !own && !sdk::is_same(api, &endpoints.api));
    let files = conf
        .files_server()
        .filter(|files| own && *files != endpoints.files);
    Ok(Configured {
        text: conf.with(&endpoints, &credentials),
        others: others.map(str::to_owned),
        previous_files: files.map(str::to_owned),
        was_ours: own,
        api: endpoints.api,
    })
}

impl Configured {
    /// Writes the file, whose present content is `before`.
    fn write(self, path: PathBuf, before: String, yes: bool, context: &Context) -> Result<u8> {
        if let Some(others) = self.others.filter(|_| !yes) {
            confirm(&path, others, context)?;
        }
        let changed = self.text != before;
        let backup = match changed {
            // Only what is ours changes if a part of the file is ours already.
            true if !before.is_empty() && !self.was_ours => {
                let backup = backup_name(&path);
                files::write_private(&backup, &before)?;
                Some(backup)
            }
            _ => None,
        };
        if changed {
            files::write_private(&path, &self.text)?;
        }
        let overriding = overriding();
        let output = &context.output;
        if output.is_json() {
            output.json(&json!({
                "path": path,
                "changed": changed,
                "backup": backup,
                "apiServer": self.api,
                "overriddenBy": overriding,
            }))?;
            return Ok(0);
        }
        let home = output.policy().home.as_deref();
        let place = words::path(&path, home);
        output.note(&match (changed, &backup) {
            (false, _) => format!("{place} is up to date: nothing changed."),
            (true, None) => format!("Wrote {place}: the SDK uses {}.", self.api),
            (true, Some(backup)) => format!(
                "Wrote {place}: the SDK uses {}. The previous file is in {}.",
                self.api,
                words::path(backup, home)
            ),
        });
        if let Some(files) = self.previous_files {
            output.warn(&format!(
                "artifacts and models that were recorded before use the URL {files}, and cannot be \
                 downloaded while the file server has another one"
            ));
        }
        if !overriding.is_empty() {
            output.warn(&format!(
                "the SDK uses {} of the environment instead of this file",
                words::listed(&overriding)
            ));
        }
        Ok(0)
    }
}

/// Asks whether to use this server although the user's configuration is for another one.
fn confirm(path: &Path, others: String, context: &Context) -> Result<()> {
    if !std::io::stdin().is_terminal() {
        return Err(Refused::AnotherServer {
            path: path.to_owned(),
            api: others,
        }
        .into());
    }
    let home = context.output.policy().home.as_deref();
    let question = format!(
        "{} is for the server {others}. Use this one from now on?",
        words::path(path, home)
    );
    match context.output.ask(&question, &mut std::io::stdin().lock()) {
        true => Ok(()),
        false => Err(Refused::Declined.into()),
    }
}

/// Returns the variables of the environment that override the file.
fn overriding() -> Vec<&'static str> {
    let set = |name: &&str| environment(name).is_some();
    sdk::OVERRIDING.into_iter().filter(set).collect()
}

fn remove(path: &Path, before: String, context: &Context) -> Result<u8> {
    let conf = parse(path, &before)?;
    let changed = conf.has_ours();
    let rest = conf.without_ours();
    let deleted = changed && rest.trim().is_empty();
    if deleted {
        files::remove(path)?;
    } else if changed {
        files::write_private(path, &rest)?;
    }
    let output = &context.output;
    if output.is_json() {
        output.json(&json!({"path": path, "changed": changed, "deleted": deleted}))?;
        return Ok(0);
    }
    let place = words::path(path, output.policy().home.as_deref());
    output.note(&match (changed, deleted) {
        (false, _) => format!("{place} has no configuration of `configure`: nothing to do."),
        (true, true) => format!("Removed {place}, which had nothing else in it."),
        (true, false) => format!("Removed this program's part of {place}."),
    });
    Ok(0)
}

/// Returns an unused name for a backup beside the file.
fn backup_name(path: &Path) -> PathBuf {
    let now = Timestamp::now().strftime("%Y%m%d-%H%M%S");
    let named = |suffix: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".bak-{now}{suffix}"));
        PathBuf::from(name)
    };
    let mut names = std::iter::once(named("")).chain((2..).map(|n| named(&format!("-{n}"))));
    let free = names.find(|name| !name.exists());
    free.unwrap_or_else(|| named(""))
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("cannot write clearml.conf: there is no home directory")]
    NoHome,
    #[error("cannot edit {}: {why}", path.display())]
    Invalid { path: PathBuf, why: sdk::Invalid },
    #[error("{} is for another server, {api}, and there is no terminal to ask", path.display())]
    AnotherServer { path: PathBuf, api: String },
    #[error("nothing was written")]
    Declined,
}

impl Explain for Refused {
    fn failure(&self) -> Failure {
        match self {
            Refused::NoHome => Failure::HomeMissing,
            Refused::Invalid { .. } => Failure::InvalidSdkConf,
            Refused::AnotherServer { .. } | Refused::Declined => Failure::NotConfirmed,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Refused::NoHome => vec![Hint::run("give a path", ours!(Configure, "--file FILE"))],
            Refused::Invalid { path, .. } => vec![
                Hint::run("look at it", format!("less {}", quoted(path))),
                Hint::run("write another file", ours!(Configure, "--file FILE")),
            ],
            Refused::AnotherServer { .. } => vec![
                Hint::text("to use this server from now on: --yes"),
                Hint::run("see what would be written", ours!(Configure, "--print")),
            ],
            Refused::Declined => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_never_replaces_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("clearml.conf");
        let first = backup_name(&path);
        files::write_private(&first, "").unwrap();
        assert_ne!(backup_name(&path), first);
    }
}
