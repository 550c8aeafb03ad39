//! Whole command lines in a temporary home, with an engine that answers what was recorded.

use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use regex::Regex;

use crate::Printed;
use crate::cases::{CommandLine, Namespaces};
use crate::fake::{self, Responses};

/// How long a command may take, on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

pub fn decide(line: &CommandLine) -> Printed {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path();
    for (name, text) in &line.files {
        let path = home.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        match text.as_str() {
            Some(text) => std::fs::write(path, text).unwrap(),
            None => std::fs::write(path, text.to_string()).unwrap(),
        }
    }
    let mut responses = Responses::empty();
    for (request, response) in &line.responses {
        responses = responses.with(request, response.clone());
    }
    fake::start(home, responses);
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
    let program = env!("CARGO_BIN_EXE_clearml-local");
    let mut command = match (&line.signal, &line.namespaces) {
        // The tests themselves may run under `nohup`.
        (Some(_), _) => {
            let mut command = Command::new("env");
            command.args(["--default-signal=HUP", program]);
            command
        }
        (None, Some(namespaces)) => {
            let mut command = within(namespaces, home);
            command.arg(program);
            command
        }
        (None, None) => Command::new(program),
    };
    command
        .args(
            line.arguments
                .iter()
                .map(|one| one.replace("HOME", &home.display().to_string())),
        )
        .env_clear()
        .envs(std::env::var("PATH").map(|path| ("PATH", path)))
        .env("HOME", home)
        .env(
            "DOCKER_HOST",
            format!("unix://{}/docker.sock", home.display()),
        )
        .current_dir(home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    for (port, name) in ports.iter().zip(["WEB", "API", "FILES"]) {
        command.env(format!("CLEARML_LOCAL_{name}_PORT"), port.to_string());
    }
    for (name, value) in &line.environment {
        match value {
            Some(value) => command.env(name, value.replace("HOME", &home.display().to_string())),
            None => command.env_remove(name),
        };
    }
    if line.full_output {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        command.stdout(full.unwrap());
    }
    let text = stderr_of(command.spawn().unwrap(), line.signal.as_deref(), home);
    let text = normalize(&text, home, ports);
    Printed {
        failures: identifiers(&text),
        text,
    }
}

/// Returns the beginning of a command that runs in namespaces.
fn within(namespaces: &Namespaces, home: &Path) -> Command {
    let script = namespaces
        .script
        .replace("HOME", &home.display().to_string());
    let mut command = Command::new("unshare");
    command.args(&namespaces.options);
    command.args(["sh", "-c", &format!("set -e; {script}\nexec \"$@\""), "sh"]);
    command
}

/// Whether this host allows the namespaces of a command.
pub fn is_possible(line: &CommandLine) -> bool {
    let dir = tempfile::tempdir().unwrap();
    line.namespaces.as_ref().is_none_or(|namespaces| {
        let tried = within(namespaces, dir.path()).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    })
}

/// Returns what a command prints, which gets a signal once it has asked the engine.
fn stderr_of(mut child: Child, signal: Option<&str>, home: &Path) -> String {
    let began = Instant::now();
    if let Some(signal) = signal {
        while !home
            .join(".local/share/clearml-local/clearml/lock")
            .exists()
        {
            assert!(began.elapsed() < LIMIT, "the command does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        let sent = Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }
    let mut text = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    child.wait().unwrap();
    text
}

/// Replaces what differs from run to run.
fn normalize(text: &str, home: &Path, ports: [u16; 3]) -> String {
    let mut text = text.replace(&home.display().to_string(), "HOME");
    for (port, name) in ports.iter().zip(["WEB", "API", "FILES"]) {
        text = text.replace(&port.to_string(), name);
    }
    let varies = [
        (r"\b[\d.]+ .B free", "N free"),
        (r"\b\d+\.\d s\b", "T s"),
        (r"\b\d+ d\b( \d+ h)?", "D d"),
    ];
    for (pattern, name) in varies {
        let pattern = Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, name).into_owned();
    }
    // What a command reports before it fails is not part of the error.
    match text.find("error: ") {
        Some(at) => text[at..].to_owned(),
        None => text,
    }
}

/// Returns the identifiers at the end of the first line.
fn identifiers(text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    let list = first
        .strip_suffix(']')
        .and_then(|rest| rest.rsplit_once('['));
    let Some((_, list)) = list else {
        return Vec::new();
    };
    list.split(", ").map(str::to_owned).collect()
}
