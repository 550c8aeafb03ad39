//! Environment variables of options. An empty variable counts as not set, and an error about
//! its value names the variable.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::{Cli, NAME, help};
use crate::settings::ClusterOptions;

/// A variable that set an option, and its value.
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
    cli.variables = used(&command, &matches);
    let variables;
    (cli.cluster, variables) = cluster()?;
    add(&mut cli.variables, variables);
    Ok(cli)
}

/// Returns the options about the cluster from the environment. They apply to all commands,
/// also to those that do not have these options.
fn cluster() -> Result<(ClusterOptions, Vec<Variable>), clap::Error> {
    let command = ClusterOptions::augment_args(Command::new(NAME));
    let mut command = without(command, &is_empty);
    command.build();
    let arguments = [OsString::from(NAME)];
    let matches = command.clone().try_get_matches_from(&arguments);
    let matches = matches.map_err(|error| with_variable(error, &command, &arguments))?;
    let options = ClusterOptions::from_arg_matches(&matches)?;
    Ok((options, used(&command, &matches)))
}

/// Removes the variables of some arguments.
fn without(command: Command, is_removed: &dyn Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|arg| match is_removed(&arg) {
            true => arg.env(Resettable::<clap::builder::OsStr>::Reset),
            false => arg,
        })
        .mut_subcommands(|subcommand| without(subcommand, is_removed))
}

fn is_empty(arg: &Arg) -> bool {
    let name = arg.get_env().and_then(OsStr::to_str);
    name.is_some_and(|name| std::env::var_os(name).is_some_and(|value| value.is_empty()))
}

/// Names the variable in an error that does not occur without it.
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

/// Returns the variable of an argument, which clap writes such as `--web-port <PORT>`.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let arg = command.get_arguments().find(|arg| arg.to_string() == flag);
    let variable = arg.and_then(Arg::get_env).and_then(OsStr::to_str);
    variable.map(str::to_owned).or_else(|| {
        let mut commands = command.get_subcommands();
        commands.find_map(|subcommand| variable_of(subcommand, flag))
    })
}

/// Returns the variables that set an option.
fn used(command: &Command, matches: &ArgMatches) -> Vec<Variable> {
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
    if let Some((subcommand, matches)) = matches.subcommand()
        && let Some(command) = command.find_subcommand(subcommand)
    {
        // Every command has the global options.
        add(&mut found, used(command, matches));
    }
    found
}

/// Adds variables that are not there yet.
fn add(all: &mut Vec<Variable>, more: Vec<Variable>) {
    for variable in more {
        if !all.contains(&variable) {
            all.push(variable);
        }
    }
}

/// Returns the names of all variables that can set an option.
pub(super) fn names() -> BTreeSet<String> {
    fn collect(command: &Command, names: &mut BTreeSet<String>) {
        let variables = command.get_arguments().filter_map(Arg::get_env);
        names.extend(variables.filter_map(OsStr::to_str).map(str::to_owned));
        command
            .get_subcommands()
            .for_each(|one| collect(one, names));
    }
    let mut names = BTreeSet::new();
    collect(&help::command(), &mut names);
    names
}

/// Returns notes about the variables whose values or options a text contains.
pub(super) fn named_in(text: &str, variables: &[Variable]) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for Variable { name, value } in variables {
        // Every error about an instance contains its name.
        if name == "CLEARML_LOCAL_NAME" {
            continue;
        }
        let option = name.trim_start_matches("CLEARML_LOCAL_").to_lowercase();
        let option = format!("--{}", option.replace('_', "-"));
        let named = [&option, value]
            .into_iter()
            .find(|named| !named.is_empty() && text.contains(&format!("`{named}`")))
            .or(Some(value).filter(|value| !value.is_empty() && text.contains(*value)));
        let Some(named) = named else {
            continue;
        };
        let note = format!("`{named}` comes from the environment variable {name}");
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}
