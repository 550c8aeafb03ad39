//! `clearml-local completions`, and the completions themselves.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::ValueEnum;
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{Bash, EnvCompleter, Fish, Shells, Zsh};

use super::{NAME, Unexpected, environment, help};
use crate::component::Component;
use crate::error::Result;
use crate::failures::Failure;
use crate::kube::UserConfig;
use crate::settings::DEFAULT_NAME;
use crate::state::StateDir;
use crate::ui::Output;

/// The completion script sets this variable to request completions.
const VARIABLE: &str = "CLEARML_LOCAL_COMPLETE";

/// Print the completion script for a shell
///
/// The script also completes the names of components, instances, failures and kubeconfig contexts.
/// Load it again after an update of clearml-local.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  bash, in ~/.bashrc:                   source <(clearml-local completions bash)
  zsh, in ~/.zshrc, after compinit:     source <(clearml-local completions zsh)
  fish, in ~/.config/fish/config.fish:  clearml-local completions fish | source")]
pub(super) struct Args {
    /// Shell to generate completions for
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

/// Returns the program for the script to run: the name, which the shell finds in PATH, or the
/// absolute path if this process was started by a path.
fn program(called: OsString) -> String {
    let called = PathBuf::from(called);
    if called.components().count() < 2 {
        return NAME.to_owned();
    }
    let absolute = std::path::absolute(&called).unwrap_or(called);
    absolute.to_string_lossy().into_owned()
}

/// Prints completions if the completion script started this process. Returns whether it did.
pub(super) fn answer() -> bool {
    let here = std::env::current_dir().ok();
    let answered = CompleteEnv::with_factory(help::command)
        .var(VARIABLE)
        .shells(Shells(&[&Bash, &Zsh, &Fish]))
        .try_complete(std::env::args_os(), here.as_deref());
    // An error message would garble the line that the user types.
    answered.unwrap_or(true)
}

pub(super) fn components() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = Component::ALL.iter().map(|component| component.name());
        names.map(CompletionCandidate::new).collect()
    })
}

/// Returns the instances of this user.
pub(super) fn instances() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let names = StateDir::all().unwrap_or_default();
        let names = names.iter().map(|name| name.as_str());
        names.map(CompletionCandidate::new).collect()
    })
}

/// Returns the contexts of the user's kubeconfig.
pub(super) fn contexts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let config = UserConfig::find(None, environment, dirs::home_dir().as_deref(), false);
        let names = config.and_then(|config| config.contexts());
        let names = names.unwrap_or_default().into_iter();
        names.map(CompletionCandidate::new).collect()
    })
}

/// Returns the identifiers of failures.
pub(super) fn failures() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let all = Failure::ALL.iter();
        all.map(|failure| CompletionCandidate::new(failure.id()).help(Some(failure.title().into())))
            .collect()
    })
}

/// Returns the revisions of the default instance.
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
