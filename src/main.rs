//! The `clearml-local` command: parse, run, and map the result to an exit code.

use std::process::ExitCode;

use clap::Parser;
use clearml_local::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    ExitCode::from(cli.run())
}
