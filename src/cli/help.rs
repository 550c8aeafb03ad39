//! The layout of `--help` and of the manual pages: commands in groups, short texts for `-h`,
//! and environment variables only in `--help`.

use std::ffi::OsStr;
use std::fmt::Write as _;

use clap::{Arg, Command, CommandFactory};

use super::{Cli, STYLES, completions};
use crate::settings::NODE;

/// The groups and the order of the commands in `clearml-local --help`.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Server",
        &[
            "up", "down", "stop", "start", "restart", "status", "list", "logs", "forward", "agent",
        ],
    ),
    (
        "First steps",
        &["configure", "credentials", "verify", "open", "example"],
    ),
    (
        "Values",
        &["values", "diff", "render", "history", "rollback"],
    ),
    (
        "Tools",
        &["doctor", "explain", "support-bundle", "completions", "man"],
    ),
];

/// Returns the command line with its help.
pub(super) fn command() -> Command {
    let command = Cli::command();
    let template = template(&command);
    let output = output_of_status(&command);
    command
        .help_template(template)
        .mut_arg("name", |name| name.add(completions::instances()))
        .mut_subcommands(|subcommand| match subcommand.get_name() {
            "status" => subcommand.args(output.clone()),
            _ => subcommand,
        })
        .mut_subcommands(|subcommand| {
            subcommand.mut_args(|arg| match arg.get_id().as_str() {
                "context" => arg.add(completions::contexts()),
                _ => arg,
            })
        })
        .mut_subcommands(hide_unused_options)
        .mut_args(variable_in_long_help)
        .mut_subcommands(variables_in_long_help)
}

/// Returns the template of `clearml-local --help`. clap itself would list all commands in one
/// group.
fn template(command: &Command) -> String {
    let styles = STYLES;
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = "{about-with-newline}\n{usage-heading} {usage}\n\n".to_owned();
    for (group, commands) in GROUPS {
        let _ = writeln!(text, "{header}{group}:{header:#}");
        for name in commands {
            let subcommand = command.find_subcommand(name);
            let about = subcommand.and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(text, "  {literal}{name:<15}{literal:#}{about}");
        }
        text.push('\n');
    }
    let _ = writeln!(text, "{header}Options:{header:#}");
    text.push_str("{options}{after-help}");
    text
}

/// Returns `--output` with the formats that only `status` supports.
fn output_of_status(command: &Command) -> Option<Arg> {
    let output = command
        .get_arguments()
        .find(|arg| arg.get_id().as_str() == "output")?;
    let output = output.clone();
    Some(
        output
            .help("Output format: text, json, yaml or env")
            .long_help(
                "Output format: text, json, yaml (the same as json) or env (variables for a shell)",
            ),
    )
}

/// Hides the options of `up` that have no effect on this command.
fn hide_unused_options(subcommand: Command) -> Command {
    let name = subcommand.get_name().to_owned();
    subcommand.mut_args(|arg| {
        let is_unused = match (&*name, arg.get_id().as_str()) {
            ("diff" | "values" | "render", "timeout") => true,
            ("values" | "render", "ca_file") => true,
            ("values" | "render", _) => arg.get_help_heading() == Some(NODE),
            _ => false,
        };
        if is_unused { arg.hide(true) } else { arg }
    })
}

fn variables_in_long_help(subcommand: Command) -> Command {
    subcommand
        .mut_args(variable_in_long_help)
        .mut_subcommands(variables_in_long_help)
}

/// Moves the environment variable of an option to its long help, so that the short help fits in
/// a line.
fn variable_in_long_help(arg: Arg) -> Arg {
    let Some(variable) = arg.get_env().and_then(OsStr::to_str) else {
        return arg;
    };
    let help = arg.get_long_help().or_else(|| arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let help = format!("{help}\n\n[env: {variable}]");
    arg.long_help(help).hide_env(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the command and all its subcommands.
    fn all(command: &Command) -> Vec<Command> {
        let mut found = vec![command.clone()];
        for subcommand in command.get_subcommands() {
            if subcommand.get_name() != "help" {
                found.extend(all(subcommand));
            }
        }
        found
    }

    fn built() -> Command {
        let mut command = command().term_width(80);
        command.build();
        command
    }

    #[test]
    fn every_command_is_in_one_group() {
        let command = command();
        let mut grouped: Vec<&str> = GROUPS
            .iter()
            .flat_map(|(_, commands)| *commands)
            .copied()
            .collect();
        let mut commands: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        grouped.sort_unstable();
        commands.sort_unstable();
        assert_eq!(grouped, commands);
    }

    #[test]
    fn short_help_fits_on_a_screen() {
        for mut command in all(&built()) {
            let help = command.render_help().to_string();
            let name = command.get_name();
            assert!(help.lines().count() <= 48, "{name}:\n{help}");
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }

    #[test]
    fn every_summary_fits_in_a_line() {
        for command in all(&built()) {
            let about = command.get_about().unwrap().to_string();
            assert!(about.chars().count() <= 64, "{about}");
            assert!(!about.contains('\n') && !about.ends_with('.'), "{about}");
        }
    }

    #[test]
    fn only_status_offers_yaml_and_variables() {
        let command = built();
        for subcommand in command.get_subcommands() {
            let output = subcommand
                .get_arguments()
                .find(|arg| arg.get_id().as_str() == "output");
            let help = output.and_then(Arg::get_help).map(ToString::to_string);
            let offers = help.is_some_and(|help| help.contains("yaml"));
            assert_eq!(
                offers,
                subcommand.get_name() == "status",
                "{}",
                subcommand.get_name()
            );
        }
    }

    #[test]
    fn help_avoids_the_words_that_the_style_guide_excludes() {
        const EXCLUDED: [&str; 8] = [
            "anew",
            "is to be",
            "are to be",
            "whatever",
            "wins over",
            "of its own",
            "brings",
            "folder",
        ];
        for mut command in all(&built()) {
            let help = command.render_long_help().to_string();
            for word in EXCLUDED {
                let name = command.get_name();
                assert!(!help.contains(word), "{name} says {word}:\n{help}");
            }
        }
    }

    #[test]
    fn help_of_the_program_and_of_up() {
        let mut command = built();
        insta::assert_snapshot!("help", command.render_help().to_string());
        let up = command.find_subcommand_mut("up").unwrap();
        insta::assert_snapshot!("help_of_up", up.render_help().to_string());
    }
}
