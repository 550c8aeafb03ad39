//! The logs' files of a node that is stopped. The engine gives them as one
//! archive, one file after the other: to be merged by time they are put into
//! temporary files that nobody else sees and that go with the process.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::{self, StreamExt};

use super::lines::{Lines, engine_error};
use super::tar::Tar;
use crate::docker::{Engine, Error};
use crate::error::Result;
use crate::files;

/// How much of a file is read at once.
const PIECE: usize = 64 << 10;

/// Copies the files below /var/log/pods that `wanted` knows by their path in the
/// node.
pub(super) async fn copies<T>(
    engine: &dyn Engine,
    node: &str,
    wanted: impl Fn(&str) -> Option<T>,
) -> Result<Vec<(T, fs::File)>> {
    let archive = engine.archive(node, "/var/log/pods");
    let reader = archive.map_err(io::Error::other).into_async_read();
    let mut tar = Tar::new(reader);
    let mut copies = Vec::new();
    while let Some(entry) = tar.next().await.map_err(engine_error)? {
        if let Some(wanted) = wanted(&format!("/var/log/{}", entry.path)) {
            let mut copy = files::temporary()?;
            tar.copy(&mut copy).await.map_err(engine_error)?;
            copies.push((wanted, copy));
        }
    }
    Ok(copies)
}

/// The lines of a file, or only so many from its end.
pub(super) fn lines(mut file: fs::File, tail: Option<u32>) -> Result<Lines, Error> {
    let begin = match tail {
        Some(lines) => last_lines(&mut file, lines).map_err(engine_error)?,
        None => 0,
    };
    file.seek(SeekFrom::Start(begin)).map_err(engine_error)?;
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).map_err(engine_error)?;
        piece.truncate(read);
        Ok((read > 0).then(|| (Bytes::from(piece), file)))
    });
    Ok(Lines::new(pieces.boxed()))
}

/// Where the last so many lines of a file begin.
fn last_lines(file: &mut (impl Read + Seek), lines: u32) -> io::Result<u64> {
    let end = file.seek(SeekFrom::End(0))?;
    if lines == 0 {
        return Ok(end);
    }
    let mut found = 0;
    let mut after = end;
    while after > 0 {
        let begin = after.saturating_sub(PIECE as u64);
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(begin))?;
        file.by_ref().take(after - begin).read_to_end(&mut piece)?;
        for (place, _) in piece.iter().enumerate().rev().filter(|(_, b)| **b == b'\n') {
            let next = begin + place as u64 + 1;
            // The last line's own end does not count.
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
    fn the_last_lines_begin_where_tail_begins() {
        let of = |text: &str, lines| {
            let begin = last_lines(&mut Cursor::new(text.as_bytes()), lines).unwrap();
            text[usize::try_from(begin).unwrap()..].to_owned()
        };
        assert_eq!(of("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(of("a\nb\nc", 2), "b\nc");
        assert_eq!(of("a\nb\n", 0), "");
        assert_eq!(of("a\nb\n", 3), "a\nb\n");
        assert_eq!(of("", 3), "");
        let long = "y".repeat(PIECE * 2);
        assert_eq!(of(&format!("x\n{long}\nz\n"), 2), format!("{long}\nz\n"));
    }
}
