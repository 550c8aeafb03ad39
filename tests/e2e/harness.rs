//! An instance for a test, with its own name, ports and home, which is purged at the
//! end.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// An instance that is purged when the test ends, even if it fails.
pub struct Instance {
    pub name: String,
    pub web: u16,
    pub api: u16,
    pub files: u16,
    home: TempDir,
}

pub struct Output {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    pub fn new(output: process::Output) -> Output {
        Output {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts the exit code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Output {
        assert_eq!(
            self.code, code,
            "\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout, self.stderr
        );
        self
    }

    /// Parses stdout as JSON lines.
    pub fn events(&self) -> Vec<Value> {
        let lines = self.stdout.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
            .collect()
    }

    /// Parses stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{}: {e}", self.stdout))
    }
}

/// Returns three free host ports.
pub fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Returns a free host port.
pub fn free_port() -> u16 {
    free_ports()[0]
}

/// Returns the ports at which the web app of 1.5.0 finds the API, or the others that it knows
/// if somebody uses those.
pub fn known_ports() -> [u16; 3] {
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut known = [[30080, 30008, 30081], [8080, 8008, 8081]].into_iter();
    let free = known.find(|ports| ports.iter().all(is_free));
    free.expect("the ports 30080, 30008 and 30081, or 8080, 8008 and 8081, must be free")
}

impl Instance {
    pub fn new(test: &str) -> Instance {
        Instance::on(test, free_ports())
    }

    /// Returns an instance with these ports for web app, API and files.
    pub fn on(test: &str, [web, api, files]: [u16; 3]) -> Instance {
        Instance {
            name: format!("e2e-{test}-{}", std::process::id()),
            web,
            api,
            files,
            home: tempfile::tempdir().unwrap(),
        }
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_clearml-local"));
        command
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("XDG_DATA_HOME", self.home.path().join("share"))
            .env("CLEARML_LOCAL_NAME", &self.name)
            .stdin(Stdio::null());
        command
    }

    /// Returns a command in another home, which does not know the instance.
    pub fn command_in(&self, home: &Path) -> Command {
        let mut command = self.command();
        command
            .current_dir(home)
            .env("HOME", home)
            .env("XDG_DATA_HOME", home.join("share"));
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        Output::new(self.command().args(arguments).output().unwrap())
    }

    /// Waits until `status` contains these words. It omits what a busy node does not
    /// answer in time.
    #[track_caller]
    pub fn await_status(&self, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let status = self.run(&["status"]).stdout;
            if status.contains(words) {
                return;
            }
            assert!(Instant::now() < deadline, "{status}");
        }
    }

    /// Runs `up` with the instance's ports.
    pub fn up(&self, more: &[&str]) -> Output {
        self.run_command(self.up_command().args(more))
    }

    /// Returns the `up` command with the instance's ports.
    pub fn up_command(&self) -> Command {
        let mut command = self.command();
        command.arg("up").args([
            format!("--web-port={}", self.web),
            format!("--api-port={}", self.api),
            format!("--files-port={}", self.files),
        ]);
        command
    }

    /// Runs a command for this instance.
    pub fn run_command(&self, command: &mut Command) -> Output {
        Output::new(command.output().unwrap())
    }

    /// Runs a command, and sends it a signal once it prints a line with these words.
    #[track_caller]
    pub fn signal_at(&self, command: &mut Command, words: &str, signal: &str) -> ExitStatus {
        let running = command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut running = running.spawn().unwrap();
        let lines = BufReader::new(running.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        assert!(
            lines.any(|line| line.contains(words)),
            "it never prints {words}"
        );
        let process = running.id().to_string();
        run("kill", &["-s", signal, &process]).expect(0);
        running.wait().unwrap()
    }

    /// Writes a file in the home and returns its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Returns a path in the home.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn state_dir(&self) -> PathBuf {
        self.home
            .path()
            .join("share/clearml-local")
            .join(&self.name)
    }

    pub fn node(&self) -> String {
        format!("{}-control-plane", self.name)
    }

    /// Runs kubectl in the node.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        let node = self.node();
        let mut all = vec!["exec", &node, "kubectl", "-n", "clearml"];
        all.extend(arguments);
        run("docker", &all).expect(0).stdout
    }

    /// Returns the version of each object, which changes whenever somebody changes the
    /// object. For workloads it is the generation, because their controllers update the
    /// status until the last pod of an earlier generation has terminated.
    pub fn versions(&self) -> Vec<String> {
        let others = "services,secrets,configmaps,pvc,pv,pods";
        let versions = [
            ("deployments,statefulsets", "generation"),
            (others, "resourceVersion"),
        ];
        let listed = versions.map(|(kinds, version)| {
            let line = format!("{{.kind}}/{{.metadata.name}} {{.metadata.{version}}}");
            let path = format!("jsonpath={{range .items[*]}}{line}{{\"\\n\"}}{{end}}");
            self.kubectl(&["get", kinds, "-o", &path])
        });
        listed.concat().lines().map(str::to_owned).collect()
    }

    /// Asserts that the containers were restarted only with the node: `times` since
    /// they were created. Under load, a container may fail once to start on cgroup v1
    /// (see the README of the rig).
    pub fn assert_restarts(&self, times: u64) {
        let servers = ["apiserver", "fileserver", "webserver"];
        let databases = ["elasticsearch", "mongodb", "redis"];
        for component in servers.iter().chain(&databases) {
            let (restarts, end) = self.restarts(component);
            let failed_to_start = end
                .as_ref()
                .is_some_and(|(_, reason)| reason == "StartError");
            assert!(
                restarts == times || failed_to_start && restarts == times + 1,
                "{component}: {restarts} restarts, {end:?}"
            );
        }
    }

    /// Returns how often the container of a component was restarted, and how it last
    /// ended: exit code and reason.
    pub fn restarts(&self, component: &str) -> (u64, Option<(i64, String)>) {
        let label = format!("clearml-local.io/component={component}");
        let pods = self.kubectl(&["get", "pods", "-l", &label, "-o", "json"]);
        let pods: Value = serde_json::from_str(&pods).unwrap();
        let status = &pods["items"][0]["status"]["containerStatuses"][0];
        let last = &status["lastState"]["terminated"];
        let end = last["exitCode"].as_i64().map(|code| {
            let reason = last["reason"].as_str().unwrap_or_default();
            (code, reason.to_owned())
        });
        (status["restartCount"].as_u64().unwrap(), end)
    }

    /// Returns the containers and volumes of the instance.
    pub fn resources(&self) -> Vec<String> {
        let label = format!("label=clearml-local.io/instance={}", self.name);
        let containers = run("docker", &["ps", "-aq", "--filter", &label]).expect(0);
        let volumes = run("docker", &["volume", "ls", "-q", "--filter", &label]).expect(0);
        let both = containers.stdout + &volumes.stdout;
        both.lines().map(str::to_owned).collect()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let purged = self.run(&["down", "--purge", "--yes"]);
        if purged.code != 0 {
            let _ = Command::new("docker")
                .args(["rm", "-fv", &self.node()])
                .output();
        }
    }
}

pub fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).output();
    Output::new(output.unwrap_or_else(|error| panic!("{program}: {error}")))
}

/// Returns whether a program is installed, and prints a message if not.
pub fn has(program: &str) -> bool {
    let found = Command::new(program).arg("version").output().is_ok();
    if !found {
        eprintln!("SKIPPED: `{program}` is not installed");
    }
    found
}
