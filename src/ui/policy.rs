//! How to print output, decided once from options, environment and terminals.

use std::env;
use std::io::IsTerminal;
use std::path::PathBuf;

use crate::options::{Format, OutputOptions, ProgressChoice};

/// The environment of the process.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    pub no_color: bool,
    /// Whether `CLICOLOR_FORCE` is set to something else than `0`.
    pub force_color: bool,
    /// Whether `TERM` is `dumb`.
    pub dumb: bool,
    pub stdout_terminal: bool,
    pub stderr_terminal: bool,
    /// The width of stdout's terminal.
    pub width: Option<usize>,
    /// The width of stderr's terminal.
    pub stderr_width: Option<usize>,
    pub home: Option<PathBuf>,
}

impl Environment {
    /// Returns the environment of this process.
    pub fn current() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Environment {
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

/// How to print output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub format: Format,
    pub progress: Progress,
    /// Whether text on stdout can be redrawn in place.
    pub can_redraw: bool,
    pub stdout_colour: bool,
    pub stderr_colour: bool,
    /// The number of `-v` minus that of `-q`: messages are printed from 0, warnings
    /// from -1, errors always.
    pub verbosity: i16,
    /// The width of stdout, if it is a terminal.
    pub width: Option<usize>,
    /// The width of stderr, if it is a terminal.
    pub stderr_width: Option<usize>,
    /// The home directory, to shorten paths.
    pub home: Option<PathBuf>,
}

impl Policy {
    pub fn new(options: &OutputOptions, environment: &Environment) -> Self {
        let verbosity = i16::from(options.verbose) - i16::from(options.quiet);
        let can_move_cursor = environment.stderr_terminal && !environment.dumb;
        let progress = match options.progress {
            ProgressChoice::None => Progress::None,
            ProgressChoice::Plain => Progress::Plain,
            // Plain lines are the closest alternative if the cursor cannot be moved.
            ProgressChoice::Bars if can_move_cursor => Progress::Bars,
            ProgressChoice::Bars => Progress::Plain,
            // With JSON, stdout has the events themselves.
            ProgressChoice::Auto if verbosity < 0 || options.format == Format::Json => {
                Progress::None
            }
            // Log lines would interfere with bars.
            ProgressChoice::Auto if verbosity == 0 && can_move_cursor => Progress::Bars,
            ProgressChoice::Auto => Progress::Plain,
        };
        let colour = |terminal: bool| {
            !environment.no_color && (environment.force_color || (terminal && !environment.dumb))
        };
        Policy {
            format: options.format,
            progress,
            can_redraw: options.format == Format::Text
                && environment.stdout_terminal
                && !environment.dumb,
            // Colours would break output that a program reads.
            stdout_colour: options.format == Format::Text && colour(environment.stdout_terminal),
            stderr_colour: colour(environment.stderr_terminal),
            verbosity,
            width: environment.width.filter(|_| environment.stdout_terminal),
            stderr_width: environment
                .stderr_width
                .filter(|_| environment.stderr_terminal),
            home: environment.home.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terminal() -> Environment {
        Environment {
            stdout_terminal: true,
            stderr_terminal: true,
            width: Some(80),
            ..Environment::default()
        }
    }

    fn progress(options: OutputOptions, environment: &Environment) -> Progress {
        Policy::new(&options, environment).progress
    }

    #[test]
    fn bars_need_a_terminal_without_other_output() {
        let auto = OutputOptions::default();
        let piped = Environment::default();
        let dumb = Environment {
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
    fn environment_variables_override_the_terminal_for_colour() {
        let colours = |environment: &Environment| {
            let policy = Policy::new(&OutputOptions::default(), environment);
            (policy.stdout_colour, policy.stderr_colour)
        };
        assert_eq!(colours(&terminal()), (true, true));
        let redirected = Environment {
            stdout_terminal: false,
            ..terminal()
        };
        assert_eq!(colours(&redirected), (false, true));
        let forced = Environment {
            force_color: true,
            ..Environment::default()
        };
        assert_eq!(colours(&forced), (true, true));
        let disabled = Environment {
            no_color: true,
            force_color: true,
            ..terminal()
        };
        assert_eq!(colours(&disabled), (false, false));
    }
}
