//! `clearml-local credentials`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Context, configure};
use crate::error::{Explain, Result};
use crate::event::Events;
use crate::failures::{Code, Failure};
use crate::hint::{Hint, ours};
use crate::preflight;
use crate::probe::Endpoints;
use crate::provider::KeySearch;
use crate::recovery::Found;
use crate::sdk;
use crate::secrets::{Credentials, Secrets};
use crate::settings::Instance;
use crate::values::AccessValues;

/// How long to wait for the keys of a running instance.
const TIMEOUT: Duration = Duration::from_secs(6);

/// Print the keys for the SDK
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local credentials
  clearml-local credentials --conf
  eval \"$(clearml-local credentials --env)\"
  clearml-local credentials -o json")]
pub(super) struct Args {
    /// Print a complete clearml.conf
    #[arg(long, conflicts_with = "env")]
    conf: bool,
    /// The same as `configure --file FILE`.
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "env", hide = true)]
    #[expect(clippy::option_option, reason = "the flag, and its value")]
    write: Option<Option<PathBuf>>,
    /// Print CLEARML_* variables for a shell
    #[arg(long)]
    env: bool,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    if let Some(file) = &args.write {
        return configure::write(file.as_deref(), context).await;
    }
    let (endpoints, credentials) = &login(context).await?;
    let text = if args.conf {
        sdk::complete(endpoints, credentials)
    } else if args.env {
        env(endpoints, credentials)
    } else if context.output.is_json() {
        json(endpoints, credentials)
    } else {
        plain(endpoints, credentials)
    };
    context.output.data(&text)?;
    Ok(0)
}

/// Returns the URLs of the server and the key pair for programs.
pub(super) async fn login(context: &Context) -> Result<(Endpoints, Credentials)> {
    let (instance, secrets) = find(context).await?;
    let endpoints = match Endpoints::known(&instance) {
        Some(known) => known,
        None => {
            let provider = context.provider(&Events::silent()).await?;
            provider.access(&instance).await?.endpoints
        }
    };
    let values = AccessValues::of(&instance.values.files, &instance.values.sets);
    Ok((endpoints, values.login(&secrets)))
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
        vec![Hint::run("create it", ours!(Up))]
    }
}
