//! Parses the log files of the container runtime.

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::lines::{LONGEST, Lines};
use super::{Entries, Entry};
use crate::error::Error;

/// Returns the entries of a log file since a time.
pub(crate) fn entries(lines: Lines, since: Option<Timestamp>) -> Entries {
    let next = move |(mut lines, mut parts): (Lines, Parts)| async move {
        loop {
            let (time, text) = match lines.next().await? {
                Some(line) => match parts.add(&line) {
                    Some(whole) => whole,
                    None => continue,
                },
                None => match parts.rest() {
                    Some(rest) => rest,
                    None => return Ok::<_, Error>(None),
                },
            };
            if since.is_none_or(|since| time >= since) {
                let time = Some(time);
                return Ok(Some((Entry { time, text }, (lines, parts))));
            }
        }
    };
    stream::try_unfold((lines, Parts::default()), next).boxed()
}

/// A record of a log file: `TIME stdout|stderr F|P TEXT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record<'a> {
    time: Timestamp,
    stderr: bool,
    /// Whether it completes the line.
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
    // More tags may follow the first one, separated by colons.
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

/// Joins lines that were written in parts.
#[derive(Debug, Default)]
struct Parts {
    /// The incomplete lines of stdout and stderr, each with the time of its first part.
    open: [Option<(Timestamp, String)>; 2],
}

impl Parts {
    /// Adds a line of the file and returns the line that it completes, if any.
    fn add(&mut self, line: &str) -> Option<(Timestamp, String)> {
        let record = record(line)?;
        let open = &mut self.open[usize::from(record.stderr)];
        let (_, text) = open.get_or_insert_with(|| (record.time, String::new()));
        text.push_str(record.text.trim_end_matches('\r'));
        if record.full || text.len() >= LONGEST {
            return open.take();
        }
        None
    }

    /// Returns a line whose last part was not written.
    fn rest(&mut self) -> Option<(Timestamp, String)> {
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
    fn parses_time_stream_and_completeness_of_a_record() {
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
    fn joins_the_parts_of_each_stream_separately() {
        let lines = [
            "2026-11-23T13:11:28Z stdout P one ",
            "2026-11-23T13:11:29Z stderr P an ",
            "2026-11-23T13:11:30Z stdout F line",
            "not a record",
            "2026-11-23T13:11:31Z stderr P end",
        ];
        assert_eq!(texts(&lines), ["one line", "an end"]);
    }

    #[test]
    fn splits_a_line_that_is_too_long() {
        let part = format!("2026-11-23T13:11:28Z stdout P {}", "x".repeat(16 << 10));
        let lines = vec![part.as_str(); 5];
        assert_eq!(
            texts(&lines).iter().map(String::len).collect::<Vec<_>>(),
            [LONGEST, 16 << 10]
        );
    }
}
