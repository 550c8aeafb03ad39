//! Filters logs and merges their lines by time.

use futures_util::TryStreamExt;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::filter::LastLines;
use super::{Entries, Log, LogLine, LogOptions};
use crate::error::Result;

/// A log without the lines that are hidden.
pub(super) struct FilteredLog {
    log: Log,
    entries: Entries,
    options: LogOptions,
    /// The last lines so far, if the tail is applied here and not by the source.
    tail: Option<LastLines>,
    at_end: bool,
}

impl FilteredLog {
    pub(super) fn new(log: Log, entries: Entries, options: &LogOptions) -> FilteredLog {
        FilteredLog {
            log,
            entries,
            options: options.clone(),
            tail: None,
            at_end: false,
        }
    }

    /// Applies the tail of the options, if the source does not.
    #[must_use]
    pub(super) fn with_tail(mut self) -> FilteredLog {
        self.tail = self.options.last_lines(self.log.component);
        self
    }

    /// Returns the next line; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<LogLine>> {
        while !self.at_end {
            let Some(entry) = self.entries.try_next().await? else {
                self.at_end = true;
                break;
            };
            if !self.options.shows(self.log.component, &entry.text) {
                continue;
            }
            let line = LogLine {
                component: self.log.component,
                pod: self.log.pod.clone(),
                container: self.log.container.clone(),
                time: entry.time,
                text: entry.text,
            };
            match &mut self.tail {
                Some(tail) => tail.add(line),
                None => return Ok(Some(line)),
            }
        }
        Ok(self.tail.as_mut().and_then(LastLines::next))
    }
}

/// Sends all lines of several logs, merged by time. Calls `note` with the time up to which
/// each log has been read. `None` if the receiver was dropped.
pub(super) async fn merge(
    opened: Vec<Result<FilteredLog>>,
    mut note: impl FnMut(&Log, Option<Timestamp>),
    sender: &mpsc::Sender<Result<LogLine>>,
) -> Option<()> {
    let mut heads: Vec<(LogLine, FilteredLog)> = Vec::new();
    for opened in opened {
        let head = match opened {
            Ok(shown) => {
                let mut shown = shown.with_tail();
                let line = shown.next().await;
                line.map(|line| line.map(|line| (line, shown)))
            }
            Err(error) => Err(error),
        };
        match head {
            Ok(head) => heads.extend(head),
            Err(error) => sender.send(Err(error)).await.ok()?,
        }
    }
    while let Some(first) = heads
        .iter()
        .enumerate()
        .min_by_key(|(_, (line, _))| line.time)
        .map(|(index, _)| index)
    {
        let (line, shown) = &mut heads[first];
        note(&shown.log, line.time);
        let line = match shown.next().await {
            Ok(Some(following)) => std::mem::replace(line, following),
            Ok(None) => heads.swap_remove(first).0,
            Err(error) => {
                sender.send(Err(error)).await.ok()?;
                heads.swap_remove(first).0
            }
        };
        sender.send(Ok(line)).await.ok()?;
    }
    Some(())
}
