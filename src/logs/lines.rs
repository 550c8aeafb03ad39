//! Reads the lines of a stream with bounded memory.

use std::io;
use std::pin::Pin;

use futures_util::TryStreamExt;
use futures_util::io::{AsyncBufRead, AsyncBufReadExt};

use crate::docker::{ByteStream, Error};

/// The maximum length of a line in bytes; a longer line is split.
pub(crate) const LONGEST: usize = 64 * 1024;

/// The lines of a stream of the engine.
pub(crate) struct Lines(Pin<Box<dyn AsyncBufRead + Send>>);

impl Lines {
    pub(crate) fn new(stream: ByteStream) -> Lines {
        Lines(Box::pin(stream.map_err(io::Error::other).into_async_read()))
    }

    /// Returns the next line; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, Error> {
        match next_line(&mut self.0).await {
            Ok(line) => Ok(line.map(|line| String::from_utf8_lossy(&line).into_owned())),
            Err(error) => Err(engine_error(error)),
        }
    }
}

/// Extracts the engine's error from that of a reader.
pub(crate) fn engine_error(error: io::Error) -> Error {
    Error::from_reader("return a log", error)
}

/// Reads up to a newline, the end of the stream or the maximum length.
pub(crate) async fn next_line(
    reader: &mut (impl AsyncBufRead + Unpin + ?Sized),
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let bytes = reader.fill_buf().await?;
        if bytes.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let room = (LONGEST - line.len()).min(bytes.len());
        if let Some(end) = bytes[..room].iter().position(|byte| *byte == b'\n') {
            line.extend_from_slice(&bytes[..end]);
            reader.consume_unpin(end + 1);
            return Ok(Some(line));
        }
        line.extend_from_slice(&bytes[..room]);
        reader.consume_unpin(room);
        if line.len() == LONGEST {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::io::{BufReader, Cursor};

    use super::*;

    async fn all(text: &[u8]) -> Vec<usize> {
        let mut reader = BufReader::with_capacity(7, Cursor::new(text));
        let mut lengths = Vec::new();
        while let Some(line) = next_line(&mut reader).await.unwrap() {
            lengths.push(line.len());
        }
        lengths
    }

    #[tokio::test]
    async fn splits_lines_and_keeps_a_last_one_without_a_newline() {
        assert_eq!(all(b"one\n\nthree and a bit").await, [3, 0, 15]);
        assert_eq!(all(b"").await, [] as [usize; 0]);
    }

    #[tokio::test]
    async fn splits_a_line_that_is_too_long() {
        let text = vec![b'x'; LONGEST + 10];
        assert_eq!(all(&text).await, [LONGEST, 10]);
    }
}
