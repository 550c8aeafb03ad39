//! `clearml-local completions`, and the answers to a shell that completes.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{Bash, EnvCompleter, Fish, Shells, Zsh};

use super::{NAME, Unexpected, help};
use crate::component::Component;
use crate::error::Result;
use crate::settings::DEFAULT_NAME;
use crate::state::StateDir;
use crate::ui::Output;

/// Set by the completion script when it asks.
const VARIABLE: &str = "CLEARML_LOCAL_COMPLETE";

/// Print the completion script for a shell
///
/// The script asks clearml-local, so that it also completes the names of components and
/// instances. Load it again after an update.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  bash, in ~/.bashrc:                   source <(clearml-local completions bash)
  zsh, in ~/.zshrc, after compinit:     source <(clearml-local completions zsh)
  fish, in ~/.config/fish/config.fish:  clearml-local completions fish | source")]
pub(super) struct Args {
    /// Shell to complete in
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    fn completer(self) -> &'static dyn EnvCompleter {
        match self {
            Shell::Bash => &Bash,
            Shell::Zsh => &Zsh,
            Shell::Fish => &Fish,
        }
    }
}

pub(super) fn run(args: &Args, output: &Output) -> Result<u8> {
    let mut script = Vec::new();
    let called = std::env::args_os().next().unwrap_or_default();
    args.shell
        .completer()
        .write_registration(VARIABLE, NAME, NAME, &program(called), &mut script)
        .map_err(|error| Unexpected(error.to_string()))?;
    output.data(String::from_utf8_lossy(&script).trim_start())?;
    Ok(0)
}

/// What a shell calls: the name that is found in PATH, or the whole path where we
/// were called by one.
fn program(called: OsString) -> String {
    let called = PathBuf::from(called);
    if called.components().count() < 2 {
        return NAME.to_owned();
    }
    let whole = std::path::absolute(&called).unwrap_or(called);
    whole.to_string_lossy().into_owned()
}

/// Answers the shell where this run is its question; says whether it was.
pub(super) fn answer() -> bool {
    let here = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(help::command)
        .var(VARIABLE)
        .shells(Shells(&[&Bash, &Zsh, &Fish]))
        .try_complete(std::env::args_os(), here.as_deref());
    // In the middle of a line that is typed, silence is the best answer.
    answered.unwrap_or(true)
}

pub(super) fn components() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = Component::ALL.iter().map(|component| component.name());
        names.map(CompletionCandidate::new).collect()
    })
}

/// The instances of this user, for a shell.
pub(super) fn instances() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = StateDir::all().unwrap_or_default();
        let names = names.iter().map(|name| name.as_str());
        names.map(CompletionCandidate::new).collect()
    })
}

/// The revisions of the default instance, for a shell.
pub(super) fn revisions() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let name = DEFAULT_NAME.parse().expect("the default is a name");
        let state = StateDir::of(&name);
        let numbers = state.and_then(|state| state.revisions());
        let numbers = numbers.unwrap_or_default().into_keys();
        numbers
            .map(|number| CompletionCandidate::new(number.to_string()))
            .collect()
    })
}
