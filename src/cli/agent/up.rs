//! `clearml-local agent up`.

use serde_json::json;

use super::{lock, running};
use crate::agent::{self, Wanted};
use crate::cli::Context;
use crate::cli::context::environment;
use crate::cli::signals::or_interrupted;
use crate::error::Result;
use crate::hint::{Hint, ours};
use crate::image_ref::ImageRef;
use crate::options::WaitOptions;
use crate::settings::{AgentOptions, Amount, Cpu, Memory, Queue, VariableOption, variables};

/// Start an agent, or change it
///
/// Installs pods that execute the tasks of a queue, and waits until the server knows them. An
/// image without clearml-agent gets it from PyPI, once. Options that you leave out keep their
/// values; `--memory default`, `--cpu default`, `--gpus=0` and `--env NAME-` undo them. `up` installs
/// the agent again after `down`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local agent up
  clearml-local agent up --replicas 2 --memory 4Gi
  clearml-local agent up --queue gpu --gpus --image pytorch/pytorch
  clearml-local agent up --env AWS_ACCESS_KEY_ID --env AWS_SECRET_ACCESS_KEY
  clearml-local agent up --memory default --env AWS_ACCESS_KEY_ID-")]
pub(in crate::cli) struct Args {
    /// Queue whose tasks to execute; created if it is missing
    #[arg(long, value_name = "QUEUE", default_value = "default", value_parser = super::queue)]
    queue: Queue,
    /// Number of pods, each of which executes one task at a time [default: 1]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=100))]
    replicas: Option<u16>,
    /// Image of the pods, with Python [default: python:3.11]
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    image: Option<ImageRef>,
    /// Memory of each pod [default: half of the memory, in an existing cluster 4Gi]
    #[arg(long, value_name = "AMOUNT")]
    memory: Option<Amount<Memory>>,
    /// Processors of each pod [default: all that are free]
    #[arg(long, value_name = "NUMBER")]
    cpu: Option<Amount<Cpu>>,
    /// GPUs of each pod [default without a number: 1]
    #[arg(long, value_name = "NUMBER", num_args = 0..=1, require_equals = true, default_missing_value = "1")]
    gpus: Option<u16>,
    /// Environment variable of the tasks; NAME as in your environment, NAME- to remove it
    #[arg(long, value_name = "NAME[=VALUE]")]
    env: Vec<VariableOption>,
    #[command(flatten)]
    wait: WaitOptions,
}

fn image(text: &str) -> Result<ImageRef, String> {
    text.parse()
        .map_err(|error: crate::image_ref::Invalid| error.to_string())
}

pub(in crate::cli) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let options = AgentOptions {
        replicas: args.replicas,
        image: args.image.clone(),
        memory: args.memory.clone(),
        cpu: args.cpu.clone(),
        gpus: args.gpus,
        env: variables(&args.env, environment)?,
    };
    let events = &context.events();
    let work = async {
        let provider = context.provider(events).await?;
        let session = context.session(&*provider, events);
        let lock = lock(&session, context, ours!(Agent, "up")).await?;
        let found = running(context, &*provider).await?;
        let wanted = Wanted {
            queue: &args.queue,
            options,
            request: &context.request(context.only_wait(&args.wait), false),
        };
        agent::up(&session, &found.server(), wanted, lock).await
    };
    let next = Hint::run("see how the agents are", ours!(Agent, "status"));
    let installed = or_interrupted(Box::pin(work), next).await?;
    let agent = &installed.agent;
    context.output.end_progress();
    let output = &context.output;
    if output.is_json() {
        let done = json!({
            "name": context.name,
            "queue": agent.queue,
            "replicas": agent.replicas,
            "image": agent.image,
            "changed": installed.changed,
        });
        output.event("agent-ready", &done)?;
        return Ok(0);
    }
    let workers = match agent.replicas {
        1 => "1 worker executes".to_owned(),
        many => format!("{many} workers execute"),
    };
    let unchanged = match installed.changed {
        true => "",
        false => "; nothing changed",
    };
    let queue = &agent.queue;
    output.note(&format!(
        "{workers} the tasks of the queue `{queue}`{unchanged}."
    ));
    Ok(0)
}
