//! The `clearml-local` command: answer a completing shell, or parse, run, and map the result to an exit code.

use std::process::ExitCode;

use clap::Parser;
use clearml_local::cli::Cli;

fn main() -> ExitCode {
    if Cli::answer_shell() {
        return ExitCode::SUCCESS;
    }
    let cli = Cli::parse();
    ExitCode::from(cli.run())
}
