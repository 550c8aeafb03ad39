//! Command lines in a temporary home against a fake engine: the output at 80 and 40
//! columns, as plain lines, and as JSON.

#![expect(
    clippy::disallowed_methods,
    reason = "the environment of the programs that the tests run"
)]

mod damaged;
#[expect(dead_code, reason = "tests/faults uses it")]
mod engine;
mod engines;
mod planted;
mod sdk;
mod signals;
mod status;
mod support_bundle;
mod tls;

use std::net::TcpListener;
use std::process::Command;

use engine::{Responses, host_info, no_response, node};
use serde_json::json;
use tempfile::TempDir;

/// A home with an engine.
struct Home {
    dir: TempDir,
    /// Free host ports, because `up` checks that they are free.
    ports: [u16; 3],
}

impl Home {
    fn new(responses: Responses) -> Home {
        let dir = tempfile::tempdir().unwrap();
        engine::start(dir.path(), responses);
        let ports = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = ports.map(|port| port.local_addr().unwrap().port());
        Home { dir, ports }
    }

    fn command(&self, program: &str) -> Command {
        let [web, api, files] = self.ports.map(|port| port.to_string());
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(std::env::var("PATH").map(|path| ("PATH", path)))
            .env("HOME", self.dir.path())
            .env("TERM", "xterm")
            .env(
                "DOCKER_HOST",
                format!("unix://{}/docker.sock", self.dir.path().display()),
            )
            .env("CLEARML_LOCAL_WEB_PORT", web)
            .env("CLEARML_LOCAL_API_PORT", api)
            .env("CLEARML_LOCAL_FILES_PORT", files)
            .current_dir(self.dir.path());
        command
    }

    /// Replaces what differs from run to run.
    fn normalize(&self, text: &str) -> String {
        let mut text = text.replace(&self.dir.path().display().to_string(), "HOME");
        for (port, name) in self.ports.iter().zip(["WEB", "API", "FILES"]) {
            text = text.replace(&port.to_string(), name);
        }
        let times = [
            (r"\b[\d.]+ .B free", "N free"),
            (r"\b\d+\.\d s\b", "T s"),
            (r#""time":"[^"]*""#, r#""time":"T""#),
            (r#""elapsed":[\d.]+"#, r#""elapsed":0"#),
            (r#""seconds":[\d.]+"#, r#""seconds":0"#),
        ];
        for (pattern, name) in times {
            text = regex::Regex::new(pattern)
                .unwrap()
                .replace_all(&text, name)
                .into_owned();
        }
        text
    }

    /// Returns exit code and output without a terminal.
    fn run(&self, arguments: &[&str]) -> String {
        let program = env!("CARGO_BIN_EXE_clearml-local");
        self.output_of(self.command(program).args(arguments))
    }

    /// Returns exit code and output of a command.
    fn output_of(&self, command: &mut Command) -> String {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.normalize(&format!(
            "exit code {}\n--- stdout\n{}--- stderr\n{}",
            output.status.code().unwrap_or(-1),
            text(&output.stdout),
            text(&output.stderr)
        ))
    }

    /// Returns the final content of a terminal with this width.
    fn screen(&self, columns: u16, arguments: &str) -> String {
        let program = env!("CARGO_BIN_EXE_clearml-local");
        let line = format!("stty cols {columns} rows 50; exec {program} {arguments}");
        let output = self
            .command("script")
            .args(["-qec", &line, "/dev/null"])
            .output()
            .expect("`script` is part of Debian's bsdutils");
        let mut terminal = vt100::Parser::new(50, columns, 0);
        terminal.process(&output.stdout);
        self.normalize(&terminal.screen().contents())
    }

    /// Returns the output on terminals with 80 and 40 columns, without a terminal, and
    /// as JSON.
    fn all_formats(&self, arguments: &str) -> String {
        let words: Vec<&str> = arguments.split_whitespace().collect();
        let json: Vec<&str> = words.iter().copied().chain(["-o", "json"]).collect();
        format!(
            "$ clearml-local {arguments}\n=== 80 columns\n{}\n=== 40 columns\n{}\n=== plain\n{}=== json\n{}",
            self.screen(80, arguments),
            self.screen(40, arguments),
            self.run(&words),
            self.run(&json)
        )
    }
}

#[test]
fn a_host_that_is_too_small() {
    let home = Home::new(Responses::empty().with("GET /info", host_info(1_000_000_000, 1)));
    insta::assert_snapshot!(home.all_formats("up"));
}

#[test]
fn a_first_dry_run_names_the_data_directory() {
    let home = Home::new(Responses::empty());
    let output = home.run(&["up", "--dry-run"]);
    let line = "+ data directory ~/.local/share/clearml-local/clearml/data\n";
    assert!(output.contains(line), "{output}");
    let output = home.run(&["up", "--dry-run", "--data-dir", "./my data/", "-o", "json"]);
    assert!(output.contains(r#""dataDir":"HOME/my data""#), "{output}");
    assert!(!home.dir.path().join("my data").exists());
}

#[test]
fn a_port_in_use_by_a_container() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let jupyter = json!({
        "Id": "1", "Name": "/jupyter", "State": {"Running": true},
        "ListedPorts": [{"PrivatePort": 8888, "PublicPort": port, "Type": "tcp", "IP": "127.0.0.1"}],
    });
    let mut home = Home::new(Responses::empty().with_container("jupyter", jupyter));
    home.ports[0] = port;
    insta::assert_snapshot!(home.all_formats("up"));
}

#[test]
fn an_address_that_the_host_does_not_have() {
    let node = Responses::empty().with_container("clearml-control-plane", node("clearml", false));
    let home = Home::new(node);
    // The same must hold in a home that would have to start the node to restore
    // settings and keys, which this engine would refuse.
    for command in [&["up"][..], &["up", "--dry-run"]] {
        let output = home.run(&[command, &["--listen", "192.0.2.7"]].concat());
        assert!(output.starts_with("exit code 2\n"), "{output}");
        let count = output.matches("cannot publish ports on 192.0.2.7").count();
        assert!((1..=2).contains(&count), "{output}");
        assert!(
            !output.contains("instance:"),
            "nothing was started: {output}"
        );
    }
    home.store_settings();
    home.store_keys();
    insta::assert_snapshot!(home.run(&["up", "--listen", "192.0.2.7"]));
}

#[test]
fn a_name_in_use_by_another_container() {
    let mut other = node("clearml", true);
    other["Config"]["Labels"] = json!({"io.x-k8s.kind.cluster": "clearml"});
    let home = Home::new(Responses::empty().with_container("clearml-control-plane", other));
    insta::assert_snapshot!(home.all_formats("up"));
}

#[test]
fn commands_on_an_absent_instance() {
    let home = Home::new(Responses::empty());
    let texts = ["down", "stop", "start", "logs", "credentials", "list"]
        .map(|command| home.all_formats(command));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn unconfirmed_keys_are_printed_with_a_warning() {
    let stopped =
        Responses::empty().with_container("clearml-control-plane", node("clearml", false));
    for (responses, reason) in [
        (stopped, Some("the node is not running")),
        (Responses::empty(), None),
    ] {
        let home = Home::new(responses);
        home.store_settings();
        home.store_keys();
        let output = home.run(&["credentials"]);
        assert!(output.starts_with("exit code 0\n"), "{output}");
        assert!(output.contains("Access key"), "{output}");
        let warning = "warning: cannot ask the server whether these keys still work";
        assert_eq!(output.contains(warning), reason.is_some(), "{output}");
        assert!(
            reason.is_none_or(|reason| output.contains(reason)),
            "{output}"
        );
    }
}

#[test]
fn list_includes_stopped_instances() {
    let home =
        Home::new(Responses::empty().with_container("demo-control-plane", node("demo", false)));
    insta::assert_snapshot!(home.all_formats("list"));
}

#[test]
fn purge_asks_for_confirmation() {
    let home =
        Home::new(Responses::empty().with_container("demo-control-plane", node("demo", false)));
    insta::assert_snapshot!(home.run(&["down", "--purge", "--name", "demo"]));
}

#[test]
fn status_of_absent_and_stopped_instances() {
    let absent = Home::new(Responses::empty()).all_formats("status");
    let stopped =
        Responses::empty().with_container("clearml-control-plane", node("clearml", false));
    let stopped = Home::new(stopped).all_formats("status");
    insta::assert_snapshot!([absent, stopped].join("\n"));
}

#[test]
fn doctor_examines_absent_and_stopped_instances() {
    let too_small = Responses::empty().with("GET /info", host_info(1_000_000_000, 1));
    let stopped =
        Responses::empty().with_container("clearml-control-plane", node("clearml", false));
    // Each has free ports, because anybody may use the default ones.
    let doctor = |responses, option: &[&str]| {
        let home = Home::new(responses);
        home.store_settings();
        home.run(&[&["doctor"], option].concat())
    };
    let too_small = doctor(too_small, &[]);
    let absent = doctor(Responses::empty(), &["--fix"]);
    let stopped = doctor(stopped, &["-o", "json"]);
    insta::assert_snapshot!([too_small, absent, stopped].join("\n"));
}

#[test]
fn an_engine_that_does_not_answer_is_reported_within_the_limit() {
    let home = Home::new(Responses::empty().with("GET /info", no_response()));
    let with_limit = |limit: &str| {
        let mut command = home.command(env!("CARGO_BIN_EXE_clearml-local"));
        home.output_of(command.arg("up").env("DOCKER_CLIENT_TIMEOUT", limit))
    };
    insta::assert_snapshot!([with_limit("1"), with_limit("1m")].join("\n"));
}

#[test]
fn only_status_supports_env_and_yaml() {
    let home = Home::new(Responses::empty());
    insta::assert_snapshot!(
        [
            home.run(&["status", "-o", "env"]),
            home.run(&["status", "-o", "yaml"]),
            home.run(&["list", "-o", "yaml"]),
            home.run(&["status", "--wait"]),
            home.run(&["status", "--wait=5"]),
        ]
        .join("\n")
    );
}
