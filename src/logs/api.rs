//! The logs as the Kubernetes API gives them: of each container, the present run and the
//! one before.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::lines::next_line;
use super::{Entries, Entry, Log, LogOptions, Part, Source};
use crate::diagnose::{ContainerObservation, ContainerState};
use crate::error::{Error, Result};
use crate::kube::{self, Cluster, LogReader, LogRequest};

/// How often new pods and restarts are looked for while following.
const PERIOD: Duration = Duration::from_millis(700);
/// How long the API server may be away while following.
const AWAY: Duration = Duration::from_secs(90);

/// The containers of the components' pods.
pub(super) struct Api {
    pub(super) cluster: Cluster,
    pub(super) options: LogOptions,
}

#[async_trait]
impl Source for Api {
    fn period(&self) -> Duration {
        PERIOD
    }

    async fn list(&self) -> Result<Vec<Log>> {
        let mut logs = Vec::new();
        for (component, pod) in self.cluster.pods().await? {
            if !self.options.wants(component) {
                continue;
            }
            let init = pod.init.iter().filter(|container| !container.is_done());
            let containers = init.chain(&pod.containers);
            let readable = containers.filter(|one| has_log(one, self.options.previous));
            logs.extend(readable.map(|container| Log {
                key: format!("{}/{}", pod.uid, container.name),
                component,
                pod: pod.name.clone(),
                container: container.name.clone(),
                run: container.restarts,
                grows: matches!(container.state, ContainerState::Running { .. }),
            }));
        }
        Ok(logs)
    }

    async fn open(&self, log: &Log, part: Part) -> Result<Option<Entries>> {
        Ok(open(&self.cluster, log, part).await?)
    }

    fn patience(&self, error: &Error) -> Duration {
        let error = error.downcast_ref::<kube::Error>();
        match error.is_some_and(kube::Error::is_transient) {
            true => AWAY,
            false => Duration::ZERO,
        }
    }
}

/// Begins to read the log of a container.
pub(super) async fn open(
    cluster: &Cluster,
    log: &Log,
    part: Part,
) -> Result<Option<Entries>, kube::Error> {
    let request = LogRequest {
        container: log.container.clone(),
        previous: part.previous,
        follow: part.follow,
        tail: part.tail,
        since: part.since,
    };
    let reader = cluster.open_log(&log.pod, request).await?;
    Ok(reader.map(|reader| {
        let lines = Lines {
            pod: log.pod.clone(),
            reader,
            last: None,
        };
        let next = |mut lines: Lines| async move {
            let entry = lines.next().await?;
            Ok::<_, Error>(entry.map(|entry| (entry, lines)))
        };
        stream::try_unfold(lines, next).boxed()
    }))
}

/// Whether a container has a log: of its present run, or of the previous one.
pub(super) fn has_log(container: &ContainerObservation, previous: bool) -> bool {
    match container.state {
        _ if previous => container.last.is_some(),
        ContainerState::Waiting { .. } => container.last.is_some(),
        ContainerState::Running { .. } | ContainerState::Terminated(_) => true,
    }
}

/// The lines of one container's log.
struct Lines {
    pod: String,
    reader: LogReader,
    /// For the rest of a line that was cut.
    last: Option<Timestamp>,
}

impl Lines {
    /// The next line; `None` at the end.
    async fn next(&mut self) -> Result<Option<Entry>, kube::Error> {
        let line = next_line(&mut self.reader).await;
        let line = line.map_err(|source| kube::Error::Log {
            pod: self.pod.clone(),
            source,
        })?;
        Ok(line.map(|bytes| self.entry(&String::from_utf8_lossy(&bytes))))
    }

    /// Takes the time off that the kubelet wrote before a line.
    fn entry(&mut self, text: &str) -> Entry {
        let text = text.trim_end_matches('\r');
        let (stamp, rest) = text.split_once(' ').unwrap_or((text, ""));
        let (time, text) = match stamp.parse() {
            Ok(time) => (Some(time), rest),
            Err(_) => (self.last, text),
        };
        self.last = time;
        Entry {
            time,
            text: text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
