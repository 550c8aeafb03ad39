//! The components' logs: merged by time, and followed through restarts and
//! replacements of their pods.

use std::collections::HashMap;
use std::time::Duration;

use ::kube::Api;
use ::kube::api::{ListParams, LogParams};
use futures_util::future::join_all;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::client::bounded;
use super::lines::Lines;
use super::{COMPONENT_LABEL, Cluster, Error, LogSource, Shown, convert, merge};
use crate::component::{Component, NAMESPACE};
use crate::diagnose::{ContainerObservation, ContainerState};

/// How many lines wait for their reader; more stay in the server.
const QUEUE: usize = 256;
/// How often new pods and restarts are looked for while following.
const PERIOD: Duration = Duration::from_millis(700);
/// How long the API server may be away while following.
const AWAY: Duration = Duration::from_secs(90);

/// Which lines to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Of which components; none means all.
    pub components: Vec<Component>,
    /// Only so many of the lines that are shown, from the end of each container's log.
    pub tail: Option<u32>,
    /// Go on with what comes.
    pub follow: bool,
    /// The instance before the present one, of containers that were started again.
    pub previous: bool,
    /// Only lines since then.
    pub since: Option<Timestamp>,
    /// Also lines that only say that a probe was answered.
    pub probes: bool,
}

/// One line of a component's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Whose.
    pub component: Component,
    /// From which pod.
    pub pod: String,
    /// From which container.
    pub container: String,
    /// When it was written.
    pub time: Option<Timestamp>,
    /// The line without its end.
    pub text: String,
}

/// Lines as they come. Dropping it ends the reading.
#[derive(Debug)]
pub struct Logs {
    lines: mpsc::Receiver<Result<LogLine, Error>>,
    /// Ends with this value.
    _reading: JoinSet<()>,
}

impl Logs {
    /// The next line; `None` at the end, which following has none of.
    pub async fn next(&mut self) -> Option<Result<LogLine, Error>> {
        self.lines.recv().await
    }
}

/// One container's log.
#[derive(Debug, Clone)]
struct Source {
    component: Component,
    pod: String,
    uid: String,
    container: String,
    /// The instance that is read: how many times it was started again.
    instance: u32,
    running: bool,
}

/// A pod's uid and a container's name.
type Key = (String, String);

/// How far a container's log is read.
#[derive(Debug, Clone, Copy, Default)]
struct Read {
    /// The time of the last line.
    last: Option<Timestamp>,
    /// The instance that was read.
    instance: u32,
    /// Whether a task reads it now.
    active: bool,
}

type Sender = mpsc::Sender<Result<LogLine, Error>>;

impl Cluster {
    /// Reads the components' logs. What is there already comes merged by time; with
    /// `follow`, new lines come as they are written, also from pods that are made
    /// later. Holds a few lines per container in memory, however long the logs are.
    ///
    /// # Errors
    /// When the server does not answer; errors after that come among the lines.
    pub async fn logs(&self, options: LogOptions) -> Result<Logs, Error> {
        let sources = self.sources(&options).await?;
        let (sender, lines) = mpsc::channel(QUEUE);
        let mut reading = JoinSet::new();
        let cluster = self.clone();
        reading.spawn(async move {
            let read = cluster.merged(&options, sources, &sender).await;
            if let Some(read) = read.filter(|_| options.follow) {
                cluster.follow(&options, read, &sender).await;
            }
        });
        Ok(Logs {
            lines,
            _reading: reading,
        })
    }

    /// The containers that have a log.
    async fn sources(&self, options: &LogOptions) -> Result<Vec<Source>, Error> {
        let wanted = |component: &Component| {
            options.components.is_empty() || options.components.contains(component)
        };
        let api: Api<Pod> = Api::namespaced(self.client(), NAMESPACE);
        let labelled = ListParams::default().labels(COMPONENT_LABEL);
        let pods = bounded("list pods", api.list(&labelled)).await?;
        let mut sources = Vec::new();
        for pod in &pods.items {
            let label = pod
                .metadata
                .labels
                .as_ref()
                .and_then(|labels| labels.get(COMPONENT_LABEL));
            let component = label
                .and_then(|name| Component::from_name(name))
                .filter(wanted);
            let Some(component) = component else {
                continue;
            };
            let pod = convert::pod(pod);
            let init = pod.init.iter().filter(|container| !container.is_done());
            for container in init
                .chain(&pod.containers)
                .filter(|one| has_log(one, options))
            {
                sources.push(Source {
                    component,
                    pod: pod.name.clone(),
                    uid: pod.uid.clone(),
                    container: container.name.clone(),
                    instance: container.restarts,
                    running: matches!(container.state, ContainerState::Running { .. }),
                });
            }
        }
        Ok(sources)
    }

    /// Sends what is there, merged by time; says how far each log is read. `None`
    /// when nobody listens any more.
    async fn merged(
        &self,
        options: &LogOptions,
        sources: Vec<Source>,
        sender: &Sender,
    ) -> Option<HashMap<Key, Read>> {
        let mut read = HashMap::new();
        let opening = sources.into_iter().map(|source| async move {
            let parameters = LogParams {
                container: Some(source.container.clone()),
                previous: options.previous,
                tail_lines: options.tail_of_source(source.component).map(i64::from),
                since_time: options.since,
                timestamps: true,
                ..LogParams::default()
            };
            let lines = self.open_log(&source.pod, &parameters).await;
            (source, lines)
        });
        let mut opened = Vec::new();
        for (source, lines) in join_all(opening).await {
            let entry = read.entry(source.key()).or_insert(Read {
                instance: source.instance,
                ..Read::default()
            });
            match lines {
                Ok(Some(lines)) => {
                    opened.push(Ok(Shown::new(Open { source, lines }, options)));
                }
                // It waits to start: its first instance is still to be read.
                Ok(None) => entry.instance = 0,
                Err(error) => opened.push(Err(error)),
            }
        }
        let note = |open: &Open, time| {
            if let Some(read) = read.get_mut(&open.source.key()) {
                read.last = std::cmp::max(time, read.last);
            }
        };
        merge(opened, note, sender).await?;
        Some(read)
    }

    /// Follows all logs, and looks for new ones and for restarts.
    async fn follow(&self, options: &LogOptions, mut read: HashMap<Key, Read>, sender: &Sender) {
        let mut tasks: JoinSet<(Key, Option<Timestamp>)> = JoinSet::new();
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut answered = Instant::now();
        let mut first = true;
        loop {
            tokio::select! {
                () = sender.closed() => return,
                Some(Ok((key, last))) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Some(read) = read.get_mut(&key) {
                        read.active = false;
                        read.last = last.max(read.last);
                    }
                }
                _ = tick.tick() => match self.sources(options).await {
                    Ok(sources) => {
                        answered = Instant::now();
                        let there: Vec<Key> = sources.iter().map(Source::key).collect();
                        read.retain(|key, read| read.active || there.contains(key));
                        for source in sources {
                            let fresh = !read.contains_key(&source.key());
                            let read = read.entry(source.key()).or_default();
                            let again = source.instance > read.instance;
                            if read.active || !(fresh || again || source.running) {
                                continue;
                            }
                            let from = Start {
                                last: read.last,
                                // The former instance may have ended unread.
                                former: again && read.last.is_some(),
                                // `--tail 0` and what was there at the beginning.
                                skip: first && options.tail == Some(0),
                                since: options.since,
                            };
                            read.active = true;
                            read.instance = source.instance;
                            let read_on = self.clone().read_on(source, from, options.clone(), sender.clone());
                            tasks.spawn(read_on);
                        }
                        first = false;
                    }
                    Err(error) if error.is_transient() && answered.elapsed() < AWAY => {}
                    Err(error) => {
                        let _ = sender.send(Err(error)).await;
                        return;
                    }
                },
            }
        }
    }

    /// Reads one container's log until it ends or the connection breaks; returns
    /// the time of the last line.
    async fn read_on(
        self,
        source: Source,
        from: Start,
        options: LogOptions,
        sender: Sender,
    ) -> (Key, Option<Timestamp>) {
        let mut last = from.last;
        let current = LogParams {
            container: Some(source.container.clone()),
            follow: true,
            tail_lines: from.skip.then_some(0),
            since_time: last.or(from.since),
            timestamps: true,
            ..LogParams::default()
        };
        let former = LogParams {
            follow: false,
            previous: true,
            ..current.clone()
        };
        let parts = from.former.then_some(former).into_iter().chain([current]);
        for parameters in parts {
            let Ok(Some(lines)) = self.open_log(&source.pod, &parameters).await else {
                continue;
            };
            let source = source.clone();
            let mut shown = Shown::new(Open { source, lines }, &options);
            // The server's `sinceTime` is of whole seconds: what was sent is skipped.
            while let Ok(Some(line)) = shown.next().await {
                if last.is_some() && line.time <= last {
                    continue;
                }
                last = line.time.or(last);
                if sender.send(Ok(line)).await.is_err() {
                    return (shown.source.source.key(), last);
                }
            }
        }
        (source.key(), last)
    }
}

/// A log that is read.
struct Open {
    source: Source,
    lines: Lines,
}

impl LogSource for Open {
    type Error = Error;

    fn component(&self) -> Component {
        self.source.component
    }

    async fn line(&mut self) -> Result<Option<LogLine>, Error> {
        Ok(self.lines.next().await?.map(|line| LogLine {
            component: self.source.component,
            pod: self.source.pod.clone(),
            container: self.source.container.clone(),
            time: line.time,
            text: line.text,
        }))
    }
}

/// From where a log is read on.
#[derive(Debug, Clone, Copy)]
struct Start {
    last: Option<Timestamp>,
    former: bool,
    skip: bool,
    since: Option<Timestamp>,
}

impl Source {
    fn key(&self) -> Key {
        (self.uid.clone(), self.container.clone())
    }
}

fn has_log(container: &ContainerObservation, options: &LogOptions) -> bool {
    if options.previous {
        return container.last.is_some();
    }
    match container.state {
        ContainerState::Waiting { .. } => container.last.is_some(),
        ContainerState::Running { .. } | ContainerState::Terminated(_) => true,
    }
}

#[cfg(test)]
#[path = "logs_tests.rs"]
mod tests;
