//! Logs, merged, followed and filtered in the same way for every source. This module reads the
//! logs of components and agents from the Kubernetes API; a provider may have other sources.

mod api;
mod connect;
mod filter;
mod follow;
mod last_lines;
pub(crate) mod lines;
mod merge;
pub(crate) mod record;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(crate) use self::connect::{Opened, from_api, of_agents};
pub(crate) use self::last_lines::last_lines;
use crate::component::Component;
use crate::error::{Error, Result};

/// The number of lines that are read ahead.
const QUEUE: usize = 256;

/// Which lines of the components' logs to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// The components; empty for all.
    pub components: Vec<Component>,
    /// Only this many lines from the end of each container's log, without those that are
    /// filtered out.
    pub tail: Option<u32>,
    /// Also lines that are written later.
    pub follow: bool,
    /// The previous run of containers that were restarted.
    pub previous: bool,
    /// Only lines since this time.
    pub since: Option<Timestamp>,
    /// Also lines that only report an answered probe.
    pub probes: bool,
}

impl LogOptions {
    pub(crate) fn includes(&self, component: Component) -> bool {
        self.components.is_empty() || self.components.contains(&component)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// `None` for a pod of an agent.
    pub component: Option<Component>,
    pub pod: String,
    pub container: String,
    pub time: Option<Timestamp>,
    /// The line without the newline.
    pub text: String,
}

/// A stream of lines. Dropping it stops the reading.
#[derive(Debug)]
pub struct Logs {
    lines: mpsc::Receiver<Result<LogLine>>,
    /// Aborted when this value is dropped.
    _reading: JoinSet<()>,
}

impl Logs {
    /// Starts reading the logs of a source. Existing lines are merged by time; with
    /// `follow`, new lines are returned as they are written, also those of new logs. Keeps
    /// only a few lines per log in memory.
    pub(crate) async fn read(source: Arc<dyn Source>, options: LogOptions) -> Result<Logs> {
        let logs = source.list().await?;
        let (sender, lines) = mpsc::channel(QUEUE);
        let mut reading = JoinSet::new();
        reading.spawn(follow::read(source, logs, options, sender));
        Ok(Logs {
            lines,
            _reading: reading,
        })
    }

    /// Returns the next line; `None` at the end, which does not occur when following.
    pub async fn next(&mut self) -> Option<Result<LogLine>> {
        self.lines.recv().await
    }
}

/// A source of the components' logs.
#[async_trait]
pub(crate) trait Source: Send + Sync {
    /// How often the logs are listed while following.
    fn period(&self) -> Duration;

    async fn list(&self) -> Result<Vec<Log>>;

    /// Opens a log. `None` if it has no lines yet or no longer exists.
    async fn open(&self, log: &Log, part: Part) -> Result<Option<Entries>>;

    /// How long listing may fail with this error while following.
    fn outage(&self, _: &Error) -> Duration {
        Duration::ZERO
    }
}

/// A log of a source: that of a container or of one of its runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// Unique within the source.
    pub(crate) key: String,
    /// `None` for a pod of an agent.
    pub(crate) component: Option<Component>,
    pub(crate) pod: String,
    pub(crate) container: String,
    /// The number of earlier runs of the container.
    pub(crate) run: u32,
    /// Whether more lines may be written to it.
    pub(crate) may_grow: bool,
}

/// The part of a log to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// The previous run of the container.
    pub(crate) previous: bool,
    /// Also lines that are written later.
    pub(crate) follow: bool,
    /// Only this many of the existing lines.
    pub(crate) tail: Option<u32>,
    /// Only lines since this time; earlier lines of the same second may be included.
    pub(crate) since: Option<Timestamp>,
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) time: Option<Timestamp>,
    pub(crate) text: String,
}

/// The entries of a log, oldest first.
pub(crate) type Entries = BoxStream<'static, Result<Entry>>;
