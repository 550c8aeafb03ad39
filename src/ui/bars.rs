//! Progress on a terminal: a finished line stays, the running ones move.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::words;
use crate::event::{Event, Reporter};

/// How often a spinner turns: calm, and cheap.
const TICK: Duration = Duration::from_millis(120);
/// Width of the column with the names.
const NAMES: usize = 14;

/// Moving lines on stderr.
pub(super) struct Bars {
    lines: MultiProgress,
    running: Mutex<BTreeMap<String, Running>>,
    colour: bool,
}

struct Running {
    bar: ProgressBar,
    /// What the step said last; bytes are shown behind it.
    text: String,
    /// The item in transfer, and since when.
    item: Option<(String, Instant)>,
}

impl Bars {
    pub(super) fn new(colour: bool) -> Bars {
        Bars {
            lines: MultiProgress::new(),
            running: Mutex::default(),
            colour,
        }
    }

    /// Takes the moving lines away.
    pub(super) fn end(&self) {
        if let Ok(mut running) = self.running.lock() {
            for (_, line) in std::mem::take(&mut *running) {
                line.bar.finish_and_clear();
            }
        }
    }

    fn begin(&self, running: &mut BTreeMap<String, Running>, name: &str) {
        let style = ProgressStyle::with_template(&format!(
            "  {{spinner:.cyan}} {{prefix:<{NAMES}}} {{wide_msg}}"
        ));
        let style = style.expect("the template is a constant");
        let style = style.tick_chars("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ");
        let bar = self.lines.add(ProgressBar::new_spinner().with_style(style));
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(TICK);
        running.insert(
            name.to_owned(),
            Running {
                bar,
                text: String::new(),
                item: None,
            },
        );
    }

    /// A line that stays, in the place of the running one.
    fn stay(&self, running: &mut BTreeMap<String, Running>, name: &str, line: &str) {
        if let Some(ended) = running.remove(name) {
            ended.bar.finish_and_clear();
        }
        let _ = self.lines.println(line);
    }

    fn mark(&self, fine: bool) -> &'static str {
        match (fine, self.colour) {
            (true, true) => "\x1b[32m✓\x1b[0m",
            (true, false) => "✓",
            (false, true) => "\x1b[31m✗\x1b[0m",
            (false, false) => "✗",
        }
    }

    fn line(&self, fine: bool, name: &str, seconds: f64, detail: &str) -> String {
        let line = format!(
            "  {} {name:<NAMES$} {seconds:>6.1} s   {detail}",
            self.mark(fine)
        );
        line.trim_end().to_owned()
    }
}

/// `elasticsearch 412 of 615 MB, 38 MB/s, 5 s left`.
fn transfer(item: &str, done: u64, total: Option<u64>, since: Duration) -> String {
    let of = total.map_or_else(String::new, |total| format!(" of {}", words::bytes(total)));
    let mut text = format!("{item} {}{of}", words::bytes(done));
    let millis = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    if millis > 500 && done > 0 {
        let rate = done.saturating_mul(1000) / millis;
        text.push_str(&format!(", {}/s", words::bytes(rate)));
        if let Some(left) = total.and_then(|total| total.saturating_sub(done).checked_div(rate))
            && left > 0
        {
            text.push_str(&format!(
                ", {} left",
                words::duration(Duration::from_secs(left))
            ));
        }
    }
    text
}

impl Reporter for Bars {
    fn report(&self, _: Duration, event: &Event) {
        let Ok(mut running) = self.running.lock() else {
            return;
        };
        match event {
            Event::Started { name, summary } => {
                let _ = self.lines.println(format!("{name}  {summary}\n"));
            }
            Event::StepStarted { step } => self.begin(&mut running, step),
            Event::StepState { step, text } => {
                if let Some(line) = running.get_mut(step) {
                    line.text.clone_from(text);
                    line.item = None;
                    line.bar.set_message(text.clone());
                }
            }
            Event::StepBytes {
                step,
                item,
                done,
                total,
            } => {
                if let Some(line) = running.get_mut(step) {
                    let fresh = line.item.as_ref().is_none_or(|(name, _)| name != item);
                    if fresh {
                        line.item = Some((item.clone(), Instant::now()));
                    }
                    let since = line
                        .item
                        .as_ref()
                        .map_or(Duration::ZERO, |(_, at)| at.elapsed());
                    let bytes = transfer(item, *done, *total, since);
                    line.bar.set_message(format!("{:<8} {bytes}", line.text));
                }
            }
            Event::StepFinished {
                step,
                seconds,
                detail,
                ..
            } => {
                let line = self.line(true, step, *seconds, detail);
                self.stay(&mut running, step, &line);
            }
            Event::StepFailed {
                step,
                seconds,
                reason,
            } => {
                let first = reason.lines().next().unwrap_or_default();
                let line = self.line(false, step, *seconds, &words::cut(first, 50));
                self.stay(&mut running, step, &line);
            }
            Event::Component {
                component,
                ready,
                reason,
                seconds,
                ..
            } => {
                let name = component.name();
                if *ready {
                    let line = self.line(true, name, *seconds, "");
                    self.stay(&mut running, name, &line);
                    return;
                }
                if !running.contains_key(name) {
                    self.begin(&mut running, name);
                }
                if let Some(line) = running.get_mut(name) {
                    line.bar.set_message(reason.clone());
                }
            }
            Event::Warning { text } => {
                let word = if self.colour {
                    "\x1b[33mwarning\x1b[0m"
                } else {
                    "warning"
                };
                let _ = self.lines.println(format!("{word}: {text}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_tells_rate_and_time_left() {
        assert_eq!(
            transfer(
                "elasticsearch",
                412_000_000,
                Some(615_000_000),
                Duration::from_secs(10)
            ),
            "elasticsearch 412 MB of 615 MB, 41 MB/s, 4.0 s left"
        );
        assert_eq!(transfer("redis", 0, None, Duration::ZERO), "redis 0 B");
    }

    #[test]
    fn finished_lines_are_aligned() {
        let bars = Bars::new(false);
        assert_eq!(
            bars.line(true, "preflight", 0.42, ""),
            "  ✓ preflight         0.4 s"
        );
        assert_eq!(
            bars.line(false, "elasticsearch", 31.0, "killed for memory"),
            "  ✗ elasticsearch    31.0 s   killed for memory"
        );
    }
}
