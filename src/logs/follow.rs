//! Reads existing lines and then follows new ones, through restarts and replacements of
//! pods.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::merge::{FilteredLog, merge};
use super::{Log, LogLine, LogOptions, Part, Source};
use crate::error::Result;

type Sender = mpsc::Sender<Result<LogLine>>;

/// How far a log has been read.
#[derive(Debug, Clone, Copy, Default)]
struct Read {
    last: Option<Timestamp>,
    /// The run that was read.
    run: u32,
    /// Whether to skip the lines that existed at the start: `--tail 0`.
    skip: bool,
    /// Whether a task is reading it.
    active: bool,
}

/// Sends the lines of these logs, and with `follow` all later ones.
pub(super) async fn read(
    source: Arc<dyn Source>,
    logs: Vec<Log>,
    options: LogOptions,
    sender: Sender,
) {
    let read = merged(&*source, logs, &options, &sender).await;
    if let Some(read) = read.filter(|_| options.follow) {
        follow(&source, &options, read, &sender).await;
    }
}

/// Sends the existing lines, merged by time. Returns how far each log has been read; `None`
/// if the receiver was dropped.
async fn merged(
    source: &dyn Source,
    logs: Vec<Log>,
    options: &LogOptions,
    sender: &Sender,
) -> Option<HashMap<String, Read>> {
    let opening = logs.into_iter().map(|log| async move {
        let part = Part {
            previous: options.previous,
            follow: false,
            tail: options.source_tail(log.component),
            since: options.since,
        };
        let entries = source.open(&log, part).await;
        (log, entries)
    });
    let mut read = HashMap::new();
    let mut opened = Vec::new();
    for (log, entries) in join_all(opening).await {
        let state = read.entry(log.key.clone()).or_insert(Read {
            run: log.run,
            skip: options.tail == Some(0),
            ..Read::default()
        });
        match entries {
            Ok(Some(entries)) => opened.push(Ok(FilteredLog::new(log, entries, options))),
            // The container waits for its start: its first run must still be read.
            Ok(None) => state.run = 0,
            Err(error) => opened.push(Err(error)),
        }
    }
    let note = |log: &Log, time| {
        if let Some(read) = read.get_mut(&log.key) {
            read.last = std::cmp::max(time, read.last);
        }
    };
    merge(opened, note, sender).await?;
    Some(read)
}

/// Follows all logs, including new ones and those of restarts.
async fn follow(
    source: &Arc<dyn Source>,
    options: &LogOptions,
    mut read: HashMap<String, Read>,
    sender: &Sender,
) {
    let mut tasks: JoinSet<(String, Option<Timestamp>)> = JoinSet::new();
    let mut tick = tokio::time::interval(source.period());
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last_listed = Instant::now();
    loop {
        tokio::select! {
            () = sender.closed() => return,
            Some(Ok((key, last))) = tasks.join_next(), if !tasks.is_empty() => {
                if let Some(read) = read.get_mut(&key) {
                    read.active = false;
                    read.last = last.max(read.last);
                }
            }
            _ = tick.tick() => match source.list().await {
                Ok(logs) => {
                    last_listed = Instant::now();
                    read.retain(|key, read| read.active || logs.iter().any(|log| log.key == *key));
                    for log in logs {
                        if let Some(from) = begin(&log, &mut read) {
                            let (source, options) = (Arc::clone(source), options.clone());
                            tasks.spawn(read_on(source, log, from, options, sender.clone()));
                        }
                    }
                }
                Err(error) if last_listed.elapsed() < source.outage(&error) => {}
                Err(error) => {
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            },
        }
    }
}

/// The position from which a log is read further.
#[derive(Debug, Clone, Copy)]
struct Start {
    last: Option<Timestamp>,
    /// Whether the previous run may have unread lines.
    previous: bool,
    skip: bool,
}

/// Marks a log as being read, if it may have more lines.
fn begin(log: &Log, read: &mut HashMap<String, Read>) -> Option<Start> {
    let is_new = !read.contains_key(&log.key);
    let read = read.entry(log.key.clone()).or_default();
    let restarted = log.run > read.run;
    if read.active || !(is_new || restarted || log.may_grow) {
        return None;
    }
    read.active = true;
    read.run = log.run;
    read.skip &= read.last.is_none() && !restarted;
    Some(Start {
        last: read.last,
        previous: restarted && read.last.is_some(),
        skip: read.skip,
    })
}

/// Reads one log until it ends or the connection breaks; returns its key and the time until
/// which it was read.
async fn read_on(
    source: Arc<dyn Source>,
    log: Log,
    from: Start,
    options: LogOptions,
    sender: Sender,
) -> (String, Option<Timestamp>) {
    let mut last = from.last;
    let current = Part {
        previous: false,
        follow: true,
        tail: from.skip.then_some(0),
        since: last.or(options.since),
    };
    let previous = Part {
        previous: true,
        follow: false,
        ..current
    };
    let parts = from.previous.then_some(previous).into_iter();
    for part in parts.chain([current]) {
        let Ok(Some(entries)) = source.open(&log, part).await else {
            continue;
        };
        let opened = Timestamp::now();
        let mut shown = FilteredLog::new(log.clone(), entries, &options);
        while let Ok(Some(line)) = shown.next().await {
            // The source may repeat lines that were sent already.
            if last.is_some() && line.time <= last {
                continue;
            }
            last = line.time.or(last);
            if sender.send(Ok(line)).await.is_err() {
                return (log.key, last);
            }
        }
        if part.tail == Some(0) {
            // Without a line, it is read on from here.
            last = last.or(Some(opened));
        }
    }
    (log.key, last)
}
