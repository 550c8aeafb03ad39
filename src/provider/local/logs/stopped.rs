//! The log files of a stopped node. The engine returns them as one archive, one file after
//! the other. To merge them by time, they are copied to temporary files, which no other user
//! can read and which disappear with the process.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::{self, StreamExt};

use super::files::{File, runs};
use crate::archive::Tar;
use crate::docker::{Engine, Error};
use crate::error::Result;
use crate::files;
use crate::logs::lines::{Lines, engine_error};
use crate::logs::{Entries, Log, LogOptions, Part, Source, record};

/// The number of bytes to read from a file at once.
const CHUNK: usize = 64 << 10;

/// Copies of the log files of a stopped node, each of which is read once.
pub(super) struct Stopped {
    logs: Vec<Log>,
    copies: Mutex<HashMap<String, fs::File>>,
}

impl Stopped {
    /// Copies the files below /var/log/pods.
    pub(super) async fn copy(
        engine: &dyn Engine,
        node: &str,
        options: &LogOptions,
    ) -> Result<Stopped> {
        let archive = engine.archive(node, "/var/log/pods");
        let reader = archive.map_err(io::Error::other).into_async_read();
        let mut tar = Tar::new(reader);
        let mut found = Vec::new();
        let mut copies = HashMap::new();
        while let Some(entry) = tar.next().await.map_err(engine_error)? {
            let file = File::at(&format!("/var/log/{}", entry.path));
            if let Some(file) = file.filter(|file| options.includes(file.component)) {
                let mut copy = files::temporary()?;
                tar.copy(&mut copy).await.map_err(engine_error)?;
                copies.insert(file.path.clone(), copy);
                found.push(file);
            }
        }
        let logs = runs(found, options.previous).into_iter();
        Ok(Stopped {
            logs: logs.map(Log::from).collect(),
            copies: Mutex::new(copies),
        })
    }
}

#[async_trait]
impl Source for Stopped {
    /// A stopped node writes no logs.
    fn period(&self) -> Duration {
        Duration::MAX
    }

    async fn list(&self) -> Result<Vec<Log>> {
        Ok(self.logs.clone())
    }

    async fn open(&self, log: &Log, part: Part) -> Result<Option<Entries>> {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(copy) = copies.remove(&log.key) else {
            return Ok(None);
        };
        let lines = lines(copy, part.tail)?;
        Ok(Some(record::entries(lines, part.since)))
    }
}

/// Returns the lines of a file, or only the last ones.
fn lines(mut file: fs::File, tail: Option<u32>) -> Result<Lines, Error> {
    let begin = match tail {
        Some(lines) => tail_offset(&mut file, lines).map_err(engine_error)?,
        None => 0,
    };
    file.seek(SeekFrom::Start(begin)).map_err(engine_error)?;
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        let read = file.read(&mut chunk).map_err(engine_error)?;
        chunk.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(chunk), file)))
    });
    Ok(Lines::new(chunks.boxed()))
}

/// Returns the offset at which the last lines of a file start.
fn tail_offset(file: &mut (impl Read + Seek), lines: u32) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(end);
    }
    let mut found = 0;
    let mut after = end;
    while after > 0 {
        let begin = after.saturating_sub(CHUNK as u64);
        let mut chunk = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        file.by_ref().take(after - begin).read_to_end(&mut chunk)?;
        for (place, _) in chunk.iter().enumerate().rev().filter(|(_, b)| **b == b'\n') {
            let next = begin + place as u64 + 1;
            // The newline of the last line does not count.
            found += u32::from(next < end);
            if found == lines {
                return Ok(next);
            }
        }
        after = begin;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn finds_the_offset_of_the_last_lines() {
        let of = |text: &str, lines| {
            let begin = tail_offset(&mut Cursor::new(text.as_bytes()), lines).unwrap();
            text[usize::try_from(begin).unwrap()..].to_owned()
        };
        assert_eq!(of("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(of("a\nb\nc", 2), "b\nc");
        assert_eq!(of("a\nb\n", 0), "");
        assert_eq!(of("a\nb\n", 3), "a\nb\n");
        assert_eq!(of("", 3), "");
        let long = "y".repeat(CHUNK * 2);
        assert_eq!(of(&format!("x\n{long}\nz\n"), 2), format!("{long}\nz\n"));
    }
}
