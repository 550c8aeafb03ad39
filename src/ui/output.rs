//! What is printed where, decided once.

use std::io::{IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use anstream::ColorChoice;
use clap::ValueEnum;

use super::{LogPrinter, StatusView, Summary, bars, error, json, plain, words};
use crate::down;
use crate::error::Error;
use crate::event::{Event, Events, Reporter};

/// The width where it is not known.
const USUAL_WIDTH: usize = 80;

/// For whom is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// People.
    Text,
    /// Programs.
    Json,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// Bars on a terminal, plain lines elsewhere
    Auto,
    /// Moving lines
    Bars,
    /// One line a change
    Plain,
    /// Nothing
    None,
}

/// What the flags say.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// `-o`.
    pub format: Format,
    /// How often `-q` was given.
    pub quiet: u8,
    /// How often `-v` was given.
    pub verbose: u8,
    /// `--progress`.
    pub progress: ProgressMode,
}

/// The door to stdout (data) and stderr (conversation). A reader that is gone
/// is no error: what cannot be written is dropped.
pub struct Output {
    policy: Policy,
    colour: bool,
    width: usize,
    bars: Option<Arc<bars::Bars>>,
    reporter: Arc<dyn Reporter>,
}

/// Shows nothing.
struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Duration, _: &Event) {}
}

impl Output {
    /// Decides by flags, environment and terminal.
    pub fn new(policy: Policy) -> Output {
        let stderr = std::io::stderr();
        let colour = anstream::AutoStream::choice(&stderr) != ColorChoice::Never;
        let bars = match policy.progress {
            _ if policy.format == Format::Json || policy.quiet > 0 => false,
            ProgressMode::Bars => true,
            // What libraries log would tear the moving lines apart.
            ProgressMode::Auto => stderr.is_terminal() && policy.verbose < 2,
            ProgressMode::Plain | ProgressMode::None => false,
        };
        let bars = bars.then(|| Arc::new(bars::Bars::new(colour)));
        let reporter: Arc<dyn Reporter> = match (&bars, policy.format) {
            (Some(bars), _) => bars.clone(),
            (None, Format::Json) => Arc::new(json::JsonLines::new(Box::new(std::io::stdout()))),
            _ if policy.quiet > 0 || policy.progress == ProgressMode::None => Arc::new(Silent),
            _ => Arc::new(plain::PlainLines::new(Box::new(std::io::stderr()))),
        };
        let width = indicatif::TermLike::width(&console_term()).into();
        Output {
            policy,
            colour,
            width: if width == 0 { USUAL_WIDTH } else { width },
            bars,
            reporter,
        }
    }

    /// For whom is printed.
    pub fn format(&self) -> Format {
        self.policy.format
    }

    /// Events that this output shows, with time counted from now.
    pub fn events(&self) -> Events {
        Events::new(self.reporter.clone())
    }

    /// Takes the moving lines away: what follows is final.
    pub fn end_progress(&self) {
        if let Some(bars) = &self.bars {
            bars.end();
        }
    }

    /// Data for stdout, as they are.
    pub fn data(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes());
        let _ = out.flush();
    }

    /// A line of conversation.
    pub fn say(&self, text: &str) {
        if self.policy.quiet == 0 {
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// A question, without a line's end.
    pub fn ask(&self, text: &str) {
        let mut err = std::io::stderr().lock();
        let _ = err.write_all(text.as_bytes());
        let _ = err.flush();
    }

    /// An error, as the format wants it.
    pub fn error(&self, failure: &Error) {
        self.end_progress();
        match self.policy.format {
            Format::Json => self.data(&json::failed(failure)),
            Format::Text => {
                let text = error::render(failure, self.colour);
                let _ = anstream::stderr().write_all(text.as_bytes());
            }
        }
    }

    /// The end of `up`.
    pub fn ready(&self, summary: &Summary) {
        match self.policy.format {
            Format::Json => self.data(&json::ready(summary)),
            Format::Text => {
                if self.policy.quiet == 0 {
                    self.say("");
                }
                self.data(&summary.addresses(dirs::home_dir().as_deref()));
                self.say(&summary.conclusion());
            }
        }
    }

    /// The end of `down`.
    pub fn gone(&self, name: &str, purged: bool, outcome: &down::Outcome) {
        if self.policy.format == Format::Json {
            let done = serde_json::json!({
                "event": "gone",
                "name": name,
                "changed": outcome.changed,
                "purged": purged,
                "dataDir": outcome.data_dir,
            });
            self.data(&format!("{done}\n"));
            return;
        }
        let home = dirs::home_dir();
        let text = match &outcome.data_dir {
            _ if purged => format!("`{name}` is gone, data and secrets too"),
            Some(dir) => format!(
                "`{name}` is down; its data stay in {}, {}; bring it back: clearml-local up",
                words::path(dir, home.as_deref()),
                words::bytes(outcome.data_bytes)
            ),
            None if outcome.changed => format!("`{name}` is down"),
            None => format!("there is no instance `{name}`: nothing to do"),
        };
        self.say(&text);
    }

    /// What `status` found.
    pub fn status(&self, view: &StatusView) {
        let text = match self.policy.format {
            Format::Json => view.json(),
            Format::Text => view.text(self.width, dirs::home_dir().as_deref()),
        };
        self.data(&text);
    }

    /// A printer for log lines.
    pub fn logs(&self) -> LogPrinter {
        let colour = anstream::AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
        LogPrinter::new(Box::new(std::io::stdout()), self.policy.format, colour)
    }
}

fn console_term() -> impl indicatif::TermLike {
    console::Term::stderr()
}
