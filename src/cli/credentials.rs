//! `clearml-local credentials`.

use super::Context;
use crate::error::{Code, Explain, Result};
use crate::probe::Endpoints;
use crate::secrets::Credentials;
use crate::values::Brief;

/// Print the access and secret key for the SDK
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  clearml-local credentials --conf > ~/clearml.conf
  eval \"$(clearml-local credentials --env)\"
  clearml-local credentials -o json")]
pub(super) struct Args {
    /// Print a complete clearml.conf
    #[arg(long, conflicts_with = "env")]
    conf: bool,
    /// Print CLEARML_* variables for a shell
    #[arg(long)]
    env: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<u8> {
    let instance = context.state.instance()?;
    let secrets = context.state.secrets()?;
    let (Some(instance), Some(secrets)) = (instance, secrets) else {
        return Err(NoInstance {
            name: context.name.to_string(),
        }
        .into());
    };
    let endpoints = Endpoints::of(&instance);
    let credentials = &Brief::of(&instance).login(&secrets);
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

fn conf(at: &Endpoints, credentials: &Credentials) -> String {
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

/// There is nothing to log in to.
#[derive(Debug, thiserror::Error)]
#[error("there is no instance `{name}` yet, and so there are no credentials")]
struct NoInstance {
    name: String,
}

impl Explain for NoInstance {
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![format!("make it: clearml-local up --name {}", self.name)]
    }
}
