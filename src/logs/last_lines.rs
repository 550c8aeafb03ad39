//! The end of the log of the container that a component is stuck at.

use std::time::Duration;

use super::api::{has_log, open};
use super::merge::Shown;
use super::{Log, LogOptions, Part};
use crate::diagnose::{ComponentObservation, ContainerObservation, ContainerState, LogTail};
use crate::error::Result;
use crate::kube::{Cluster, Error};

/// How many lines are read for one that is kept, of those that answer probes: most of
/// the others say so.
const PROBES: u32 = 4;
/// The bound of reading a log's end.
const READ: Duration = Duration::from_secs(10);

/// The last lines of the container that keeps a component from being ready,
/// init containers included; of the instance before when it was started again;
/// of the first container when nothing is wrong. Empty where nothing has run.
///
/// # Errors
/// When the server does not answer.
pub(crate) async fn last_lines(
    cluster: &Cluster,
    seen: &ComponentObservation,
    lines: u32,
) -> Result<LogTail> {
    let Some(pod) = seen.pod() else {
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
    let log = Log {
        key: String::new(),
        component: seen.component,
        pod: pod.name.clone(),
        container: container.name.clone(),
        run: container.restarts,
        grows: false,
    };
    let options = LogOptions {
        tail: Some(lines),
        ..LogOptions::default()
    };
    // The whole log would be too much here.
    let counted = options.tail_of_source(seen.component);
    let part = Part {
        previous: tail.previous,
        tail: Some(counted.unwrap_or(lines * PROBES)),
        ..Part::default()
    };
    let read = async {
        let mut kept = Vec::new();
        if let Some(entries) = open(cluster, &log, part).await? {
            let mut shown = Shown::new(log, entries, &options).until_its_end();
            while let Some(line) = shown.next().await? {
                kept.push(line.text);
            }
        }
        Ok::<_, crate::error::Error>(kept)
    };
    tail.lines = tokio::time::timeout(READ, read)
        .await
        .map_err(|_| Error::Timeout {
            what: format!("read the log of {}", pod.name),
            after: READ,
        })??;
    Ok(tail)
}

/// A container that runs again says little yet; how it ended is in the log before.
/// One that waits to run again shows its last instance by itself.
fn is_previous(container: &ContainerObservation) -> bool {
    let running = matches!(container.state, ContainerState::Running { .. });
    running && !container.ready && container.restarts > 0 && container.last.is_some()
}
