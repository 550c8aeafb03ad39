//! `clearml-local agent`: agents in the cluster.

mod down;
mod logs;
mod status;
mod up;

use super::{Context, credentials};
use crate::agent::Server;
use crate::error::Result;
use crate::hint::Ours;
use crate::kube::Cluster;
use crate::provider::{Access, NoCluster, Provider};
use crate::secrets::Credentials;
use crate::session::Session;
use crate::settings::{Instance, Queue};
use crate::state::Lock;
use crate::values::AccessValues;

/// Execute queued tasks in the cluster
///
/// An agent takes the tasks of one queue and executes them in pods beside the server. URLs that
/// tasks record there are the ones that you use: artifacts open in your browser and SDK.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local agent up
  clearml-local agent up --queue gpu --gpus --image pytorch/pytorch
  clearml-local agent status
  clearml-local agent logs --follow
  clearml-local agent down")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Up(up::Args),
    Status(status::Args),
    Logs(logs::Args),
    Down(down::Args),
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    match &args.command {
        Command::Up(args) => Box::pin(up::run(args, context)).await,
        Command::Status(args) => status::run(args, context).await,
        Command::Logs(args) => logs::run(args, context).await,
        Command::Down(args) => down::run(args, context).await,
    }
}

fn queue(text: &str) -> Result<Queue, String> {
    text.parse()
}

/// The running server of an instance.
pub(super) struct Running {
    cluster: Cluster,
    settings: Instance,
    credentials: Credentials,
    access: Access,
}

impl Running {
    pub(super) fn server(&self) -> Server<'_> {
        Server {
            cluster: &self.cluster,
            settings: &self.settings,
            credentials: &self.credentials,
            access: &self.access,
        }
    }
}

/// Waits for other commands that change the instance, before anything is read: they may create the
/// cluster, or recreate its node. A home that does not know the instance stays empty.
async fn lock(session: &Session<'_>, context: &Context, command: Ours) -> Result<Option<Lock>> {
    let state = &context.state;
    if state.instance()?.is_none() && Lock::holder(state)?.is_none() {
        return Ok(None);
    }
    Ok(Some(session.lock(command).await?))
}

/// Finds the running server.
pub(super) async fn running(context: &Context, provider: &dyn Provider) -> Result<Running> {
    let cluster = provider.cluster().await?;
    let cluster = cluster.ready(NoCluster::without_agents(&context.name))?;
    let (settings, secrets) = Box::pin(credentials::find(context)).await?;
    let access = provider.access(&settings).await?;
    let values = AccessValues::of(&settings.values.files, &settings.values.sets);
    Ok(Running {
        cluster,
        credentials: values.login(&secrets),
        settings,
        access,
    })
}
