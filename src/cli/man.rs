//! `clearml-local man`.

use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::{Cli, Unexpected};
use crate::error::Result;
use crate::files;
use crate::path::HostPath;
use crate::ui::Output;

/// Write the manual page
///
/// To stdout; or with --dir into a directory, beside one page for each verb.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  clearml-local man | man -l -
  clearml-local man --dir ~/.local/share/man/man1 && man clearml-local-up")]
pub(super) struct Args {
    /// Write all pages there
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<HostPath>,
}

pub(super) fn run(args: &Args, output: &Output) -> Result<u8> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    let Some(dir) = &args.dir else {
        output.data(&page(&command)?.1)?;
        return Ok(0);
    };
    files::create_dir(dir)?;
    let verbs: Vec<&Command> = command.get_subcommands().collect();
    let below = verbs.iter().flat_map(|verb| verb.get_subcommands());
    for command in below.chain(verbs.iter().copied()).chain([&command]) {
        let (name, text) = page(command)?;
        files::write(&dir.join(name), &text)?;
    }
    Ok(0)
}

/// File name and text of a command's page.
fn page(command: &Command) -> Result<(String, String), Unexpected> {
    let man = Man::new(command.clone());
    let mut text = Vec::new();
    man.render(&mut text)
        .map_err(|error| Unexpected(error.to_string()))?;
    let text = String::from_utf8_lossy(&text).into_owned();
    Ok((man.get_filename(), text))
}
