//! The logs of the components and the journal of the node.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Sources;
use super::archive::Archive;
use super::gather::{Reading, in_time, reason};
use super::text::Tail;
use crate::component::Component;
use crate::error::Result;
use crate::kube::Cluster;
use crate::logs::{LogOptions, Logs, from_api};
use crate::provider::{JournalOptions, Provider};

/// How long reading the logs may take. What was read until then is kept.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The number of lines that are read of each log.
const LINES: u32 = 20_000;
/// The number of logs in memory at once. Pods that fail again and again leave many.
const LOGS: usize = 60;

/// Adds the logs of the components, of this and of the previous run, and the journal.
pub(super) async fn add(
    sources: &Sources<'_>,
    cluster: Option<&Cluster>,
    archive: &mut Archive,
) -> Result<()> {
    let provider = match sources.provider {
        Ok(provider) => provider,
        Err(error) => {
            archive.unread("logs", reason(error));
            return Ok(());
        }
    };
    let mut reading = Reading::start(sources.events, "logs");
    for previous in [false, true] {
        let (logs, failure) = read(provider, cluster, previous).await;
        reading.read(logs.len());
        for (path, tail) in logs {
            archive.tail(&path, tail)?;
        }
        if let Some(why) = failure {
            let part = if previous {
                "logs of previous runs"
            } else {
                "logs"
            };
            archive.unread(part, why);
            reading.failed();
        }
    }
    reading.finish();
    if !provider.has_own_node() {
        return Ok(());
    }
    let mut reading = Reading::start(sources.events, "journal");
    match in_time(TIMEOUT, journal(provider)).await {
        Ok(tail) => {
            archive.tail("node/journal.log", tail)?;
            reading.read(1);
        }
        Err(why) => {
            archive.unread("node/journal.log", why);
            reading.failed();
        }
    }
    reading.finish();
    Ok(())
}

/// Returns the logs by their paths in the bundle, and why they are incomplete, if they are.
async fn read(
    provider: &dyn Provider,
    cluster: Option<&Cluster>,
    previous: bool,
) -> (BTreeMap<String, Tail>, Option<String>) {
    let options = LogOptions {
        tail: Some(LINES),
        previous,
        probes: true,
        ..LogOptions::default()
    };
    let mut found = BTreeMap::new();
    let reading = async {
        let mut logs = open(provider, cluster, &options).await?;
        while let Some(line) = logs.next().await {
            let line = line?;
            let path = format!(
                "logs/{}/{}.{}{}.log",
                line.component.map_or("agent", Component::name),
                line.pod,
                line.container,
                if previous { ".previous" } else { "" }
            );
            if found.len() >= LOGS && !found.contains_key(&path) {
                continue;
            }
            let time = line
                .time
                .map_or_else(String::new, |time| format!("{time} "));
            let log: &mut Tail = found.entry(path).or_default();
            log.push(format!("{time}{}", line.text));
        }
        Ok(())
    };
    let failure = in_time(TIMEOUT, reading).await.err();
    (found, failure)
}

async fn open(
    provider: &dyn Provider,
    cluster: Option<&Cluster>,
    options: &LogOptions,
) -> Result<Logs> {
    if let Some(cluster) = cluster
        && let Some(opened) = from_api(options, cluster.clone()).await?
    {
        return Ok(opened.logs);
    }
    Ok(provider.logs(options).await?.logs)
}

async fn journal(provider: &dyn Provider) -> Result<Tail> {
    let options = JournalOptions {
        tail: Some(LINES),
        ..JournalOptions::default()
    };
    let (_, mut journal) = provider.journal(options).await?;
    let mut tail = Tail::default();
    while let Some(line) = journal.next().await? {
        let time = line
            .time
            .map_or_else(String::new, |time| format!("{time} "));
        tail.push(format!("{time}{} {}", line.unit, line.text));
    }
    Ok(tail)
}
