//! The journal of the kubelet and containerd.

use jiff::Timestamp;

use super::lines::Lines;
use crate::docker::{Engine, Error};

/// Which lines to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct JournalOptions {
    /// Only this many lines from the end.
    pub tail: Option<u32>,
    /// Also what is written later.
    pub follow: bool,
    /// Only lines since then.
    pub since: Option<Timestamp>,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// Who wrote it: `kubelet`, `containerd`, or `systemd` about them.
    pub unit: String,
    /// When.
    pub time: Option<Timestamp>,
    /// The line without its end.
    pub text: String,
}

/// Lines as they come. Dropping it ends the reading.
pub struct Journal {
    lines: Lines,
    /// Whose the last line was, for the rest of an entry of several.
    last: (String, Option<Timestamp>),
}

impl Journal {
    /// Begins to read the journal of a node that runs.
    ///
    /// # Errors
    /// When the engine does not answer; errors after that come among the lines.
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

    /// The next line; `None` at the end, which following has none of.
    ///
    /// # Errors
    /// When the engine goes away, or journalctl fails.
    pub async fn next(&mut self) -> Result<Option<JournalLine>, Error> {
        while let Some(line) = self.lines.next().await? {
            // Its own words, such as `-- Boot 1f2e --`.
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
        // Following alone would begin with the last ten.
        None if options.follow => arguments.push("--no-tail".into()),
        None => {}
    }
    arguments
}

/// Time, who and text of `TIME HOST WHO[PID]: TEXT`.
fn entry(line: &str) -> Option<(Timestamp, &str, &str)> {
    let (time, rest) = line.split_once(' ')?;
    let time = time.parse().ok()?;
    let (_, rest) = rest.split_once(' ')?;
    let (who, text) = rest
        .split_once(": ")
        .or(rest.strip_suffix(':').map(|who| (who, "")))?;
    let who = who.split('[').next().unwrap_or(who);
    Some((time, who, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};

    #[test]
    fn entries_are_taken_apart() {
        let line = "2026-11-23T15:51:29.123456+0100 node kubelet[123]: I1123 server.go:1: \"x: y\"";
        let (time, who, text) = entry(line).unwrap();
        assert_eq!(time.to_string(), "2026-11-23T14:51:29.123456Z");
        assert_eq!((who, text), ("kubelet", "I1123 server.go:1: \"x: y\""));
        let newer = "2026-11-23T15:51:29.123456+00:00 node systemd[1]: Started kubelet.service.";
        assert_eq!(entry(newer).unwrap().1, "systemd");
        assert_eq!(entry("    goroutine 1 [running]:"), None);
    }

    #[test]
    fn following_without_a_tail_begins_at_the_beginning() {
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
    async fn the_rest_of_an_entry_is_its_writers() {
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
    async fn a_node_without_a_journal_is_said() {
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
