//! Generates `docs/settings.md` from the options.

use std::ffi::OsStr;

use clap::{Arg, CommandFactory};

use super::Cli;
use crate::options::SettingsFile;
use crate::settings::DEFAULT_NODE_IMAGE;

const BEGIN: &str = "\
# Settings

This file is generated from `src/settings` and `src/options`. Do not edit it: change the options
and run `UPDATE_DOCS=1 cargo test --test docs`. The guide [Get started](guides/get-started.md)
shows how to work with settings, and [Values](values.md) lists the values of the chart.

## Precedence

From the lowest to the highest:

1. the default;
2. the settings of the last `up`, which are kept with the instance;
3. the file `clearml-local.yaml` in the working directory;
4. the environment;
5. the command line.

Values files and the arguments of the `--set` options are one setting: if one of these options is
given in one place, it replaces all of them in places of lower precedence.

## The file

Each key is the name of an option in camel case:

```yaml
webPort: 8080
dataDir: ~/clearml-data
values: [values.yaml]
set: [apiserver.replicaCount=2]
withIngress: true
timeout: 30m
```

Relative paths start at the working directory, and `~` is your home directory. Unknown keys are
errors. `up`, `diff`, `values` and `render` use all keys, `start` and `rollback` only `name` and
`timeout`, and the other commands only `name`.

## The environment

A variable that is empty counts as not set. `CLEARML_LOCAL_VALUES` can name several files,
separated by colons.
";

const END: &str = "
## Variables of other programs

| Variable | What it does |
| --- | --- |
| `DOCKER_HOST`, `DOCKER_CONTEXT`, `DOCKER_CONFIG` | Choose the engine, as for `docker`. |
| `DOCKER_CLIENT_TIMEOUT` | The seconds in which Docker must answer a request, 120 by default, as for Docker's Python tools. A pull or an export may pause five times as long; commands in the node have no limit while they run. |
| `DOCKER_TLS`, `DOCKER_TLS_VERIFY`, `DOCKER_CERT_PATH` | TLS to that engine, as for `docker`. |
| `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` | Proxies for the node, or for the API of an existing cluster, also in lower case. [Behind a proxy](guides/proxy.md) has more. |
| `KUBECONFIG` | The files with the context of `--context`, as for kubectl, and the file that `--merge-kubeconfig` adds the context to. |
| `CLEARML_CONFIG_FILE` | The file that `configure` writes, as for the SDK. |
| `XDG_DATA_HOME` | Where the state directories are on Linux: `$XDG_DATA_HOME/clearml-local/NAME`. By default `~/.local/share`. |
| `NO_COLOR` | Print without colours. |
| `CLICOLOR_FORCE` | Print colours without a terminal too, unless it is `0`. |
| `TERM` | If it is `dumb`, print without colours and progress bars. |
";

/// The headings of `--help` with the titles of their sections in the document.
const SECTIONS: [(Option<&str>, &str); 6] = [
    (None, "General"),
    (Some("Values"), "Values"),
    (Some("Existing cluster"), "Existing cluster"),
    (Some("Network"), "Network"),
    (Some("Node"), "Node"),
    (Some("Output"), "Output"),
];

/// Returns the text of `docs/settings.md`.
pub fn settings_reference() -> String {
    let options = options();
    let mut text = BEGIN.to_owned();
    for (heading, title) in SECTIONS {
        text.push_str(&format!(
            "\n## {title}\n\n| Option | Variable | Key | Default | What it does |\n| --- | --- | --- | --- | --- |\n"
        ));
        let here = |option: &&Setting| option.arg.get_help_heading() == heading;
        text.extend(options.iter().filter(here).map(Setting::row));
    }
    text.push_str(END);
    text
}

/// An option that can also be set in the environment.
struct Setting {
    arg: Arg,
    /// The names of the commands that have it. Empty if all commands have it.
    commands: Vec<String>,
}

/// Returns the options in the order of `--help`.
fn options() -> Vec<Setting> {
    let command = Cli::command();
    let of_all = command.get_arguments().map(|arg| (arg, None));
    let of_some = command.get_subcommands().flat_map(|command| {
        let name = command.get_name();
        command.get_arguments().map(move |arg| (arg, Some(name)))
    });
    let mut found: Vec<Setting> = Vec::new();
    for (arg, command) in of_all.chain(of_some) {
        let command = command.map(str::to_owned);
        let known = found
            .iter_mut()
            .find(|one| one.arg.get_id() == arg.get_id());
        match known {
            Some(setting) => setting.commands.extend(command),
            None if arg.get_env().is_some() => found.push(Setting {
                arg: arg.clone(),
                commands: command.into_iter().collect(),
            }),
            None => {}
        }
    }
    found
}

impl Setting {
    fn row(&self) -> String {
        let code = |text: String| format!("`{text}`");
        let variable = self.arg.get_env().and_then(OsStr::to_str);
        let cells = [
            code(self.flag()),
            variable.map(str::to_owned).map(code).unwrap_or_default(),
            self.key().map(code).unwrap_or_default(),
            match self.arg.get_id().as_str() {
                "data_dir" => "`data` in the state directory; a volume if Docker runs in a \
                    virtual machine or is a snap"
                    .to_owned(),
                _ => self.default().map(code).unwrap_or_default(),
            },
            self.description(),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|"));
        format!("| {} |\n", cells.join(" | "))
    }

    fn flag(&self) -> String {
        let long = self.arg.get_long().unwrap_or_default();
        match self.arg.get_short() {
            Some(short) => format!("-{short}, --{long}"),
            None => format!("--{long}"),
        }
    }

    /// Returns the key in the settings file, if it has one.
    fn key(&self) -> Option<String> {
        let mut words = self.arg.get_id().as_str().split('_');
        let mut key = words.next().unwrap_or_default().to_owned();
        for word in words {
            let (first, rest) = word.split_at(1);
            key.extend([&first.to_uppercase(), rest]);
        }
        SettingsFile::keys().contains(&&*key).then_some(key)
    }

    /// Returns the help without the default, and the default.
    fn help(&self) -> (String, Option<String>) {
        let help = self.arg.get_long_help().or_else(|| self.arg.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        let Some((before, rest)) = help.split_once("[default: ") else {
            return (help, None);
        };
        let (default, after) = rest.split_once(']').unwrap_or((rest, ""));
        let help = format!("{}{after}", before.trim_end());
        (help, Some(default.to_owned()))
    }

    fn default(&self) -> Option<String> {
        let from_clap = self.arg.get_default_values().first();
        let from_clap = from_clap
            .and_then(|value| value.to_str())
            .map(str::to_owned);
        let default = self.help().1.or(from_clap);
        default.or_else(|| match self.arg.get_id().as_str() {
            "node_image" => Some(DEFAULT_NODE_IMAGE.to_string()),
            _ if self.is_switch() => Some(false.to_string()),
            _ => None,
        })
    }

    /// Returns whether its value is a boolean.
    fn is_switch(&self) -> bool {
        let values = self.arg.get_possible_values();
        values.iter().any(|value| value.get_name() == "false")
    }

    fn description(&self) -> String {
        let help = self.help().0;
        let paragraphs = help.split("\n\n").map(|paragraph| {
            let paragraph = paragraph.replace('\n', " ");
            format!("{}.", paragraph.trim_end_matches('.'))
        });
        let mut text = paragraphs.collect::<Vec<_>>().join(" ");
        let values = self.arg.get_possible_values();
        let explained = values.iter().filter_map(|value| {
            let help = value.get_help()?;
            Some(format!(
                " `{}`: {}.",
                value.get_name(),
                lowercase_first(&help.to_string())
            ))
        });
        text.extend(explained);
        if let [command] = &*self.commands {
            text.push_str(&format!(" Only for `{command}`."));
        }
        text
    }
}

/// Makes the first letter lower case, for a text after a colon.
fn lowercase_first(text: &str) -> String {
    match text.split_once(' ') {
        // Keep an abbreviation.
        Some((first, _)) if first.chars().skip(1).any(char::is_uppercase) => text.to_owned(),
        _ => {
            let mut letters = text.chars();
            let first = letters.next().map(char::to_lowercase);
            first.into_iter().flatten().chain(letters).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::options::Options;
    use crate::settings::Instance;

    #[test]
    fn every_key_of_the_file_is_an_option() {
        let options = options();
        let mut keys: Vec<String> = options.iter().filter_map(Setting::key).collect();
        let mut of_file = SettingsFile::keys().to_vec();
        keys.sort_unstable();
        of_file.sort_unstable();
        assert_eq!(keys, of_file);
    }

    #[test]
    fn every_option_has_a_section_and_no_section_is_empty() {
        let options = options();
        for option in &options {
            let heading = option.arg.get_help_heading();
            assert!(
                SECTIONS.iter().any(|(known, _)| *known == heading),
                "{heading:?}"
            );
        }
        for (heading, title) in SECTIONS {
            let here = |option: &Setting| option.arg.get_help_heading() == heading;
            assert!(options.iter().any(here), "{title}");
        }
    }

    /// The defaults in the help are plain text.
    #[test]
    fn the_defaults_in_the_help_are_correct() {
        let new = Instance::with_defaults(Path::new("/data").to_owned().into());
        let mut text = String::new();
        for option in options() {
            if let Some((key, default)) = option.key().zip(option.default()) {
                text.push_str(&format!("{key}: {}\n", quoted(&key, &default)));
            }
        }
        let options = Options::of(&text);
        assert_eq!(options.apply(new.clone()).unwrap(), new, "{text}");
        assert_eq!(options.wait.timeout(), Options::default().wait.timeout());
        for known in [
            "webPort: 30080\n",
            "pull: auto\n",
            "mergeKubeconfig: false\n",
        ] {
            assert!(text.contains(known), "{text}");
        }
    }

    /// YAML would parse a release as a number.
    fn quoted(key: &str, value: &str) -> String {
        match key {
            "release" => format!("'{value}'"),
            _ => value.to_owned(),
        }
    }
}
