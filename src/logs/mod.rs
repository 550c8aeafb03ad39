//! Logs: one merge, one follow and one filter for all of them, whichever the source. The
//! components' logs come from the Kubernetes API, from the files in a node that runs, or
//! from those of a stopped one; the journal of the node comes from the node.

mod api;
mod files;
mod filter;
mod follow;
mod journal;
mod last_lines;
mod lines;
mod merge;
mod open;
mod record;
mod stopped;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub use self::journal::{Journal, JournalOptions};
pub(crate) use self::last_lines::last_lines;
pub use self::open::{Opened, open, open_journal};
use crate::component::Component;
use crate::error::{Error, Result};

/// How many lines wait for their reader; more stay in the source.
const QUEUE: usize = 256;

/// Which lines to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogOptions {
    /// Of which components; none means all.
    pub components: Vec<Component>,
    /// Only this many of the lines that are shown, from the end of each container's log.
    pub tail: Option<u32>,
    /// Also what is written later.
    pub follow: bool,
    /// The previous run, of containers that were restarted.
    pub previous: bool,
    /// Only lines since then.
    pub since: Option<Timestamp>,
    /// Also lines that only say that a probe was answered.
    pub probes: bool,
}

impl LogOptions {
    fn wants(&self, component: Component) -> bool {
        self.components.is_empty() || self.components.contains(&component)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// The component that wrote it.
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
    lines: mpsc::Receiver<Result<LogLine>>,
    /// Ends with this value.
    _reading: JoinSet<()>,
}

impl Logs {
    /// Begins to read the logs of a source. What is there already comes merged by time;
    /// with `follow`, new lines come as they are written, also in logs that begin
    /// later. Holds a few lines per log in memory, however long they are.
    async fn read(source: Arc<dyn Source>, options: LogOptions) -> Result<Logs> {
        let logs = source.list().await?;
        let (sender, lines) = mpsc::channel(QUEUE);
        let mut reading = JoinSet::new();
        reading.spawn(follow::read(source, logs, options, sender));
        Ok(Logs {
            lines,
            _reading: reading,
        })
    }

    /// The next line; `None` at the end, which following has none of.
    pub async fn next(&mut self) -> Option<Result<LogLine>> {
        self.lines.recv().await
    }
}

/// Where the logs of components are read.
#[async_trait]
trait Source: Send + Sync {
    /// How often new logs are looked for while following.
    fn period(&self) -> Duration;

    /// The logs that there are.
    async fn list(&self) -> Result<Vec<Log>>;

    /// Begins to read a log. `None` when there is nothing to read yet, or any more.
    async fn open(&self, log: &Log, part: Part) -> Result<Option<Entries>>;

    /// How long the logs may fail to be listed with this error while following.
    fn patience(&self, _: &Error) -> Duration {
        Duration::ZERO
    }
}

/// One log of a source: of a container, or of one run of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Log {
    /// Tells it apart from the others of its source.
    key: String,
    component: Component,
    pod: String,
    container: String,
    /// How many runs the container had before.
    run: u32,
    /// Whether more may be written to it.
    grows: bool,
}

/// Which part of a log is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Part {
    /// The previous run.
    previous: bool,
    /// Also what is written later.
    follow: bool,
    /// Only this many lines of what is there.
    tail: Option<u32>,
    /// Only lines since then; earlier ones of the same second may come too.
    since: Option<Timestamp>,
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    time: Option<Timestamp>,
    text: String,
}

/// The entries of a log, oldest first.
type Entries = BoxStream<'static, Result<Entry>>;
