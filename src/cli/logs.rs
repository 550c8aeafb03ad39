//! `clearml-local logs`.

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::Context;
use super::signals::{or_interrupted, until_stopped};
use crate::component::Component;
use crate::error::Result;
use crate::event::Events;
use crate::failures::Code;
use crate::hint::{Hint, ours};
use crate::kube::Cluster;
use crate::logs::{self, LogLine, LogOptions, Opened};
use crate::provider::{JournalOptions, NoCluster};

/// Show the logs of the components
///
/// Merges the logs of all components, or of those that you name, by time. Reads the log files in
/// the node if the Kubernetes API does not answer or the node is stopped. Requests by probes are
/// left out.
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
    #[command(flatten)]
    part: LogPart,
    /// Show lines newer than a duration, such as 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = ago)]
    since: Option<Timestamp>,
    /// Show only lines that match a regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<Regex>,
    /// Show requests by probes too
    #[arg(long, conflicts_with = "node")]
    probes: bool,
    /// Show a timestamp on each line
    #[arg(long)]
    timestamps: bool,
}

/// The part of the logs to show.
#[derive(Debug, clap::Args)]
pub(super) struct LogPart {
    /// Follow log output
    #[arg(short, long)]
    pub(super) follow: bool,
    /// Number of lines to show from the end of each log
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
    /// Show the logs of the previous run of restarted containers
    #[arg(long, conflicts_with = "follow")]
    previous: bool,
}

impl LogPart {
    /// Returns the options for this part of all logs.
    pub(super) fn options(&self) -> LogOptions {
        LogOptions {
            tail: self.tail,
            follow: self.follow,
            previous: self.previous,
            ..LogOptions::default()
        }
    }
}

/// Parses a duration and returns the time that long ago.
fn ago(text: &str) -> Result<Timestamp, String> {
    let invalid = || {
        format!("invalid duration `{text}`: expected a number with a unit, such as 90s, 10m or 2h")
    };
    let duration: SignedDuration = text.parse().map_err(|_| invalid())?;
    if duration.is_negative() {
        return Err(invalid());
    }
    Timestamp::now()
        .checked_sub(duration)
        .map_err(|_| invalid())
}

pub(super) fn component(name: &str) -> Result<Component, String> {
    Component::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Component::ALL.iter().map(|c| c.name()).collect();
        format!("unknown component: expected {}", names.join(", "))
    })
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    if !args.part.follow {
        let next = Hint::run("show fewer lines", ours!(Logs, "--tail 100"));
        return or_interrupted(show(args, context), next).await;
    }
    // Ctrl-C is the normal way to stop following, not a failure.
    until_stopped(show(args, context)).await
}

async fn show(args: &Args, context: &Context) -> Result<u8> {
    if args.node {
        return show_node(args, context).await;
    }
    let Opened {
        mut logs,
        fallback_reason,
    } = open(&args.options(), context).await?;
    if let Some(why) = fallback_reason {
        let text = format!("{why}: the logs are read from its files");
        context.output.warn(&text);
    }
    let shown = match args.components.as_slice() {
        [] => &Component::ALL,
        named => named,
    };
    let printer = context.output.logs(shown);
    while let Some(line) = logs.next().await {
        let line = line?;
        if !args.matches(&line.text) {
            continue;
        }
        if context.output.is_json() {
            context.output.json(&json(&line))?;
        } else {
            let text = args.with_timestamp(line.time, &line.text);
            match line.component {
                Some(component) => printer.print(component, &text)?,
                None => printer.print_as(&line.pod, 0, &text)?,
            }
        }
        if context.output.is_closed() {
            break;
        }
    }
    Ok(0)
}

/// Opens the logs. Connects to the place where the server runs only if the stored connection to
/// its cluster does not work.
async fn open(options: &LogOptions, context: &Context) -> Result<Opened> {
    let stored = context.state.kubeconfig()?;
    if let Some(kubeconfig) = &stored
        // A damaged file is as good as none.
        && let Ok(cluster) = Cluster::connect(kubeconfig).await
        && let Some(opened) = logs::from_api(options, cluster).await?
    {
        return Ok(opened);
    }
    let opened = async {
        let provider = context.provider(&Events::silent()).await?;
        provider.logs(options).await
    };
    match opened.await {
        // The instance is unknown, and Docker cannot be asked.
        Err(error)
            if error.code() == Code::DockerUnreachable
                && stored.is_none()
                && context.state.instance()?.is_none() =>
        {
            Err(NoCluster::without_logs(&context.name).into())
        }
        opened => opened,
    }
}

/// Shows the journal of the node.
async fn show_node(args: &Args, context: &Context) -> Result<u8> {
    let options = JournalOptions {
        tail: args.part.tail,
        follow: args.part.follow,
        since: args.since,
    };
    let provider = context.provider(&Events::silent()).await?;
    let (node, mut journal) = provider.journal(options).await?;
    let units = ["kubelet", "containerd", "systemd"];
    let printer = context.output.logs_named(&units);
    while let Some(line) = journal.next().await? {
        if !args.matches(&line.text) {
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
            let index = units.iter().position(|unit| *unit == line.unit);
            let text = args.with_timestamp(line.time, &line.text);
            printer.print_as(&line.unit, index.unwrap_or(units.len()), &text)?;
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
            since: self.since,
            probes: self.probes,
            ..self.part.options()
        }
    }

    fn matches(&self, text: &str) -> bool {
        self.grep.as_ref().is_none_or(|grep| grep.is_match(text))
    }

    fn with_timestamp(&self, time: Option<Timestamp>, text: &str) -> String {
        let time = time.filter(|_| self.timestamps);
        let time = time.map_or_else(String::new, |time| format!("{time:.3} "));
        format!("{time}{text}")
    }
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
