//! How to speak, decided once from flags, environment and terminals.

use std::env;
use std::io::IsTerminal;
use std::path::PathBuf;

use crate::options::{Format, OutputOptions, ProgressChoice};

/// What the process finds around it.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Whether `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// Whether `CLICOLOR_FORCE` is set to other than `0`.
    pub force_color: bool,
    /// Whether `TERM` is `dumb`.
    pub dumb: bool,
    pub stdout_terminal: bool,
    pub stderr_terminal: bool,
    /// The columns of stdout's terminal.
    pub width: Option<usize>,
    /// The columns of stderr's terminal.
    pub stderr_width: Option<usize>,
    pub home: Option<PathBuf>,
}

impl Surroundings {
    /// Those of this process.
    pub fn of_process() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Surroundings {
            no_color: set("NO_COLOR").is_some(),
            force_color: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb: set("TERM").is_some_and(|value| value == "dumb"),
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
            width: columns(&console::Term::stdout()),
            stderr_width: columns(&console::Term::stderr()),
            home: dirs::home_dir(),
        }
    }
}

fn columns(term: &console::Term) -> Option<usize> {
    term.size_checked().map(|(_, columns)| usize::from(columns))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    Bars,
    Plain,
    None,
}

/// How to speak.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// What goes to stdout.
    pub format: Format,
    pub progress: Progress,
    /// Whether text on stdout can be drawn again in its place.
    pub redraws: bool,
    pub stdout_colour: bool,
    pub stderr_colour: bool,
    /// `-v` less `-q`: notes from 0, warnings from -1, errors always.
    pub verbosity: i16,
    /// The columns to keep to on stdout, where it is a terminal.
    pub width: Option<usize>,
    /// The columns to keep to on stderr, where it is a terminal.
    pub stderr_width: Option<usize>,
    /// The home directory, to shorten paths by.
    pub home: Option<PathBuf>,
}

impl Policy {
    /// Decides.
    pub fn decide(options: &OutputOptions, around: &Surroundings) -> Self {
        let verbosity = i16::from(options.verbose) - i16::from(options.quiet);
        let moving = around.stderr_terminal && !around.dumb;
        let progress = match options.progress {
            ProgressChoice::None => Progress::None,
            ProgressChoice::Plain => Progress::Plain,
            // Where the cursor cannot be moved, plain lines are the closest.
            ProgressChoice::Bars if moving => Progress::Bars,
            ProgressChoice::Bars => Progress::Plain,
            // With JSON the events themselves are on stdout.
            ProgressChoice::Auto if verbosity < 0 || options.format == Format::Json => {
                Progress::None
            }
            // Log lines would run into the bars.
            ProgressChoice::Auto if verbosity == 0 && moving => Progress::Bars,
            ProgressChoice::Auto => Progress::Plain,
        };
        let colour =
            |terminal: bool| !around.no_color && (around.force_color || (terminal && !around.dumb));
        Policy {
            format: options.format,
            progress,
            redraws: options.format == Format::Text && around.stdout_terminal && !around.dumb,
            // Colours would break what a program reads.
            stdout_colour: options.format == Format::Text && colour(around.stdout_terminal),
            stderr_colour: colour(around.stderr_terminal),
            verbosity,
            width: around.width.filter(|_| around.stdout_terminal),
            stderr_width: around.stderr_width.filter(|_| around.stderr_terminal),
            home: around.home.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Surroundings {
        Surroundings {
            stdout_terminal: true,
            stderr_terminal: true,
            width: Some(80),
            ..Surroundings::default()
        }
    }

    fn progress(options: OutputOptions, around: &Surroundings) -> Progress {
        Policy::decide(&options, around).progress
    }

    #[test]
    fn bars_need_a_terminal_and_silence_around_them() {
        let auto = OutputOptions::default();
        let piped = Surroundings::default();
        let dumb = Surroundings {
            dumb: true,
            ..terminal()
        };
        assert_eq!(progress(auto, &terminal()), Progress::Bars);
        assert_eq!(progress(auto, &piped), Progress::Plain);
        assert_eq!(progress(auto, &dumb), Progress::Plain);
        let verbose = OutputOptions { verbose: 1, ..auto };
        assert_eq!(progress(verbose, &terminal()), Progress::Plain);
        let quiet = OutputOptions { quiet: 1, ..auto };
        assert_eq!(progress(quiet, &terminal()), Progress::None);
        let json = OutputOptions {
            format: Format::Json,
            ..auto
        };
        assert_eq!(progress(json, &terminal()), Progress::None);
        let bars = OutputOptions {
            progress: ProgressChoice::Bars,
            ..auto
        };
        assert_eq!(progress(bars, &piped), Progress::Plain);
    }

    #[test]
    fn colour_follows_the_terminal_and_then_the_environment() {
        let colours = |around: &Surroundings| {
            let policy = Policy::decide(&OutputOptions::default(), around);
            (policy.stdout_colour, policy.stderr_colour)
        };
        assert_eq!(colours(&terminal()), (true, true));
        let redirected = Surroundings {
            stdout_terminal: false,
            ..terminal()
        };
        assert_eq!(colours(&redirected), (false, true));
        let forced = Surroundings {
            force_color: true,
            ..Surroundings::default()
        };
        assert_eq!(colours(&forced), (true, true));
        let refused = Surroundings {
            no_color: true,
            force_color: true,
            ..terminal()
        };
        assert_eq!(colours(&refused), (false, false));
    }
}
