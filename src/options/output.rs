//! Output options, which are only on the command line and in the environment.

use clap::ArgAction;

/// The heading in `--help`.
pub const OUTPUT: &str = "Output";

/// Output options of all commands.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = OUTPUT)]
pub struct OutputOptions {
    /// Output format: text or json
    ///
    /// With `json`, commands that show progress print one object per line, and the others print
    /// one document.
    #[arg(
        id = "output",
        short = 'o',
        long = "output",
        global = true,
        display_order = 101,
        value_enum,
        default_value_t = Format::Text,
        hide_possible_values = true,
        value_name = "FORMAT",
        env = "CLEARML_LOCAL_OUTPUT"
    )]
    pub format: Format,
    /// Print errors only
    #[arg(
        short,
        long,
        global = true,
        display_order = 102,
        action = ArgAction::Count,
        conflicts_with = "verbose"
    )]
    pub quiet: u8,
    /// Show what each step decides; -vv adds library logs
    #[arg(short, long, global = true, display_order = 103, action = ArgAction::Count)]
    pub verbose: u8,
    /// How to show progress
    #[arg(
        long,
        global = true,
        display_order = 104,
        hide_short_help = true,
        value_enum,
        default_value_t = ProgressChoice::Auto,
        value_name = "MODE",
        env = "CLEARML_LOCAL_PROGRESS"
    )]
    pub progress: ProgressChoice,
}

/// Output format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// Human-readable text
    #[default]
    Text,
    /// JSON, one object per line
    Json,
    /// YAML (only for `status`)
    Yaml,
    /// Variables for a shell (only for `status`)
    Env,
}

/// Progress display.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ProgressChoice {
    /// Bars on a terminal, plain lines otherwise
    #[default]
    Auto,
    /// Bars; needs a terminal
    Bars,
    /// One line for each change
    Plain,
    /// No progress
    None,
}
