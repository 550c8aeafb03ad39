//! The lines that are shown of several logs, merged by time.

use futures_util::TryStreamExt;
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::filter::LastLines;
use super::{Entries, Log, LogLine, LogOptions};
use crate::error::Result;

/// What is shown of a log.
pub(super) struct Shown {
    log: Log,
    entries: Entries,
    options: LogOptions,
    /// Where its tail is counted here: the lines so far, then the last ones.
    tail: Option<LastLines>,
    at_end: bool,
}

impl Shown {
    pub(super) fn new(log: Log, entries: Entries, options: &LogOptions) -> Shown {
        Shown {
            log,
            entries,
            options: options.clone(),
            tail: None,
            at_end: false,
        }
    }

    /// Keeps only as many lines from the end as the options want, where the source
    /// has not counted them.
    #[must_use]
    pub(super) fn until_its_end(mut self) -> Shown {
        self.tail = self.options.last_lines(self.log.component);
        self
    }

    /// The next line that is shown; `None` at the end.
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

/// Sends the lines of several logs to their ends, merged by time. `note` learns how far
/// each is read. `None` when nobody listens any more.
pub(super) async fn merge(
    opened: Vec<Result<Shown>>,
    mut note: impl FnMut(&Log, Option<Timestamp>),
    sender: &mpsc::Sender<Result<LogLine>>,
) -> Option<()> {
    let mut heads: Vec<(LogLine, Shown)> = Vec::new();
    for opened in opened {
        let head = match opened {
            Ok(shown) => {
                let mut shown = shown.until_its_end();
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
