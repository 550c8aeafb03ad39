//! Checks every command of this program that errors, warnings and `status` may print.

#[path = "common/sources.rs"]
mod sources;

use std::process::Command;

use clap::Parser;
use clap::error::ErrorKind;
use clearml_local::Cli;

use self::sources::{Source, sources};

/// Values for placeholders such as `{component}`.
const SAMPLES: [(&str, &str); 23] = [
    ("component", "redis"),
    ("dir", "/srv/data"),
    ("flag", "--web-port"),
    ("option", " --queue gpu"),
    ("options", "--release 1.5.0 --autostart=false"),
    ("image", "python:3.12"),
    ("good", "3"),
    ("key", "memory"),
    ("more", "2Gi"),
    ("name", "2.3"),
    ("namespace", "ml"),
    ("nulls", "apiserver.nodeSelector=null"),
    ("number", "3 "),
    ("one", "--http-port"),
    ("password", "imageCredentials.password"),
    ("release", "2.3"),
    ("user", "imageCredentials.username"),
    ("id", "port-in-use"),
    ("COMPONENT", "redis"),
    ("IMAGE", "python:3.12"),
    ("QUEUE", "gpu"),
    ("HOST", "registry.example.com"),
    ("PORT", "8080"),
];

/// Returns the commands in the sources: `ours!(Verb, "arguments")`.
fn commands() -> Vec<String> {
    let pattern = r#"ours!\(\s*([A-Z]\w+)\s*(?:,\s*"((?:[^"\\]|\\.|\\\n)*)")?"#;
    let pattern = regex::Regex::new(pattern).unwrap();
    let mut commands = Vec::new();
    for code in code() {
        for found in pattern.captures_iter(&code) {
            let arguments = found.get(2).map_or("", |arguments| arguments.as_str());
            commands.push(format!("{} {arguments}", kebab_case(&found[1])));
        }
    }
    commands
}

/// Returns the name of a command, such as `support-bundle` for `SupportBundle`.
fn kebab_case(name: &str) -> String {
    let words = name.char_indices().map(|(index, letter)| match letter {
        'A'..='Z' if index > 0 => format!("-{}", letter.to_ascii_lowercase()),
        letter => letter.to_ascii_lowercase().to_string(),
    });
    words.collect()
}

/// Returns the code of each file, with continued strings on one line.
fn code() -> Vec<String> {
    let continued = regex::Regex::new(r"\\\n\s*").unwrap();
    let code = |source: Source| source.code().join("\n");
    let joined = |code: String| continued.replace_all(&code, "").into_owned();
    sources().into_iter().map(code).map(joined).collect()
}

fn fill(command: &str) -> String {
    let mut filled = command.to_owned();
    for (name, sample) in SAMPLES {
        filled = match name.chars().all(char::is_uppercase) {
            true => filled.replace(name, sample),
            false => filled.replace(&format!("{{{name}}}"), sample),
        };
    }
    assert!(
        !filled.contains('{'),
        "a placeholder without a sample: {command}"
    );
    filled
}

/// Splits a line into words as a shell does.
fn words(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\n' {line}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{line}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_command_in_a_hint_is_valid() {
    let commands = commands();
    assert!(commands.len() > 80, "{}", commands.len());
    for command in commands {
        let words = words(&fill(&command));
        let line = ["clearml-local".to_owned()].into_iter().chain(words);
        if let Err(error) = Cli::try_parse_from(line) {
            assert_eq!(error.kind(), ErrorKind::DisplayHelp, "{command}\n{error}");
        }
    }
}

/// A command in a text would act on the default instance.
#[test]
fn no_message_has_a_command_as_text() {
    let commands = "up|down|start|stop|status|logs|configure|credentials|diff|history|rollback|render|restart|\
        support-bundle";
    let pattern = format!(r#"(?m)(?:^|[^\\])"[^"\n]*clearml-local (?:{commands})\b.*"#);
    let pattern = regex::Regex::new(&pattern).unwrap();
    let mut found = Vec::new();
    for code in code() {
        let lines = pattern.find_iter(&code).map(|found| found.as_str());
        found.extend(lines.map(str::to_owned));
    }
    // A line of a file, and two of the help of the program: none is about an instance.
    let others = [
        "# Written by `clearml-local render --dir`",
        "Get started: ",
        "restart [OPTIONS] <COMPONENT>",
    ];
    found.retain(|line| !others.iter().any(|other| line.contains(other)));
    assert_eq!(found, [""; 0]);
}
