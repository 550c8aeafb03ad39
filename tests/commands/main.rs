//! Whole command lines in a home of their own, against an engine that answers from
//! a table: what a person sees at 80 and at 40 columns, and what a program reads.

#![expect(
    clippy::disallowed_methods,
    reason = "the test's own environment, for the programs that it runs"
)]

mod engine;
mod signals;
mod status;
mod tls;

use std::net::TcpListener;
use std::process::Command;

use engine::{Answers, machine, node};
use serde_json::json;
use tempfile::TempDir;

/// A home, and the engine in it.
struct Home {
    dir: TempDir,
    /// Host ports that nobody uses, for what looks whether they are free.
    ports: [u16; 3],
}

impl Home {
    fn new(answers: Answers) -> Home {
        let dir = tempfile::tempdir().unwrap();
        engine::start(dir.path(), answers);
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

    /// What differs from run to run gets a name.
    fn steady(&self, text: &str) -> String {
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

    /// Exit code and what was written, off a terminal.
    fn run(&self, arguments: &[&str]) -> String {
        let program = env!("CARGO_BIN_EXE_clearml-local");
        let output = self.command(program).args(arguments).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.steady(&format!(
            "exit code {}\n--- stdout\n{}--- stderr\n{}",
            output.status.code().unwrap_or(-1),
            text(&output.stdout),
            text(&output.stderr)
        ))
    }

    /// What stands on a terminal of so many columns at the end.
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
        self.steady(&terminal.screen().contents())
    }

    /// On terminals of 80 and 40 columns, off a terminal, and for programs.
    fn every_way(&self, arguments: &str) -> String {
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
fn a_machine_that_is_too_small() {
    let home = Home::new(Answers::empty().and("GET /info", machine(1_000_000_000, 1)));
    insta::assert_snapshot!(home.every_way("up"));
}

#[test]
fn a_first_dry_run_names_the_data_directory() {
    let home = Home::new(Answers::empty());
    let ran = home.run(&["up", "--dry-run"]);
    let line = "+ data directory ~/.local/share/clearml-local/clearml/data\n";
    assert!(ran.contains(line), "{ran}");
    let ran = home.run(&["up", "--dry-run", "--data-dir", "./my data/", "-o", "json"]);
    assert!(ran.contains(r#""dataDir":"HOME/my data""#), "{ran}");
    assert!(!home.dir.path().join("my data").exists());
}

#[test]
fn a_port_that_a_container_holds() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let holder = json!({
        "Id": "1", "Name": "/jupyter", "State": {"Running": true},
        "ListedPorts": [{"PrivatePort": 8888, "PublicPort": port, "Type": "tcp", "IP": "127.0.0.1"}],
    });
    let mut home = Home::new(Answers::empty().container("jupyter", holder));
    home.ports[0] = port;
    insta::assert_snapshot!(home.every_way("up"));
}

#[test]
fn an_address_that_this_machine_does_not_have() {
    let node = Answers::empty().container("clearml-control-plane", node("clearml", false));
    let home = Home::new(node);
    // Also in a home that has to start the node to read settings and keys back, which
    // this engine would refuse.
    for verb in [&["up"][..], &["up", "--dry-run"]] {
        let elsewhere = home.run(&[verb, &["--listen", "192.0.2.7"]].concat());
        assert!(elsewhere.starts_with("exit code 2\n"), "{elsewhere}");
        let said = elsewhere
            .matches("cannot publish ports on 192.0.2.7")
            .count();
        assert!((1..=2).contains(&said), "{elsewhere}");
        assert!(
            !elsewhere.contains("instance:"),
            "nothing was started: {elsewhere}"
        );
    }
    home.keep_settings();
    home.keep_keys();
    insta::assert_snapshot!(home.run(&["up", "--listen", "192.0.2.7"]));
}

#[test]
fn a_name_that_somebody_else_has() {
    let mut theirs = node("clearml", true);
    theirs["Config"]["Labels"] = json!({"io.x-k8s.kind.cluster": "clearml"});
    let home = Home::new(Answers::empty().container("clearml-control-plane", theirs));
    insta::assert_snapshot!(home.every_way("up"));
}

#[test]
fn nothing_is_there_to_take_away_stop_start_or_read() {
    let home = Home::new(Answers::empty());
    let texts =
        ["down", "stop", "start", "logs", "credentials", "list"].map(|verb| home.every_way(verb));
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn keys_that_the_instance_cannot_confirm_come_with_a_warning() {
    let stopped = Answers::empty().container("clearml-control-plane", node("clearml", false));
    for (answers, why) in [
        (stopped, Some("the node is not running")),
        (Answers::empty(), None),
    ] {
        let home = Home::new(answers);
        home.keep_settings();
        home.keep_keys();
        let ran = home.run(&["credentials"]);
        assert!(ran.starts_with("exit code 0\n"), "{ran}");
        assert!(ran.contains("Access key"), "{ran}");
        let warning = "warning: cannot ask the server whether these keys still work";
        assert_eq!(ran.contains(warning), why.is_some(), "{ran}");
        assert!(why.is_none_or(|why| ran.contains(why)), "{ran}");
    }
}

#[test]
fn instances_are_listed_also_stopped_ones() {
    let home = Home::new(Answers::empty().container("demo-control-plane", node("demo", false)));
    insta::assert_snapshot!(home.every_way("list"));
}

#[test]
fn purging_asks_somebody() {
    let home = Home::new(Answers::empty().container("demo-control-plane", node("demo", false)));
    insta::assert_snapshot!(home.run(&["down", "--purge", "--name", "demo"]));
}

#[test]
fn status_of_what_is_not_there_or_stopped() {
    let absent = Home::new(Answers::empty()).every_way("status");
    let stopped = Answers::empty().container("clearml-control-plane", node("clearml", false));
    let stopped = Home::new(stopped).every_way("status");
    insta::assert_snapshot!([absent, stopped].join("\n"));
}

#[test]
fn only_status_has_formats_for_shells() {
    let home = Home::new(Answers::empty());
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
