//! Lines of what a command in the node writes, and what a line of a container's
//! log file says.

use std::io;
use std::pin::Pin;

use futures_util::TryStreamExt;
use futures_util::io::AsyncBufRead;
use jiff::Timestamp;

use crate::docker::{ByteStream, Error};
use crate::kube::{LONGEST_LINE, next_line};

/// The lines of a stream, read with bounded memory.
pub(super) struct Lines(Pin<Box<dyn AsyncBufRead + Send>>);

impl Lines {
    pub(super) fn new(stream: ByteStream) -> Lines {
        Lines(Box::pin(stream.map_err(io::Error::other).into_async_read()))
    }

    /// The next line; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<String>, Error> {
        match next_line(&mut self.0).await {
            Ok(line) => Ok(line.map(|line| String::from_utf8_lossy(&line).into_owned())),
            Err(error) => Err(engine_error(error)),
        }
    }
}

/// The engine's error inside of one of a reader.
pub(super) fn engine_error(error: io::Error) -> Error {
    Error::of_reader("return a log", error)
}

/// One record of a container's log file, as the container runtime writes it:
/// `TIME stdout|stderr F|P TEXT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record<'a> {
    time: Timestamp,
    stderr: bool,
    /// Whether the line ends with it.
    full: bool,
    text: &'a str,
}

fn record(line: &str) -> Option<Record<'_>> {
    let mut words = line.splitn(4, ' ');
    let time = words.next()?.parse().ok()?;
    let stderr = match words.next()? {
        "stdout" => false,
        "stderr" => true,
        _ => return None,
    };
    // More tags may follow the first, behind colons.
    let full = match words.next()?.split(':').next()? {
        "F" => true,
        "P" => false,
        _ => return None,
    };
    Some(Record {
        time,
        stderr,
        full,
        text: words.next().unwrap_or_default(),
    })
}

/// Puts lines together that were written in parts.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Of standard output and of standard error, each with its first part's time.
    open: [Option<(Timestamp, String)>; 2],
}

impl Parts {
    /// The whole line that ends with this one of the file, if one does.
    pub(super) fn add(&mut self, line: &str) -> Option<(Timestamp, String)> {
        let record = record(line)?;
        let open = &mut self.open[usize::from(record.stderr)];
        let (_, text) = open.get_or_insert_with(|| (record.time, String::new()));
        text.push_str(record.text.trim_end_matches('\r'));
        if record.full || text.len() >= LONGEST_LINE {
            return open.take();
        }
        None
    }

    /// A line whose end was not written.
    pub(super) fn rest(&mut self) -> Option<(Timestamp, String)> {
        self.open.iter_mut().find_map(Option::take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(lines: &[&str]) -> Vec<String> {
        let mut parts = Parts::default();
        let whole = lines.iter().filter_map(|line| parts.add(line));
        let mut texts: Vec<String> = whole.map(|(_, text)| text).collect();
        texts.extend(parts.rest().map(|(_, text)| text));
        texts
    }

    #[test]
    fn records_say_time_stream_and_whether_the_line_ends() {
        let found = record("2026-11-23T13:11:28.123456789Z stderr F a  b ").unwrap();
        assert_eq!(found.time.to_string(), "2026-11-23T13:11:28.123456789Z");
        assert!(found.stderr && found.full);
        assert_eq!(found.text, "a  b ");
        let empty = record("2026-11-23T14:11:28.5+01:00 stdout F").unwrap();
        assert_eq!(empty.time.to_string(), "2026-11-23T13:11:28.5Z");
        assert_eq!(empty.text, "");
        for wrong in ["", "x stdout F a", "2026-11-23T13:11:28Z stdin F a"] {
            assert_eq!(record(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn parts_of_both_streams_do_not_mix() {
        let lines = [
            "2026-11-23T13:11:28Z stdout P one ",
            "2026-11-23T13:11:29Z stderr P an ",
            "2026-11-23T13:11:30Z stdout F line",
            "torn of",
            "2026-11-23T13:11:31Z stderr P end",
        ];
        assert_eq!(texts(&lines), ["one line", "an end"]);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let part = format!("2026-11-23T13:11:28Z stdout P {}", "x".repeat(16 << 10));
        let lines = vec![part.as_str(); 5];
        assert_eq!(
            texts(&lines).iter().map(String::len).collect::<Vec<_>>(),
            [LONGEST_LINE, 16 << 10]
        );
    }
}
