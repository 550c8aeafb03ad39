//! Environment variables in place of options. An empty one counts as not set, and an
//! error that comes from a variable names it.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, FromArgMatches};

use super::{Cli, help};

/// A variable that decided something, and what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Variable {
    name: String,
    value: String,
}

pub(super) fn read(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let mut command = without(help::command(), &is_empty);
    command.build();
    let matches = command
        .clone()
        .try_get_matches_from(arguments)
        .map_err(|error| with_variable(error, &command, arguments))?;
    let mut cli = Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    cli.variables = in_force(&command, &matches);
    Ok(cli)
}

/// The command without the variables of some arguments.
fn without(command: Command, left_out: &dyn Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|arg| match left_out(&arg) {
            true => arg.env(Resettable::<clap::builder::OsStr>::Reset),
            false => arg,
        })
        .mut_subcommands(|verb| without(verb, left_out))
}

fn is_empty(arg: &Arg) -> bool {
    let name = arg.get_env().and_then(OsStr::to_str);
    name.is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()))
}

/// The same error about the variable, where it goes away without that.
fn with_variable(mut error: clap::Error, command: &Command, arguments: &[OsString]) -> clap::Error {
    let about = |error: &clap::Error| match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) => Some(flag.clone()),
        _ => None,
    };
    let Some(flag) = about(&error) else {
        return error;
    };
    let Some(variable) = variable_of(command, &flag) else {
        return error;
    };
    let names_it = |arg: &Arg| arg.get_env() == Some(OsStr::new(&variable));
    let again = without(command.clone(), &names_it).try_get_matches_from(arguments);
    if again.err().and_then(|error| about(&error)).as_ref() != Some(&flag) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
    }
    error
}

/// The variable of the argument that is written like that, such as `--web-port <PORT>`.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let arg = command.get_arguments().find(|arg| arg.to_string() == flag);
    let variable = arg.and_then(Arg::get_env).and_then(OsStr::to_str);
    variable.map(str::to_owned).or_else(|| {
        let mut verbs = command.get_subcommands();
        verbs.find_map(|verb| variable_of(verb, flag))
    })
}

/// The variables that decided something.
fn in_force(command: &Command, matches: &ArgMatches) -> Vec<Variable> {
    let from_variable =
        |arg: &&Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::EnvVariable);
    let mut found = Vec::new();
    for arg in command.get_arguments().filter(from_variable) {
        let name = arg.get_env().and_then(OsStr::to_str).unwrap_or_default();
        let values = matches.get_raw(arg.get_id().as_str());
        found.extend(values.into_iter().flatten().map(|value| Variable {
            name: name.to_owned(),
            value: value.to_string_lossy().into_owned(),
        }));
    }
    if let Some((verb, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(verb)
    {
        for variable in in_force(command, matches) {
            // Global flags are seen by every command.
            if !found.contains(&variable) {
                found.push(variable);
            }
        }
    }
    found
}

/// Names the variables whose values a text has.
pub(super) fn named_in(text: &str, variables: &[Variable]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for Variable { name, value } in variables {
        // Every error about an instance says its name.
        if name == "CLEARML_LOCAL_NAME" {
            continue;
        }
        let note = format!("`{value}` comes from the environment variable {name}");
        if !value.is_empty() && text.contains(value) && !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}
