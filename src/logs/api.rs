//! Logs from the Kubernetes API, which has the current and the previous run of each
//! container.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;
use tokio::time::timeout;

use super::lines::next_line;
use super::{Entries, Entry, Log, LogOptions, Part, Source};
use crate::component::Component;
use crate::diagnose::{ContainerObservation, ContainerState, PodObservation};
use crate::error::{Error, Result};
use crate::kube::{self, Cluster, LogReader, LogRequest};

/// How often the pods are listed while following, to find new ones and restarts.
const PERIOD: Duration = Duration::from_millis(700);
/// How long the API server may be unreachable while following.
const OUTAGE: Duration = Duration::from_secs(90);
/// How long the API server may take for the next part of what a log already has.
const LIMIT: Duration = Duration::from_secs(20);
/// How long a followed log may have no new lines before it is opened again from its last line:
/// a connection may be dead without an end.
const SILENCE: Duration = Duration::from_secs(60);

/// The containers of pods.
pub(super) struct Api {
    pub(super) cluster: Cluster,
    pub(super) pods: Pods,
    pub(super) options: LogOptions,
}

/// The pods whose logs are read.
pub(super) enum Pods {
    /// Those of the components that the options name.
    Components,
    Agents {
        instance: String,
        /// The name of the agent's objects; `None` for all agents.
        agent: Option<String>,
    },
}

impl Api {
    /// Returns the pods, each with its component if it has one.
    async fn pods(&self) -> Result<Vec<(Option<Component>, PodObservation)>, kube::Error> {
        Ok(match &self.pods {
            Pods::Components => {
                let pods = self.cluster.pods().await?.into_iter();
                pods.filter(|(component, _)| self.options.includes(*component))
                    .map(|(component, pod)| (Some(component), pod))
                    .collect()
            }
            Pods::Agents { instance, agent } => {
                let pods = self.cluster.agent_pods(instance, agent.as_deref()).await?;
                pods.into_iter().map(|pod| (None, pod)).collect()
            }
        })
    }
}

#[async_trait]
impl Source for Api {
    fn period(&self) -> Duration {
        PERIOD
    }

    async fn list(&self) -> Result<Vec<Log>> {
        let mut logs = Vec::new();
        for (component, pod) in self.pods().await? {
            let init = pod.init.iter().filter(|container| !container.is_done());
            let containers = init.chain(&pod.containers);
            let readable = containers.filter(|one| has_log(one, self.options.previous));
            logs.extend(readable.map(|container| log_of(&pod, container, component)));
        }
        Ok(logs)
    }

    async fn open(&self, log: &Log, part: Part) -> Result<Option<Entries>> {
        Ok(open(&self.cluster, log, part).await?)
    }

    fn outage(&self, error: &Error) -> Duration {
        let error = error.downcast_ref::<kube::Error>();
        match error.is_some_and(kube::Error::is_transient) {
            true => OUTAGE,
            false => Duration::ZERO,
        }
    }
}

/// Returns the log of a container.
pub(super) fn log_of(
    pod: &PodObservation,
    container: &ContainerObservation,
    component: Option<Component>,
) -> Log {
    Log {
        key: format!("{}/{}", pod.uid, container.name),
        component,
        pod: pod.name.clone(),
        container: container.name.clone(),
        run: container.restarts,
        may_grow: matches!(container.state, ContainerState::Running { .. }),
    }
}

/// Opens the log of a container.
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
            follow: part.follow,
            last: None,
        };
        let next = |mut lines: Lines| async move {
            let entry = lines.next().await?;
            Ok::<_, Error>(entry.map(|entry| (entry, lines)))
        };
        stream::try_unfold(lines, next).boxed()
    }))
}

/// Whether a container has a log, either of its current run or of the previous one.
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
    follow: bool,
    /// The time of the last line, for the rest of a line that was split.
    last: Option<Timestamp>,
}

impl Lines {
    /// Returns the next line; `None` at the end.
    async fn next(&mut self) -> Result<Option<Entry>, kube::Error> {
        let limit = if self.follow { SILENCE } else { LIMIT };
        let line = match timeout(limit, next_line(&mut self.reader)).await {
            Ok(line) => line,
            Err(_) if self.follow => return Ok(None),
            Err(_) => {
                return Err(kube::Error::Timeout {
                    what: format!("read the log of {}", self.pod),
                    after: limit,
                });
            }
        };
        let line = line.map_err(|source| kube::Error::Log {
            pod: self.pod.clone(),
            source,
        })?;
        Ok(line.map(|bytes| self.entry(&String::from_utf8_lossy(&bytes))))
    }

    /// Splits off the time that the kubelet wrote before the line.
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
