//! Shell completions and the manual page, in a temporary home.

use std::path::Path;
use std::process::{Command, Output};

use clearml_local::testing::files;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_clearml-local");

/// A home with one instance, `demo-two`, and one context, `production`.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let kubeconfig = "contexts: [{name: production, context: {cluster: c}}]\n";
    files::create_dir(&home.path().join(".kube")).unwrap();
    files::write(&home.path().join(".kube/config"), kubeconfig).unwrap();
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
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the completions for the last word, requested as the shell's function does.
fn completions(shell: &str, words: &[&str]) -> Vec<String> {
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
fn every_shell_completes_components_instances_and_contexts() {
    for shell in ["bash", "zsh", "fish"] {
        assert_eq!(
            completions(shell, &["logs", "el"]),
            ["elasticsearch"],
            "{shell}"
        );
        let second_component = completions(shell, &["logs", "redis", "mon"]);
        assert_eq!(second_component, ["mongodb"], "{shell}");
        let context = completions(shell, &["up", "--context", ""]);
        assert_eq!(context, ["production"], "{shell}");
        for words in [["status", "--name", ""], ["--name", "demo-two", "statu"]] {
            let completions = completions(shell, &words);
            let expected = if words[2].is_empty() {
                "demo-two"
            } else {
                "status"
            };
            assert_eq!(completions, [expected], "{shell} {words:?}");
        }
    }
}

#[test]
fn every_shell_completes_failures() {
    for shell in ["bash", "zsh", "fish"] {
        let failures = completions(shell, &["explain", "port-in"]);
        assert_eq!(failures, ["port-in-use"], "{shell}");
    }
}

#[test]
fn completion_scripts_call_this_program() {
    let home = home();
    for shell in ["bash", "zsh", "fish"] {
        let output = command(PROGRAM, home.path())
            .args(["completions", shell])
            .output();
        let script = text(output.unwrap());
        let request = format!("CLEARML_LOCAL_COMPLETE=\"{shell}\"");
        assert!(
            script.replace("=fish", "=\"fish\"").contains(&request),
            "{script}"
        );
        assert!(script.contains(PROGRAM), "{script}");
    }
}

#[test]
fn bash_completes_a_line_with_the_script() {
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
fn the_manual_contains_every_command_with_examples() {
    let home = home();
    let page = text(command(PROGRAM, home.path()).arg("man").output().unwrap());
    assert!(page.contains(".SH NAME"), "{page}");
    assert!(page.contains("clearml\\-local\\-logs(1)"), "{page}");
    let output = command(PROGRAM, home.path())
        .args(["man", "--dir", "man1"])
        .output();
    assert_eq!(text(output.unwrap()), "");
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
fn completions_ignore_a_broken_settings_file() {
    let home = home();
    files::write(&home.path().join("clearml-local.yaml"), "ports: 1\n").unwrap();
    let output = command(PROGRAM, home.path())
        .args(["completions", "bash"])
        .output();
    assert!(text(output.unwrap()).contains("complete"));
}
