//! The `clearml-local` command: answer a completing shell, or parse, run, and map the result to an exit code.

use std::process::ExitCode;

use clearml_local::Cli;

fn main() -> ExitCode {
    if Cli::answer_shell() {
        return ExitCode::SUCCESS;
    }
    match Cli::read(std::env::args_os()) {
        Ok(cli) => ExitCode::from(cli.run()),
        Err(error) => error.exit(),
    }
}
