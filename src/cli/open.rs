//! `clearml-local open`.

use clap::ValueEnum;
use serde_json::json;
use webbrowser::{Browser, BrowserOptions};

use super::{Context, environment, status};
use crate::error::{Explain, Result};
use crate::failures::Failure;
use crate::health::Health;
use crate::hint::{Hint, ours};
use crate::probe::Endpoints;
use crate::settings::Instance;
use crate::values::AccessValues;
use crate::words;

/// Open the web app in the browser
///
/// Prints the address, and opens it where there is a browser.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local open
  clearml-local open files")]
pub(super) struct Args {
    /// What to open
    #[arg(value_enum, default_value_t = Page::Web)]
    page: Page,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Page {
    /// The web app
    Web,
    /// The API server
    Api,
    /// The file server
    Files,
}

impl Page {
    fn url(self, endpoints: &Endpoints) -> &str {
        match self {
            Page::Web => &endpoints.web,
            Page::Api => &endpoints.api,
            Page::Files => &endpoints.files,
        }
    }
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let (instance, endpoints) = find(context).await?;
    let url = args.page.url(&endpoints);
    let opened = has_browser() && open(url);
    let users = match args.page {
        Page::Web => AccessValues::of(&instance.values.files, &instance.values.sets).users(),
        Page::Api | Page::Files => Vec::new(),
    };
    let output = &context.output;
    if output.is_json() {
        output.json(&json!({"url": url, "opened": opened, "users": users}))?;
        return Ok(0);
    }
    output.data(url)?;
    if !opened {
        output.note("No browser was found here: open this address in yours.");
    }
    if !users.is_empty() {
        output.note(&format!(
            "Log in as {}, with the password in your values (apiserver.fixedUsers).",
            words::either(&users)
        ));
    }
    Ok(0)
}

/// Returns the instance and its addresses, if its server runs.
async fn find(context: &Context) -> Result<(Instance, Endpoints)> {
    let status = status::query(context).await?;
    let name = context.name.to_string();
    let (Some(instance), Some(endpoints)) = (status.instance, status.endpoints) else {
        return Err(Unavailable::Absent { name }.into());
    };
    match status.health {
        Health::Ready | Health::Running => {}
        Health::Absent => return Err(Unavailable::Absent { name }.into()),
        Health::Stopped | Health::Paused => return Err(Unavailable::Stopped { name }.into()),
        Health::Starting | Health::Degraded | Health::Unknown(_) => context.output.warn(&format!(
            "the server may not answer: its state is `{}`; see {}",
            status.health.name(),
            ours!(Status).of(context.name.non_default())
        )),
    }
    Ok((instance, endpoints))
}

/// Whether a browser with windows can be started: without a display, programs such as w3m would
/// be, which cannot show the web app.
fn has_browser() -> bool {
    let display = ["BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"];
    cfg!(target_os = "macos") || display.into_iter().any(|name| environment(name).is_some())
}

fn open(url: &str) -> bool {
    let options = &BrowserOptions::default();
    webbrowser::open_browser_with_options(Browser::Default, url, options).is_ok()
}

#[derive(Debug, thiserror::Error)]
enum Unavailable {
    #[error("instance `{name}` does not exist yet, so there is nothing to open")]
    Absent { name: String },
    #[error("instance `{name}` is stopped")]
    Stopped { name: String },
}

impl Explain for Unavailable {
    fn failure(&self) -> Failure {
        match self {
            Unavailable::Absent { .. } => Failure::NotInstalled,
            Unavailable::Stopped { .. } => Failure::NodeNotRunning,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Unavailable::Absent { .. } => {
                vec![Hint::run("create it", ours!(Up))]
            }
            Unavailable::Stopped { .. } => {
                vec![Hint::run("start it", ours!(Start))]
            }
        }
    }
}
