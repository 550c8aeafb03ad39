//! The owner of stdout and stderr.

use std::fmt;
use std::io::{self, BufRead, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::component::Component;
use crate::error::{Error, Explain};
use crate::event::{Event, Reporter};
use crate::failures::Failure;
use crate::probe::Endpoints;
use crate::revisions::Entry;

use super::bars::Bars;
use super::changes::{self, ChangesView};
use super::history;
use super::json::{self, JsonLines};
use super::logs::LogPrinter;
use super::plain::Plain;
use super::policy::{Environment, Policy, Progress};
use super::status::{self, StatusView};
use super::summary::{self, Summary};
use super::timings;
use super::{Paint, Sink, error};
use crate::options::{Format, OutputOptions};

/// Writes messages to stderr and data to stdout. Cheap to clone.
#[derive(Clone)]
pub struct Output(Arc<Inner>);

struct Inner {
    policy: Policy,
    stdout: Sink,
    stderr: Sink,
    bars: Mutex<Option<Arc<Bars>>>,
    clock: fn() -> Timestamp,
}

/// stdout could not be written, for another reason than that it was closed.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output")]
pub struct OutputError(#[from] io::Error);

impl Explain for OutputError {
    fn failure(&self) -> Failure {
        Failure::OutputFailed
    }
}

impl Output {
    /// Creates output to the streams of the process, according to options and
    /// environment.
    pub fn new(options: &OutputOptions) -> Self {
        let policy = Policy::new(options, &Environment::current());
        Output::to(
            policy,
            Sink::new(io::stdout()),
            Sink::new(io::stderr()),
            Timestamp::now,
        )
    }

    /// Creates output to other streams with another clock for `time` in JSON, for
    /// tests. Bars still have the width of the process's stderr.
    pub fn to(policy: Policy, stdout: Sink, stderr: Sink, clock: fn() -> Timestamp) -> Self {
        Output(Arc::new(Inner {
            policy,
            stdout,
            stderr,
            bars: Mutex::new(None),
            clock,
        }))
    }

    pub fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Returns whether the output format is JSON.
    pub fn is_json(&self) -> bool {
        self.0.policy.format == Format::Json
    }

    /// Returns whether stdout was closed, so that an endless command can end.
    pub fn is_closed(&self) -> bool {
        self.0.stdout.is_closed()
    }

    fn err_paint(&self) -> Paint {
        Paint::new(self.0.policy.stderr_colour)
    }

    fn time(&self) -> Timestamp {
        (self.0.clock)()
    }

    /// Returns the receiver of events. On a terminal this starts the progress bars,
    /// which end with [`Output::end_progress`], or before an error or a summary.
    pub fn reporter(&self) -> Arc<dyn Reporter> {
        let mut reporters: Vec<Arc<dyn Reporter>> = Vec::new();
        if self.is_json() {
            let json = JsonLines::new(self.0.stdout.clone(), self.0.clock);
            reporters.push(Arc::new(json));
        }
        let paint = self.err_paint();
        match self.0.policy.progress {
            Progress::Bars => {
                let term = console::Term::stderr();
                let size = Box::new(move || term.size());
                let bars = Arc::new(Bars::start(self.0.stderr.clone(), paint, size));
                let previous = self.set_bars(Some(Arc::clone(&bars)));
                if let Some(previous) = previous {
                    previous.close();
                }
                reporters.push(bars);
                reporters.push(Arc::new(Warnings(self.clone())));
            }
            Progress::Plain => {
                reporters.push(Arc::new(Plain::new(
                    self.0.stderr.clone(),
                    paint,
                    self.0.policy.verbosity >= 1,
                )));
            }
            Progress::None => reporters.push(Arc::new(Warnings(self.clone()))),
        }
        Arc::new(Multiple(reporters))
    }

    fn set_bars(&self, bars: Option<Arc<Bars>>) -> Option<Arc<Bars>> {
        let mut slot = self.0.bars.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *slot, bars)
    }

    /// Ends the progress bars, if any, and leaves their last frame.
    pub fn end_progress(&self) {
        if let Some(bars) = self.set_bars(None) {
            bars.close();
            self.0.stderr.write_line("");
        }
    }

    /// Prints a line to stderr, above the progress bars if there are any.
    fn print(&self, text: &str) {
        let slot = self.0.bars.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.as_ref() {
            Some(bars) => bars.note(text),
            None => self.0.stderr.write_line(text),
        }
    }

    /// Prints a message unless `-q` is set.
    pub fn note(&self, text: &str) {
        if self.0.policy.verbosity >= 0 {
            self.print(text);
        }
    }

    /// Prints a warning unless `-qq` is set.
    pub fn warn(&self, text: &str) {
        if self.0.policy.verbosity >= -1 {
            self.print(&error::warning(text, self.err_paint()));
        }
    }

    /// Prints an error, and with `-o json` also its line on stdout.
    pub fn error(&self, failure: &Error) {
        self.end_progress();
        if self.is_json() {
            let _ = self.0.stdout.write(&json::failed(failure, self.time()));
        }
        let (width, all) = (self.0.policy.stderr_width, self.0.policy.verbosity >= 1);
        let text = error::error(failure, self.err_paint(), width, all);
        let _ = self.0.stderr.write(&text);
    }

    /// Writes data to stdout and adds a line feed if it is missing. A closed stdout is
    /// not an error, see [`Output::is_closed`].
    pub fn data(&self, text: &str) -> Result<(), OutputError> {
        if text.is_empty() {
            return Ok(());
        }
        let end = if text.ends_with('\n') { "" } else { "\n" };
        Ok(self.0.stdout.write(&format!("{text}{end}"))?)
    }

    pub fn json(&self, json: &impl Serialize) -> Result<(), OutputError> {
        let text = serde_json::to_string_pretty(json).map_err(io::Error::from)?;
        self.data(&text)
    }

    /// Writes a line of JSON: `json` with `event` as its `event`.
    pub fn event(&self, event: &str, json: &impl Serialize) -> Result<(), OutputError> {
        let mut json = serde_json::to_value(json).map_err(io::Error::from)?;
        json["event"] = event.into();
        self.data(&json::last(&json, self.time()))
    }

    /// Prints the URLs of the server.
    pub fn endpoints(&self, endpoints: &Endpoints) -> Result<(), OutputError> {
        self.data(&summary::urls(endpoints, &self.0.policy))
    }

    /// Prints the end of `up`.
    pub fn summary(&self, summary: &Summary) -> Result<(), OutputError> {
        let policy = &self.0.policy;
        self.end_progress();
        if self.is_json() {
            return self.data(&json::ready(summary, self.time()));
        }
        // The bars have already printed the time of each step.
        if let Some(timings) = &summary.timings {
            let waterfall = timings::waterfall(&timings.all, policy.width);
            let awaited = timings::awaited(&timings.awaited, policy.width);
            self.note(&format!("\n{waterfall}\n{awaited}"));
        } else if policy.progress != Progress::Bars && summary.changed && !summary.phases.is_empty()
        {
            self.note(&format!("\n{}", summary::phases(summary)));
        } else if policy.progress == Progress::Plain {
            self.note("");
        }
        self.data(&summary::places(summary, policy))?;
        if policy.verbosity >= 0 {
            self.0.stderr.write_line("");
        }
        self.note(summary::last_line(summary, self.err_paint()).trim_end());
        Ok(())
    }

    /// Prints the changes that `up` would make. `event` is set if this is the last of
    /// several JSON lines.
    pub fn changes(&self, view: &ChangesView, event: Option<&str>) -> Result<(), OutputError> {
        self.end_progress();
        if self.is_json() {
            let mut json = changes::to_json(view);
            return match event {
                None => self.json(&json),
                Some(event) => {
                    json["event"] = event.into();
                    self.data(&json::last(&json, self.time()))
                }
            };
        }
        let paint = Paint::new(self.0.policy.stdout_colour);
        let home = self.0.policy.home.as_deref();
        self.data(&changes::text(view, paint, home))?;
        self.note(&changes::sentence(view));
        Ok(())
    }

    pub fn history(&self, entries: &[Entry]) -> Result<(), OutputError> {
        if self.is_json() {
            return self.json(&entries);
        }
        self.data(&history::text(entries, &self.0.policy))
    }

    /// Prints a status in the requested format.
    pub fn status(&self, view: &StatusView) -> Result<(), OutputError> {
        match self.0.policy.format {
            Format::Json => self.json(view),
            Format::Yaml => self.data(&crate::yaml::to_string(view)),
            Format::Env => self.data(&status::variables(view)),
            Format::Text => self.data(&status::render(view, &self.0.policy)),
        }
    }

    /// Prints a status over the previous one, which has `before` rows on a terminal of
    /// this size (rows, columns). Returns the number of rows.
    pub fn redraw_status(
        &self,
        view: &StatusView,
        before: usize,
        size: (u16, u16),
    ) -> Result<usize, OutputError> {
        let (height, width) = (usize::from(size.0), usize::from(size.1).max(1));
        let policy = Policy {
            width: Some(width),
            ..self.0.policy.clone()
        };
        let text = status::render(view, &policy);
        let mut frame = match before {
            0 => String::new(),
            before => format!("\x1b[{before}A\r\x1b[J"),
        };
        let mut rows = 0;
        for line in text.lines() {
            let more = crate::words::width(line).div_ceil(width).max(1);
            // Rows that have scrolled away cannot be overwritten.
            if rows + more >= height.max(2) {
                break;
            }
            rows += more;
            frame.push_str(line);
            frame.push('\n');
        }
        self.data(&frame)?;
        Ok(rows)
    }

    /// Returns a printer for the log lines of these components.
    pub fn logs(&self, components: &[Component]) -> LogPrinter {
        let names: Vec<&str> = components
            .iter()
            .map(|component| component.name())
            .collect();
        self.logs_named(&names)
    }

    /// Returns a printer for log lines with these names.
    pub fn logs_named(&self, names: &[&str]) -> LogPrinter {
        let paint = Paint::new(self.0.policy.stdout_colour);
        LogPrinter::new(self.clone(), paint, names)
    }

    /// Asks a question. `y` and `yes` mean yes; anything else, and the end of the
    /// input, means no.
    pub fn ask(&self, question: &str, answers: &mut dyn BufRead) -> bool {
        self.end_progress();
        let _ = self.0.stderr.write(&format!("{question} [y/N] "));
        let mut answer = String::new();
        let read = answers.read_line(&mut answer);
        if !answer.ends_with('\n') {
            // Without Enter, the next line would follow the question directly.
            self.0.stderr.write_line("");
        }
        let answer = answer.trim().to_ascii_lowercase();
        read.is_ok() && matches!(answer.as_str(), "y" | "yes")
    }

    /// Returns a writer for a log formatter that writes whole lines.
    pub fn log_writer(&self) -> LogWriter {
        LogWriter(self.clone())
    }
}

/// Writes log lines to stderr, above the progress bars if there are any.
#[derive(Debug, Clone)]
pub struct LogWriter(Output);

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.print(String::from_utf8_lossy(bytes).trim_end());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}

/// Sends each event to all reporters.
struct Multiple(Vec<Arc<dyn Reporter>>);

impl Reporter for Multiple {
    fn report(&self, elapsed: Duration, event: &Event) {
        for reporter in &self.0 {
            reporter.report(elapsed, event);
        }
    }
}

/// Prints warnings like those of the command itself.
struct Warnings(Output);

impl Reporter for Warnings {
    fn report(&self, _: Duration, event: &Event) {
        if let Event::Warning { text } = event {
            self.0.warn(text);
        }
    }
}

#[cfg(test)]
mod tests;
