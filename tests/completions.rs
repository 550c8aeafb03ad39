//! What shells offer, and the manual page: in a home of their own.

use std::path::Path;
use std::process::{Command, Output};

use clearml_local::testing::files;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearml-local");

/// A home with one instance, `demo-two`.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".local/share/clearml-local/demo-two");
    files::create_dir(&state).unwrap();
    home
}

fn command(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .current_dir(home);
    command
}

fn text(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What is offered for the last word, asked as the shell's own function asks.
fn offered(shell: &str, words: &[&str]) -> Vec<String> {
    let home = home();
    let output = command(PROGRAM, home.path())
        .env("CLEARML_LOCAL_COMPLETE", shell)
        .env("_CLAP_COMPLETE_INDEX", words.len().to_string())
        .env("_CLAP_IFS", "\n")
        .args(["--", "clearml-local"])
        .args(words)
        .output()
        .unwrap();
    // fish and zsh write a description after the value.
    let value = |line: &str| line.split(['\t', ':']).next().unwrap().to_owned();
    text(output).lines().map(value).collect()
}

#[test]
fn each_shell_is_offered_components_and_instances() {
    for shell in ["bash", "zsh", "fish"] {
        assert_eq!(
            offered(shell, &["logs", "el"]),
            ["elasticsearch"],
            "{shell}"
        );
        let several = offered(shell, &["logs", "redis", "mon"]);
        assert_eq!(several, ["mongodb"], "{shell}");
        for words in [["status", "--name", ""], ["--name", "demo-two", "statu"]] {
            let offered = offered(shell, &words);
            let expected = if words[2].is_empty() {
                "demo-two"
            } else {
                "status"
            };
            assert_eq!(offered, [expected], "{shell} {words:?}");
        }
    }
}

#[test]
fn what_each_shell_is_given_asks_this_program() {
    let home = home();
    for shell in ["bash", "zsh", "fish"] {
        let output = command(PROGRAM, home.path())
            .args(["completions", shell])
            .output();
        let script = text(output.unwrap());
        let asks = format!("CLEARML_LOCAL_COMPLETE=\"{shell}\"");
        assert!(
            script.replace("=fish", "=\"fish\"").contains(&asks),
            "{script}"
        );
        assert!(script.contains(PROGRAM), "{script}");
    }
}

#[test]
fn bash_completes_a_line_with_it() {
    let home = home();
    let script = r#"
        source <("$1" completions bash)
        function=$(complete -p clearml-local | sed 's/.*-F \([^ ]*\) .*/\1/')
        complete_line() {
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9 COMPREPLY=()
            "$function" clearml-local "${!#}"
            echo "${COMPREPLY[@]}"
        }
        complete_line clearml-local logs el
        complete_line clearml-local logs --name de
    "#;
    let output = command("bash", home.path())
        .args(["-c", script, "bash", PROGRAM])
        .output();
    let Ok(output) = output else {
        return;
    };
    assert_eq!(text(output), "elasticsearch\ndemo-two\n");
}

#[test]
fn the_manual_knows_every_verb_and_its_examples() {
    let home = home();
    let page = text(command(PROGRAM, home.path()).arg("man").output().unwrap());
    assert!(page.contains(".SH NAME"), "{page}");
    assert!(page.contains("clearml\\-local\\-logs(1)"), "{page}");
    let wrote = command(PROGRAM, home.path())
        .args(["man", "--dir", "man1"])
        .output();
    assert_eq!(text(wrote.unwrap()), "");
    let logs = home.path().join("man1/clearml-local-logs.1");
    let logs = files::read(&logs).unwrap().unwrap();
    assert!(logs.contains("\\-\\-since"), "{logs}");
    assert!(
        logs.contains("clearml\\-local logs apiserver \\-f"),
        "{logs}"
    );
    assert!(home.path().join("man1/clearml-local.1").exists());
}

#[test]
fn a_broken_file_in_the_directory_does_not_hinder_a_shell() {
    let home = home();
    files::write(&home.path().join("clearml-local.yaml"), "ports: 1\n").unwrap();
    let output = command(PROGRAM, home.path())
        .args(["completions", "bash"])
        .output();
    assert!(text(output.unwrap()).contains("complete"));
}
