//! `clearml-local logs`.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::Context;
use super::signals::{or_interrupted, until_stopped};
use crate::component::Component;
use crate::docker::{Container, Engine};
use crate::error::{Code, Error, Explain, Result};
use crate::kube::{Cluster, LogLine, LogOptions, Logs};
use crate::node;
use crate::node::logs::{FileLogs, Journal, JournalOptions};
use crate::recovery;

/// How long the Kubernetes API may take to list the pods.
const PATIENCE: Duration = Duration::from_secs(5);

/// Show the logs of the components
///
/// Merged by time; of all components unless you name some. Reads the files in the node if
/// the Kubernetes API does not answer or the node is stopped. Leaves out lines about
/// requests of probes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local logs
  clearml-local logs apiserver -f
  clearml-local logs elasticsearch mongodb --tail 100
  clearml-local logs apiserver --since 10m --grep 'ERROR|Traceback'
  clearml-local logs --node --since 10m --grep '(?i)error'")]
pub(super) struct Args {
    /// apiserver, fileserver, webserver, redis, mongodb, elasticsearch
    #[arg(value_name = "COMPONENT", value_parser = component, add = super::completions::components())]
    components: Vec<Component>,
    /// Show the journal of the kubelet and containerd
    #[arg(long, conflicts_with_all = ["components", "previous"])]
    node: bool,
    /// Follow the logs
    #[arg(short, long)]
    follow: bool,
    /// Show the last lines of each log only
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
    /// Show the previous run of restarted components
    #[arg(long, conflicts_with = "follow")]
    previous: bool,
    /// Show lines newer than this, such as 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = ago)]
    since: Option<Timestamp>,
    /// Show lines that match a regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<Regex>,
    /// Show requests of probes too
    #[arg(long, conflicts_with = "node")]
    probes: bool,
    /// Start each line with its time
    #[arg(long)]
    timestamps: bool,
}

/// The moment that long ago.
fn ago(text: &str) -> Result<Timestamp, String> {
    let wrong = || {
        format!("invalid duration `{text}`: expected a number with a unit, such as 90s, 10m or 2h")
    };
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    if duration.is_negative() {
        return Err(wrong());
    }
    Timestamp::now().checked_sub(duration).map_err(|_| wrong())
}

fn component(name: &str) -> Result<Component, String> {
    Component::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Component::ALL.iter().map(|c| c.name()).collect();
        format!("unknown component: expected {}", names.join(", "))
    })
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    if !args.follow {
        let left = "show fewer lines: clearml-local logs --tail 100";
        return or_interrupted(show(args, context), left).await;
    }
    // Ctrl-C is how one ends following, and no failure.
    until_stopped(show(args, context)).await
}

async fn show(args: &Args, context: &Context) -> Result<u8> {
    if args.node {
        return show_node(args, context).await;
    }
    let mut logs = open(args.options(), context).await?;
    let shown = match args.components.as_slice() {
        [] => &Component::ALL,
        named => named,
    };
    let printer = context.output.logs(shown);
    while let Some(line) = logs.next().await {
        let line = line?;
        if !args.wants(&line.text) {
            continue;
        }
        if context.output.is_json() {
            context.output.json(&json(&line))?;
        } else {
            printer.print(line.component, &args.stamped(line.time, &line.text))?;
        }
        if context.output.is_closed() {
            break;
        }
    }
    Ok(0)
}

/// What the node itself says.
async fn show_node(args: &Args, context: &Context) -> Result<u8> {
    let (engine, node) = node(context).await?;
    if !node.is_awake() {
        return Err(asleep(&node, context));
    }
    let node = node.name;
    let options = JournalOptions {
        tail: args.tail,
        follow: args.follow,
        since: args.since,
    };
    let mut journal = Journal::open(&*engine, &node, options).await?;
    let units = ["kubelet", "containerd", "systemd"];
    let printer = context.output.logs_of(&units);
    while let Some(line) = journal.next().await? {
        if !args.wants(&line.text) {
            continue;
        }
        if context.output.is_json() {
            context.output.json(&serde_json::json!({
                "node": node,
                "unit": line.unit,
                "time": line.time.map(|time| time.to_string()),
                "text": line.text,
            }))?;
        } else {
            let place = units.iter().position(|unit| *unit == line.unit);
            let text = args.stamped(line.time, &line.text);
            printer.print_as(&line.unit, place.unwrap_or(units.len()), &text)?;
        }
        if context.output.is_closed() {
            break;
        }
    }
    Ok(0)
}

impl Args {
    fn options(&self) -> LogOptions {
        LogOptions {
            components: self.components.clone(),
            tail: self.tail,
            follow: self.follow,
            previous: self.previous,
            since: self.since,
            probes: self.probes,
        }
    }

    fn wants(&self, text: &str) -> bool {
        self.grep.as_ref().is_none_or(|grep| grep.is_match(text))
    }

    fn stamped(&self, time: Option<Timestamp>, text: &str) -> String {
        let time = time.filter(|_| self.timestamps);
        let time = time.map_or_else(String::new, |time| format!("{time:.3} "));
        format!("{time}{text}")
    }
}

/// The components' logs, from where they can be had.
enum Source {
    Api(Logs),
    Files(FileLogs),
}

impl Source {
    async fn next(&mut self) -> Option<Result<LogLine>> {
        match self {
            Source::Api(logs) => logs.next().await.map(|line| Ok(line?)),
            Source::Files(logs) => logs.next().await.map(|line| Ok(line?)),
        }
    }
}

/// Asks the Kubernetes API, and reads the node's files where it does not answer.
async fn open(options: LogOptions, context: &Context) -> Result<Source> {
    let kept = context.state.kubeconfig()?;
    if let Some(kubeconfig) = &kept
        && let Some(logs) = from_api(&options, kubeconfig).await?
    {
        return Ok(logs);
    }
    let (engine, node) = match node(context).await {
        // Nothing is known of it, and nobody can be asked.
        Err(_) if kept.is_none() && context.state.instance()?.is_none() => {
            let name = context.name.to_string();
            return Err(NoCluster { name }.into());
        }
        found => found?,
    };
    let seen = context.state.node()?;
    // Another home may have made the node, or recreated it.
    if (kept.is_none() || seen.is_some_and(|seen| seen != node.id))
        && node.is_awake()
        && node::is_bootstrapped(&*engine, &node.name).await?
        && let kubeconfig = node::kubeconfig(&*engine, &node.name).await?
        && let Some(logs) = from_api(&options, &kubeconfig).await?
    {
        return Ok(logs);
    }
    if !node.is_awake() && options.follow {
        return Err(asleep(&node, context));
    }
    let (why, logs) = if node.is_awake() {
        let logs = FileLogs::open(engine, &node.name, options).await?;
        ("the Kubernetes API does not answer", logs)
    } else {
        let logs = FileLogs::of_stopped(engine, &node.name, options).await?;
        match node.paused {
            true => ("the node is paused", logs),
            false => ("the node is stopped", logs),
        }
    };
    let text = format!("{why}: the logs are read from its files");
    context.output.warn(&text);
    Ok(Source::Files(logs))
}

/// The logs from the Kubernetes API; none where it does not answer.
async fn from_api(options: &LogOptions, kubeconfig: &str) -> Result<Option<Source>> {
    let cluster = Cluster::connect(kubeconfig).await?;
    match tokio::time::timeout(PATIENCE, cluster.logs(options.clone())).await {
        Ok(Ok(logs)) => Ok(Some(Source::Api(logs))),
        Ok(Err(error)) if !error.is_transient() => Err(error.into()),
        Ok(Err(_)) | Err(_) => Ok(None),
    }
}

/// The engine, and the instance's node on it.
async fn node(context: &Context) -> Result<(Arc<dyn Engine>, Container)> {
    let engine = context.engine().await?;
    match recovery::node_of(&context.name, &engine).await? {
        Some(found) => Ok((Arc::new(engine), found)),
        None => Err(NoCluster {
            name: context.name.to_string(),
        }
        .into()),
    }
}

fn asleep(node: &Container, context: &Context) -> Error {
    Asleep {
        name: context.name.to_string(),
        how: if node.paused { "paused" } else { "stopped" },
    }
    .into()
}

fn json(line: &LogLine) -> serde_json::Value {
    serde_json::json!({
        "component": line.component,
        "pod": line.pod,
        "container": line.container,
        "time": line.time.map(|time| time.to_string()),
        "text": line.text,
    })
}

/// There is nothing to read from.
#[derive(Debug, thiserror::Error)]
#[error("instance `{name}` has no cluster, so there are no logs")]
struct NoCluster {
    name: String,
}

impl Explain for NoCluster {
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![format!("create it: clearml-local up --name {}", self.name)]
    }
}

/// The node is there, and what was asked for can be had only while it runs.
#[derive(Debug, thiserror::Error)]
#[error("instance `{name}` is {how}: cannot read its journal or follow its logs")]
struct Asleep {
    name: String,
    how: &'static str,
}

impl Explain for Asleep {
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec!["start it: clearml-local start".to_owned()]
    }
}
