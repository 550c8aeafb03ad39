//! The last log lines of the container that keeps a component from being ready.

use std::time::Duration;

use super::api::{has_log, log_of, open};
use super::merge::FilteredLog;
use super::{LogOptions, Part};
use crate::diagnose::{ComponentObservation, ContainerObservation, ContainerState, LogTail};
use crate::error::Result;
use crate::kube::{Cluster, Error};

/// How many lines to read for each line to keep from a component whose log has lines about
/// probes, which are most of them.
const PROBE_FACTOR: u32 = 4;
/// The timeout of reading the lines.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the last log lines of the container that keeps a component from being ready,
/// init containers included: those of its previous run if it was restarted. If nothing is
/// wrong, they are those of the first container. Empty if no container has run.
pub(crate) async fn last_lines(
    cluster: &Cluster,
    observation: &ComponentObservation,
    lines: u32,
) -> Result<LogTail> {
    let Some(pod) = observation.pod() else {
        return Ok(LogTail::default());
    };
    let container = pod.blocking().map(|(container, _)| container);
    let Some(container) = container.or(pod.containers.first()) else {
        return Ok(LogTail::default());
    };
    let mut tail = LogTail {
        container: container.name.clone(),
        previous: is_previous(container),
        lines: Vec::new(),
    };
    if !has_log(container, false) {
        return Ok(tail);
    }
    let component = Some(observation.component);
    let log = log_of(pod, container, component);
    let options = LogOptions {
        tail: Some(lines),
        ..LogOptions::default()
    };
    // The complete log would be too much.
    let source_tail = options.source_tail(component);
    let part = Part {
        previous: tail.previous,
        tail: Some(source_tail.unwrap_or(lines * PROBE_FACTOR)),
        ..Part::default()
    };
    let read = async {
        let mut texts = Vec::new();
        if let Some(entries) = open(cluster, &log, part).await? {
            let mut shown = FilteredLog::new(log, entries, &options).with_tail();
            while let Some(line) = shown.next().await? {
                texts.push(line.text);
            }
        }
        Ok::<_, crate::error::Error>(texts)
    };
    tail.lines = tokio::time::timeout(TIMEOUT, read)
        .await
        .map_err(|_| Error::Timeout {
            what: format!("read the log of {}", pod.name),
            after: TIMEOUT,
        })??;
    Ok(tail)
}

/// Whether to read the previous run. A container that was just restarted has few lines yet;
/// the reason for the restart is in the previous log. A container that waits for its restart
/// has that log as its current one.
fn is_previous(container: &ContainerObservation) -> bool {
    let running = matches!(container.state, ContainerState::Running { .. });
    running && !container.ready && container.restarts > 0 && container.last.is_some()
}
