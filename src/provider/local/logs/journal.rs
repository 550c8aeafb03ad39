//! The journal of the kubelet and containerd.

use jiff::Timestamp;

use crate::docker::{Engine, Error};
use crate::logs::lines::Lines;

/// Which lines of the journal to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalOptions {
    /// Only this many lines from the end.
    pub tail: Option<u32>,
    /// Also lines that are written later.
    pub follow: bool,
    /// Only lines since this time.
    pub since: Option<Timestamp>,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// The unit that wrote it: `kubelet`, `containerd`, or `systemd` about these.
    pub unit: String,
    pub time: Option<Timestamp>,
    /// The line without the newline.
    pub text: String,
}

/// A stream of lines. Dropping it stops the reading.
pub struct Journal {
    lines: Lines,
    /// The unit and the time of the last line, for the next lines of the same entry.
    last: (String, Option<Timestamp>),
}

impl Journal {
    /// Starts reading the journal of a running node.
    ///
    /// # Errors
    /// If the engine does not respond. Later errors are returned by [`Journal::next`].
    pub async fn open(
        engine: &dyn Engine,
        node: &str,
        options: JournalOptions,
    ) -> Result<Journal, Error> {
        let arguments = arguments(options);
        let argv: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Ok(Journal {
            lines: Lines::new(
                engine
                    .exec_stream(node, "read the journal of the node", &argv, None)
                    .await?,
            ),
            last: ("systemd".to_owned(), None),
        })
    }

    /// Returns the next line; `None` at the end, which does not occur when following.
    pub async fn next(&mut self) -> Result<Option<JournalLine>, Error> {
        while let Some(line) = self.lines.next().await? {
            // Messages of journalctl, such as `-- Boot 1f2e --`.
            if !line.starts_with("-- ") {
                return Ok(Some(self.line(&line)));
            }
        }
        Ok(None)
    }

    fn line(&mut self, line: &str) -> JournalLine {
        let text = match entry(line) {
            Some((time, unit, text)) => {
                self.last = (unit.to_owned(), Some(time));
                text
            }
            None => line,
        };
        JournalLine {
            unit: self.last.0.clone(),
            time: self.last.1,
            text: text.to_owned(),
        }
    }
}

fn arguments(options: JournalOptions) -> Vec<String> {
    let fixed =
        "journalctl --unit=kubelet --unit=containerd --output=short-iso-precise --no-pager --quiet";
    let mut arguments: Vec<String> = fixed.split(' ').map(str::to_owned).collect();
    if let Some(since) = options.since {
        arguments.push(format!("--since=@{}", since.as_second()));
    }
    if options.follow {
        arguments.push("--follow".into());
    }
    match options.tail {
        Some(lines) => arguments.push(format!("--lines={lines}")),
        // With only `--follow`, journalctl starts with the last 10 lines.
        None if options.follow => arguments.push("--no-tail".into()),
        None => {}
    }
    arguments
}

/// Parses the time, the unit and the text of `TIME HOST UNIT[PID]: TEXT`.
fn entry(line: &str) -> Option<(Timestamp, &str, &str)> {
    let (time, rest) = line.split_once(' ')?;
    let time = time.parse().ok()?;
    let (_, rest) = rest.split_once(' ')?;
    let (unit, text) = rest
        .split_once(": ")
        .or(rest.strip_suffix(':').map(|unit| (unit, "")))?;
    let unit = unit.split('[').next().unwrap_or(unit);
    Some((time, unit, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};

    #[test]
    fn parses_an_entry() {
        let line = "2026-11-23T15:51:29.123456+0100 node kubelet[123]: I1123 server.go:1: \"x: y\"";
        let (time, unit, text) = entry(line).unwrap();
        assert_eq!(time.to_string(), "2026-11-23T14:51:29.123456Z");
        assert_eq!((unit, text), ("kubelet", "I1123 server.go:1: \"x: y\""));
        let newer = "2026-11-23T15:51:29.123456+00:00 node systemd[1]: Started kubelet.service.";
        assert_eq!(entry(newer).unwrap().1, "systemd");
        assert_eq!(entry("    goroutine 1 [running]:"), None);
    }

    #[test]
    fn following_without_a_tail_starts_at_the_first_line() {
        let of = |options| arguments(options)[6..].join(" ");
        let all = JournalOptions::default();
        assert_eq!(of(all), "");
        let follow = JournalOptions {
            follow: true,
            ..all
        };
        assert_eq!(of(follow), "--follow --no-tail");
        let some = JournalOptions {
            tail: Some(5),
            since: Some("2026-11-23T00:00:00.7Z".parse().unwrap()),
            ..follow
        };
        assert_eq!(of(some), "--since=@1795392000 --follow --lines=5");
    }

    #[tokio::test]
    async fn the_next_lines_of_an_entry_keep_its_unit_and_time() {
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(|_, _| Output {
            stdout: "2026-11-23T15:51:29.1+0000 n kubelet[1]: panic\n\
                     \x20   goroutine 1\n-- Boot 1f2e --\n\
                     2026-11-23T15:51:30.1+0000 n containerd[2]: up\n"
                .into(),
            ..Output::default()
        }));
        let options = JournalOptions::default();
        let mut journal = Journal::open(&engine, "n", options).await.unwrap();
        let mut lines = Vec::new();
        while let Some(line) = journal.next().await.unwrap() {
            let second = line.time.unwrap().as_second() % 60;
            lines.push(format!("{second} {} {}", line.unit, line.text));
        }
        assert_eq!(
            lines,
            [
                "29 kubelet panic",
                "29 kubelet     goroutine 1",
                "30 containerd up"
            ]
        );
    }

    #[tokio::test]
    async fn a_node_without_a_journal_is_an_error() {
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(|_, argv| Output {
            argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
            code: 127,
            stderr: "journalctl: not found".into(),
            ..Output::default()
        }));
        let options = JournalOptions::default();
        let mut journal = Journal::open(&engine, "n", options).await.unwrap();
        let error = journal.next().await.unwrap_err();
        assert!(matches!(error, Error::Command { code: 127, .. }), "{error}");
    }
}
