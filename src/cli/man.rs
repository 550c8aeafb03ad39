//! `clearml-local man`.

use clap::Command;
use clap_mangen::Man;

use super::{Unexpected, help};
use crate::error::Result;
use crate::files;
use crate::path::HostPath;
use crate::ui::Output;

/// Print the manual page
///
/// With --dir, writes this page and a page for each command to a directory.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  clearml-local man | man -l -
  clearml-local man --dir ~/.local/share/man/man1 && man clearml-local-up")]
pub(super) struct Args {
    /// Write all pages to this directory
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<HostPath>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<u8> {
    let mut command = help::command().disable_help_subcommand(true);
    command.build();
    let Some(dir) = &args.dir else {
        output.data(&page(&command)?.1)?;
        return Ok(0);
    };
    files::create_public_dir(dir)?;
    let commands: Vec<&Command> = command.get_subcommands().collect();
    let nested = commands
        .iter()
        .flat_map(|command| command.get_subcommands());
    for command in nested.chain(commands.iter().copied()).chain([&command]) {
        let (name, text) = page(command)?;
        files::write(&dir.join(name), &text)?;
    }
    Ok(0)
}

/// Returns the file name and the text of a command's page.
fn page(command: &Command) -> Result<(String, String), Unexpected> {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render(&mut text)
        .map_err(|error| Unexpected(error.to_string()))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok((man.get_filename(), text))
}
