//! `clearml-local logs`.

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use super::{Context, or_interrupted};
use crate::component::Component;
use crate::error::{Code, Explain, Result};
use crate::kube::{Cluster, LogLine, LogOptions};

/// Show what the components say
///
/// All of them, merged by time, unless some are named.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  clearml-local logs
  clearml-local logs apiserver -f
  clearml-local logs elasticsearch mongodb --tail 100
  clearml-local logs apiserver --since 10m --grep 'ERROR|Traceback'")]
pub(super) struct Args {
    /// redis, mongodb, elasticsearch, apiserver, fileserver or webserver
    #[arg(value_name = "COMPONENT", value_parser = component, add = super::completions::components())]
    components: Vec<Component>,
    /// Go on with what comes
    #[arg(short, long)]
    follow: bool,
    /// Only so many lines from the end of each log
    #[arg(long, value_name = "LINES")]
    tail: Option<u32>,
    /// The run before the present one, of components that were restarted
    #[arg(long, conflicts_with = "follow")]
    previous: bool,
    /// Only lines of that last time, such as 10m or 2h
    #[arg(long, value_name = "TIME", value_parser = ago)]
    since: Option<Timestamp>,
    /// Only lines that match a regular expression
    #[arg(long, value_name = "REGEX")]
    grep: Option<Regex>,
    /// Begin each line with its time
    #[arg(long)]
    timestamps: bool,
}

/// The moment that long ago.
fn ago(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("`{text}` is no time; write it as 90s, 10m or 2h");
    let duration: SignedDuration = text.parse().map_err(|_| wrong())?;
    if duration.is_negative() {
        return Err(wrong());
    }
    Timestamp::now().checked_sub(duration).map_err(|_| wrong())
}

fn component(name: &str) -> Result<Component, String> {
    Component::from_name(name).ok_or_else(|| {
        let names: Vec<&str> = Component::ALL.iter().map(|c| c.name()).collect();
        format!("there is no such component; there are {}", names.join(", "))
    })
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<u8> {
    let kubeconfig = context.state.kubeconfig()?.ok_or_else(|| NoCluster {
        name: context.name.to_string(),
    })?;
    let options = LogOptions {
        components: args.components.clone(),
        tail: args.tail,
        follow: args.follow,
        previous: args.previous,
        since: args.since,
    };
    let work = async {
        let cluster = Cluster::connect(&kubeconfig).await?;
        let mut logs = cluster.logs(options).await?;
        let shown = match args.components.as_slice() {
            [] => &Component::ALL,
            named => named,
        };
        let printer = context.output.logs(shown);
        while let Some(line) = logs.next().await {
            let line = line?;
            if args
                .grep
                .as_ref()
                .is_some_and(|grep| !grep.is_match(&line.text))
            {
                continue;
            }
            if context.output.is_json() {
                context.output.json(&json(&line))?;
            } else {
                let time = line.time.filter(|_| args.timestamps);
                let time = time.map_or_else(String::new, |time| format!("{time:.3} "));
                printer.print(line.component, &format!("{time}{}", line.text))?;
            }
            if context.output.is_closed() {
                break;
            }
        }
        Ok(0)
    };
    if args.follow {
        // Ctrl-C is how one ends following, and no failure.
        return tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => Ok(0),
        };
    }
    or_interrupted(work, "see fewer lines: clearml-local logs --tail 100").await
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
#[error("the instance `{name}` has no cluster, and so there are no logs")]
struct NoCluster {
    name: String,
}

impl Explain for NoCluster {
    fn code(&self) -> Code {
        Code::Usage
    }

    fn hints(&self) -> Vec<String> {
        vec![format!("make it: clearml-local up --name {}", self.name)]
    }
}
