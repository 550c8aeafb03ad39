//! The lines that are shown of several logs, merged by time.

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{LastLines, LogLine, LogOptions};
use crate::component::Component;

/// A log that is read line by line.
pub(crate) trait LogSource {
    /// Why it cannot be read on.
    type Error;

    /// The component whose log it is.
    fn component(&self) -> Component;

    /// The next line; `None` at the end.
    fn line(&mut self) -> impl Future<Output = Result<Option<LogLine>, Self::Error>> + Send;
}

/// What is shown of a log.
pub(crate) struct Shown<S> {
    pub(crate) source: S,
    options: LogOptions,
    /// Where its tail is counted here: the lines so far, then the last ones.
    tail: Option<LastLines>,
    at_end: bool,
}

impl<S: LogSource> Shown<S> {
    pub(crate) fn new(source: S, options: &LogOptions) -> Shown<S> {
        Shown {
            source,
            options: options.clone(),
            tail: None,
            at_end: false,
        }
    }

    /// Keeps only as many lines from the end as the options want, where the source
    /// has not counted them.
    #[must_use]
    pub(crate) fn until_its_end(mut self) -> Shown<S> {
        self.tail = self.options.last_lines(self.source.component());
        self
    }

    /// The next line that is shown; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<LogLine>, S::Error> {
        while !self.at_end {
            let Some(line) = self.source.line().await? else {
                self.at_end = true;
                break;
            };
            if !self.options.shows(line.component, &line.text) {
                continue;
            }
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
pub(crate) async fn merge<S: LogSource>(
    opened: Vec<Result<Shown<S>, S::Error>>,
    mut note: impl FnMut(&S, Option<Timestamp>),
    sender: &mpsc::Sender<Result<LogLine, S::Error>>,
) -> Option<()> {
    let mut heads: Vec<(LogLine, Shown<S>)> = Vec::new();
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
        note(&shown.source, line.time);
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
