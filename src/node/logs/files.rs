//! The files of the containers' logs below /var/log/pods: merged by time, and
//! followed through restarts and replacements of their pods.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::lines::{Lines, Parts};
use super::stopped;
use crate::component::{Component, NAMESPACE};
use crate::docker::{Engine, Error, exec_ok};
use crate::kube::{LogLine, LogOptions, LogSource, Shown, merge};

/// How many lines wait for their reader; more stay in the node.
const QUEUE: usize = 256;
/// How often new files are looked for while following.
const PERIOD: Duration = Duration::from_secs(2);
/// Lists the files; that there are none is no failure.
const LIST: &str = r#"ls -d /var/log/pods/"$1"_*/*/*.log 2>/dev/null || true"#;

/// Lines as they come. Dropping it ends the reading.
#[derive(Debug)]
pub struct FileLogs {
    lines: mpsc::Receiver<Result<LogLine, Error>>,
    /// Ends with this value.
    _reading: JoinSet<()>,
}

impl FileLogs {
    /// Begins to read the logs' files in a node that runs. What is there already
    /// comes merged by time; with `follow`, new lines come as they are written.
    /// Holds a few lines per file in memory, however long the logs are.
    ///
    /// # Errors
    /// When the engine does not answer; errors after that come among the lines.
    pub async fn open(
        engine: Arc<dyn Engine>,
        node: &str,
        options: LogOptions,
    ) -> Result<FileLogs, Error> {
        let node = Node {
            engine,
            name: node.to_owned(),
            options,
        };
        let files = node.files().await?;
        let (sender, lines) = mpsc::channel(QUEUE);
        let mut reading = JoinSet::new();
        reading.spawn(async move {
            let read = node.merged(files, &sender).await;
            if let Some(read) = read.filter(|_| node.options.follow) {
                node.follow(read, &sender).await;
            }
        });
        Ok(FileLogs {
            lines,
            _reading: reading,
        })
    }

    /// The same for a node that is stopped; there is nothing to follow.
    ///
    /// # Errors
    /// When the engine does not give the files, or there is no place for copies of them.
    pub async fn of_stopped(
        engine: Arc<dyn Engine>,
        node: &str,
        options: LogOptions,
    ) -> crate::error::Result<FileLogs> {
        let node = Node {
            engine,
            name: node.to_owned(),
            options,
        };
        let wanted = |path: &str| file(path).filter(|file| node.wants(file));
        let copies = stopped::copies(&*node.engine, &node.name, wanted).await?;
        let files = copies.iter().map(|(file, _)| file.clone()).collect();
        let mut copies: HashMap<String, fs::File> = copies
            .into_iter()
            .map(|(file, copy)| (file.path, copy))
            .collect();
        let mut opened = Vec::new();
        for file in runs(files, usize::from(node.options.previous)) {
            if let Some(copy) = copies.remove(&file.path) {
                let tail = node.options.tail_of_source(file.component);
                let lines = stopped::lines(copy, tail)?;
                opened.push(Ok(node.opened(file, lines)));
            }
        }
        let (sender, lines) = mpsc::channel(QUEUE);
        let mut reading = JoinSet::new();
        reading.spawn(async move {
            merged(opened, &mut HashMap::new(), &sender).await;
        });
        Ok(FileLogs {
            lines,
            _reading: reading,
        })
    }

    /// The next line; `None` at the end, which following has none of.
    pub async fn next(&mut self) -> Option<Result<LogLine, Error>> {
        self.lines.recv().await
    }
}

/// The log of one run of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
struct File {
    component: Component,
    pod: String,
    uid: String,
    container: String,
    /// How many runs were before it.
    run: u32,
    path: String,
}

/// How far a file is read, by its path.
#[derive(Debug, Clone, Copy, Default)]
struct Read {
    last: Option<Timestamp>,
    /// Whether what was there at the beginning is left out: `--tail 0`.
    skip: bool,
    /// Whether a task reads it now.
    active: bool,
}

impl File {
    /// Whether it is an init container's that waits for another component.
    fn waits(&self) -> bool {
        self.container.starts_with("wait-for-")
    }
}

type Sender = mpsc::Sender<Result<LogLine, Error>>;

#[derive(Clone)]
struct Node {
    engine: Arc<dyn Engine>,
    name: String,
    options: LogOptions,
}

impl Node {
    /// The files that the options mean.
    async fn files(&self) -> Result<Vec<File>, Error> {
        let argv = ["sh", "-c", LIST, "sh", NAMESPACE];
        let listed = exec_ok(
            &*self.engine,
            &self.name,
            "list the logs in the node",
            &argv,
        )
        .await?;
        let files = listed.lines().filter_map(file);
        let files = files.filter(|file| self.wants(file));
        Ok(runs(files.collect(), usize::from(self.options.previous)))
    }

    fn wants(&self, file: &File) -> bool {
        let wanted = &self.options.components;
        wanted.is_empty() || wanted.contains(&file.component)
    }

    fn opened(&self, file: File, lines: Lines) -> Shown<Open> {
        let open = Open {
            file,
            lines,
            parts: Parts::default(),
            since: self.options.since,
        };
        Shown::new(open, &self.options)
    }

    async fn read(&self, file: File, arguments: &[&str]) -> Result<Shown<Open>, Error> {
        let argv = [&["tail"], arguments, &[file.path.as_str()]].concat();
        let stream = self
            .engine
            .exec_stream(&self.name, "read a log in the node", &argv, None)
            .await?;
        Ok(self.opened(file, Lines::new(stream)))
    }

    /// Sends what is there, merged by time; says how far each file is read. `None`
    /// when nobody listens any more.
    async fn merged(&self, files: Vec<File>, sender: &Sender) -> Option<HashMap<String, Read>> {
        let mut read: HashMap<String, Read> = HashMap::new();
        let opening = files.into_iter().map(|file| {
            let skip = self.options.tail == Some(0);
            let begun = Read {
                skip,
                ..Read::default()
            };
            read.insert(file.path.clone(), begun);
            let tail = self.options.tail_of_source(file.component);
            let from = tail.map_or("+1".to_owned(), |tail| tail.to_string());
            async move { self.read(file, &["-n", &from]).await }
        });
        let opening: Vec<_> = opening.collect();
        merged(join_all(opening).await, &mut read, sender).await?;
        Some(read)
    }

    /// Follows all files, and looks for new ones: a restart begins one.
    async fn follow(&self, mut read: HashMap<String, Read>, sender: &Sender) {
        let mut tasks: JoinSet<(String, Option<Timestamp>)> = JoinSet::new();
        let mut tick = tokio::time::interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = sender.closed() => return,
                Some(Ok((path, last))) = tasks.join_next(), if !tasks.is_empty() => {
                    if let Some(read) = read.get_mut(&path) {
                        read.active = false;
                        read.last = last.max(read.last);
                    }
                }
                _ = tick.tick() => match self.files().await {
                    Ok(files) => {
                        for file in files {
                            let read = read.entry(file.path.clone()).or_default();
                            if read.active {
                                continue;
                            }
                            read.active = true;
                            let skip = read.skip && read.last.is_none();
                            let node = self.clone();
                            let (last, sender) = (read.last, sender.clone());
                            tasks.spawn(async move { node.read_on(file, last, skip, sender).await });
                        }
                    }
                    Err(error) => {
                        let _ = sender.send(Err(error)).await;
                        return;
                    }
                },
            }
        }
    }

    /// Reads one file on until the command or the connection ends; returns its path
    /// and the time of the last line.
    async fn read_on(
        self,
        file: File,
        mut last: Option<Timestamp>,
        skip: bool,
        sender: Sender,
    ) -> (String, Option<Timestamp>) {
        let path = file.path.clone();
        // By name: the kubelet puts a new file in the place of one that grew large.
        let from = if skip { "0" } else { "+1" };
        if let Ok(mut open) = self.read(file, &["-n", from, "-F"]).await {
            while let Ok(Some(line)) = open.next().await {
                if last.is_some() && line.time <= last {
                    continue;
                }
                last = line.time;
                if sender.send(Ok(line)).await.is_err() {
                    break;
                }
            }
        }
        (path, last)
    }
}

/// A file that is read.
struct Open {
    file: File,
    lines: Lines,
    parts: Parts,
    since: Option<Timestamp>,
}

impl LogSource for Open {
    type Error = Error;

    fn component(&self) -> Component {
        self.file.component
    }

    async fn line(&mut self) -> Result<Option<LogLine>, Error> {
        loop {
            let (time, text) = match self.lines.next().await? {
                Some(line) => match self.parts.add(&line) {
                    Some(whole) => whole,
                    None => continue,
                },
                None => match self.parts.rest() {
                    Some(rest) => rest,
                    None => return Ok(None),
                },
            };
            if self.since.is_none_or(|since| time >= since) {
                return Ok(Some(LogLine {
                    component: self.file.component,
                    pod: self.file.pod.clone(),
                    container: self.file.container.clone(),
                    time: Some(time),
                    text,
                }));
            }
        }
    }
}

/// Sends the lines of these files, merged by time, and notes how far each is read.
/// `None` when nobody listens any more.
async fn merged(
    opened: Vec<Result<Shown<Open>, Error>>,
    read: &mut HashMap<String, Read>,
    sender: &Sender,
) -> Option<()> {
    let note = |open: &Open, time| {
        if let Some(read) = read.get_mut(&open.file.path) {
            read.last = std::cmp::max(time, read.last);
        }
    };
    merge(opened, note, sender).await
}

/// What a path says: `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/RUN.log`.
fn file(path: &str) -> Option<File> {
    let mut parts = path.rsplit('/');
    let run = parts.next()?.strip_suffix(".log")?.parse().ok()?;
    let container = parts.next()?.to_owned();
    let mut of_pod = parts.next()?.split('_');
    let (_, pod, uid) = (of_pod.next()?, of_pod.next()?, of_pod.next()?);
    let component = Component::of_pod(pod)?;
    Some(File {
        component,
        pod: pod.to_owned(),
        uid: uid.to_owned(),
        container,
        run,
        path: path.to_owned(),
    })
}

/// Of each container the run that is so many before the last. What a pod's
/// container waited for is told only until the container itself speaks, as it is
/// through the Kubernetes API.
fn runs(mut files: Vec<File>, before: usize) -> Vec<File> {
    let speaking: HashSet<String> = files
        .iter()
        .filter(|file| !file.waits())
        .map(|file| file.uid.clone())
        .collect();
    files.retain(|file| !file.waits() || !speaking.contains(&file.uid));
    files.sort_by(|a, b| {
        let key = |file: &File| (file.component, file.uid.clone(), file.container.clone());
        key(a).cmp(&key(b)).then(b.run.cmp(&a.run))
    });
    let containers = files.chunk_by(|a, b| (&a.uid, &a.container) == (&b.uid, &b.container));
    containers
        .filter_map(|files| files.get(before).cloned())
        .collect()
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
