//! The end of the log of the container that a component is stuck at.

use std::collections::VecDeque;
use std::time::Duration;

use ::kube::api::LogParams;

use super::log_filter::is_probe;
use super::{Cluster, Error};
use crate::diagnose::{ComponentObservation, ContainerObservation, ContainerState, LogTail};

/// How many lines are read for one that is kept: most of the others are probes'.
const PROBES: i64 = 4;
/// The bound of reading a log's end.
const READ: Duration = Duration::from_secs(10);

impl Cluster {
    /// The last lines of the container that keeps a component from being ready,
    /// init containers included; of the instance before when it was started again;
    /// of the first container when nothing is wrong. Empty where nothing has run.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn last_lines(
        &self,
        seen: &ComponentObservation,
        lines: i64,
    ) -> Result<LogTail, Error> {
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
        if !has_run(container) {
            return Ok(tail);
        }
        let parameters = LogParams {
            container: Some(container.name.clone()),
            previous: tail.previous,
            tail_lines: Some(lines * PROBES),
            ..LogParams::default()
        };
        let read = async {
            let mut kept = VecDeque::new();
            if let Some(mut log) = self.open_log(&pod.name, &parameters).await? {
                while let Some(line) = log.next().await? {
                    if is_probe(seen.component, &line.text) {
                        continue;
                    }
                    if kept.len() >= usize::try_from(lines).unwrap_or(0) {
                        kept.pop_front();
                    }
                    kept.push_back(line.text);
                }
            }
            Ok::<_, Error>(Vec::from(kept))
        };
        tail.lines = tokio::time::timeout(READ, read)
            .await
            .map_err(|_| Error::Timeout {
                what: format!("read the log of {}", pod.name),
                after: READ,
            })??;
        Ok(tail)
    }
}

/// A container that runs again says little yet; how it ended is in the log before.
/// One that waits to run again shows its last instance by itself.
fn is_previous(container: &ContainerObservation) -> bool {
    let running = matches!(container.state, ContainerState::Running { .. });
    running && !container.ready && container.restarts > 0 && container.last.is_some()
}

fn has_run(container: &ContainerObservation) -> bool {
    match container.state {
        ContainerState::Waiting { .. } => container.last.is_some(),
        ContainerState::Running { .. } | ContainerState::Terminated(_) => true,
    }
}
