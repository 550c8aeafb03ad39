//! `clearml-local credentials`.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Context, environment};
use crate::error::{Explain, Result};
use crate::event::Events;
use crate::failures::{Code, Failure};
use crate::files;
use crate::hint::{Hint, ours};
use crate::preflight;
use crate::probe::Endpoints;
use crate::provider::KeySearch;
use crate::recovery::Found;
use crate::secrets::{Credentials, Secrets};
use crate::settings::Instance;
use crate::values::AccessValues;
use crate::words;

/// How long to wait for the keys of a running instance.
const TIMEOUT: Duration = Duration::from_secs(6);

/// Print the keys for the SDK, or write clearml.conf
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local credentials --write
  clearml-local credentials --write ./clearml.conf
  eval \"$(clearml-local credentials --env)\"
  clearml-local credentials -o json")]
pub(super) struct Args {
    /// Print a complete clearml.conf
    #[arg(long, conflicts_with = "env")]
    conf: bool,
    /// Write clearml.conf [default: ~/clearml.conf]
    ///
    /// Only you can read the file. An existing file is kept under another name in the same
    /// directory. Without FILE, writes to the path in CLEARML_CONFIG_FILE, or to ~/clearml.conf
    /// if it is not set.
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "env")]
    #[expect(clippy::option_option, reason = "the flag, and its value")]
    write: Option<Option<PathBuf>>,
    /// Print CLEARML_* variables for a shell
    #[arg(long)]
    env: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let (instance, secrets) = find(context).await?;
    let endpoints = match Endpoints::known(&instance) {
        Some(known) => known,
        None => {
            let provider = context.provider(&Events::silent()).await?;
            provider.access(&instance).await?.endpoints
        }
    };
    let credentials =
        &AccessValues::of(&instance.values.files, &instance.values.sets).login(&secrets);
    if let Some(path) = &args.write {
        let path = match path {
            Some(path) => path.clone(),
            None => default_path().ok_or(NoHome)?,
        };
        let written = write(&path, &conf(&endpoints, credentials))?;
        report(&path, &written, context)?;
        return Ok(0);
    }
    let text = if args.conf {
        conf(&endpoints, credentials)
    } else if args.env {
        env(&endpoints, credentials)
    } else if context.output.is_json() {
        json(&endpoints, credentials)
    } else {
        plain(&endpoints, credentials)
    };
    context.output.data(&text)?;
    Ok(0)
}

/// Returns the settings and keys of the instance. The instance takes precedence over this home,
/// because another home may have created new keys: the copy in this home is used only if the
/// instance does not answer.
pub(super) async fn find(context: &Context) -> Result<(Instance, Secrets)> {
    let (instance, home) = (context.state.instance()?, context.state.secrets()?);
    let answer = tokio::time::timeout(TIMEOUT, query(context, instance.as_ref(), home.clone()));
    let failed = match answer.await {
        Ok(Ok(found)) => return Ok(found),
        Ok(Err(error)) if error.is::<preflight::Failed>() => return Err(error),
        Ok(Err(error)) => Some(error),
        Err(_) => None,
    };
    match (instance, home, failed) {
        (Some(instance), Some(home), failed) => {
            let why = failed.map_or("it did not answer in time".to_owned(), |error| {
                error.to_string()
            });
            context.output.warn(&unconfirmed(&why));
            Ok((instance, home.complete()))
        }
        (None, None, Some(error)) if error.code() == Code::DockerUnreachable => {
            Err(no_instance(context).into())
        }
        (_, _, Some(error)) => Err(error),
        (_, _, None) => Err(no_instance(context).into()),
    }
}

async fn query(
    context: &Context,
    kept: Option<&Instance>,
    home: Option<Secrets>,
) -> Result<(Instance, Secrets)> {
    let provider = context.provider(&Events::silent()).await?;
    let until = Instant::now() + TIMEOUT / 2;
    let found = provider.recover(kept, home.as_ref(), until).await?;
    let runs = found.as_ref().map(|found| found.runs);
    let recovered = found.map(|found| found.recovered).unwrap_or_default();
    if let Some(another) = recovered.another {
        return Err(another.into_error());
    }
    if let Some(theirs) = recovered.secrets {
        return Ok(match home {
            Some(home) if theirs.is_same_instance(&home) => {
                let instance = kept.cloned().or(recovered.instance);
                (
                    instance.ok_or_else(|| no_instance(context))?,
                    home.complete(),
                )
            }
            home => {
                if home.is_some() {
                    context.output.warn(
                        "the keys kept in this home differ from the keys of the instance: showing \
                         those of the instance",
                    );
                }
                let instance = recovered.instance.or_else(|| kept.cloned());
                (
                    instance.ok_or_else(|| no_instance(context))?,
                    theirs.complete(),
                )
            }
        });
    }
    let instance = kept.cloned().or(recovered.instance);
    let instance = instance.ok_or_else(|| no_instance(context))?;
    let has_home = home.is_some();
    let search = KeySearch {
        cluster: None,
        unreadable: runs.is_some(),
        settings: &instance,
        former_data_dir: None,
        home,
    };
    let secrets = match provider.keys(search).await? {
        Found::Keys(secrets) => secrets.complete(),
        Found::None => return Err(no_instance(context).into()),
        Found::Lost(lost) => return Err(lost.into_error()),
    };
    if let Some(runs) = runs.filter(|_| has_home) {
        let why = match runs {
            true => "the cluster does not answer",
            false => "the node is not running",
        };
        context.output.warn(&unconfirmed(why));
    }
    Ok((instance, secrets))
}

fn no_instance(context: &Context) -> NoInstance {
    NoInstance {
        name: context.name.to_string(),
    }
}

fn unconfirmed(why: &str) -> String {
    format!("cannot ask the server whether these keys still work: {why}")
}

/// Returns the path where the SDK looks for its configuration.
fn default_path() -> Option<PathBuf> {
    let home = dirs::home_dir();
    match environment("CLEARML_CONFIG_FILE") {
        None => Some(home?.join("clearml.conf")),
        // The SDK expands `~`, too.
        Some(path) => Some(match path.strip_prefix("~/") {
            Some(below) => home?.join(below),
            None => PathBuf::from(path),
        }),
    }
}

/// The result of writing a file.
#[derive(Debug, PartialEq, Eq)]
enum Written {
    /// The file had this content already.
    Unchanged,
    New,
    /// The previous content was saved to this backup.
    BackedUp(PathBuf),
}

/// Writes the file atomically, readable only by its owner. Other content is saved to a backup
/// beside it.
fn write(path: &Path, text: &str) -> Result<Written> {
    // Write to the target of a link, and keep the link.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let written = match files::read(path)? {
        None => Written::New,
        Some(there) if there == text => Written::Unchanged,
        Some(there) => {
            let backup = backup_name(path);
            files::write_private(&backup, &there)?;
            Written::BackedUp(backup)
        }
    };
    files::write_private(path, text)?;
    Ok(written)
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

fn report(path: &Path, written: &Written, context: &Context) -> Result<()> {
    let kept = match written {
        Written::BackedUp(kept) => Some(kept),
        Written::New | Written::Unchanged => None,
    };
    if context.output.is_json() {
        context.output.json(&serde_json::json!({
            "path": path,
            "changed": *written != Written::Unchanged,
            "backup": kept,
        }))?;
        return Ok(());
    }
    let home = context.output.policy().home.as_deref();
    let place = words::path(path, home);
    context.output.note(&match written {
        Written::New => format!("Wrote {place}."),
        Written::Unchanged => format!("{place} is up to date: nothing changed."),
        Written::BackedUp(kept) => {
            let kept = words::path(kept, home);
            format!("Wrote {place}; the previous file is in {kept}.")
        }
    });
    Ok(())
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write clearml.conf: there is no home directory")]
struct NoHome;

impl Explain for NoHome {
    fn failure(&self) -> Failure {
        Failure::HomeMissing
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("give a path", ours!(Credentials, "--write FILE"))]
    }
}

pub(super) fn conf(at: &Endpoints, credentials: &Credentials) -> String {
    format!(
        "api {{\n    web_server: {}\n    api_server: {}\n    files_server: {}\n    credentials {{\n        \"access_key\" = \"{}\"\n        \"secret_key\" = \"{}\"\n    }}\n}}\n",
        at.web, at.api, at.files, credentials.access_key, credentials.secret_key
    )
}

fn env(at: &Endpoints, credentials: &Credentials) -> String {
    format!(
        "export CLEARML_WEB_HOST={}\nexport CLEARML_API_HOST={}\nexport CLEARML_FILES_HOST={}\nexport CLEARML_API_ACCESS_KEY={}\nexport CLEARML_API_SECRET_KEY={}\n",
        at.web, at.api, at.files, credentials.access_key, credentials.secret_key
    )
}

fn json(at: &Endpoints, credentials: &Credentials) -> String {
    let value = serde_json::json!({
        "endpoints": at,
        "accessKey": credentials.access_key,
        "secretKey": credentials.secret_key,
    });
    format!("{value:#}\n")
}

fn plain(at: &Endpoints, credentials: &Credentials) -> String {
    format!(
        "Access key  {}\nSecret key  {}\nAPI         {}\n",
        credentials.access_key, credentials.secret_key, at.api
    )
}

#[derive(Debug, thiserror::Error)]
#[error("instance `{name}` does not exist yet, so it has no credentials")]
struct NoInstance {
    name: String,
}

impl Explain for NoInstance {
    fn failure(&self) -> Failure {
        Failure::NotInstalled
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run("create it", ours!(Up).of(Some(&self.name)))]
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_private_and_previous_content_is_backed_up() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("clearml.conf"), dir.path().join("link"));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(write(&path, "one").unwrap(), Written::New);
        assert_eq!(mode(&path), 0o600);
        assert_eq!(write(&path, "one").unwrap(), Written::Unchanged);
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let mut kept = Vec::new();
        for text in ["two", "three"] {
            match write(&link, text).unwrap() {
                Written::BackedUp(path) => kept.push(path),
                other => panic!("{other:?}"),
            }
        }
        let read = |path: &Path| files::read(path).unwrap().unwrap();
        assert_eq!(read(&path), "three");
        assert!(link.is_symlink());
        let texts: Vec<String> = kept.iter().map(|path| read(path)).collect();
        assert_eq!(texts, ["one", "two"]);
        assert_eq!(mode(&kept[0]), 0o600);
    }

    #[test]
    fn a_failed_write_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let error = write(&dir.path().join("none/clearml.conf"), "one").unwrap_err();
        assert!(error.to_string().contains("none/clearml.conf"), "{error}");
        assert_eq!(files::list(dir.path()).unwrap(), [""; 0]);
    }
}
