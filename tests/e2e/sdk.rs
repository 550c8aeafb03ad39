//! The SDK and the agent from PyPI, with the configuration that `credentials --conf` prints.
//! `tests/run` installs them and names their virtual environment in `E2E_SDK`.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::{Instance, Output};
use crate::server::User;

/// How long an experiment, or an agent with a task of a few seconds, may take.
const LIMIT: Duration = Duration::from_secs(120);

/// A user of the SDK in the home of an instance.
pub struct Sdk<'a> {
    instance: &'a Instance,
    programs: PathBuf,
    conf: String,
}

impl<'a> Sdk<'a> {
    /// Returns the SDK, or prints why the tests with it are skipped.
    pub fn of(instance: &'a Instance) -> Option<Sdk<'a>> {
        let Some(environment) = std::env::var_os("E2E_SDK") else {
            eprintln!("SKIPPED: the SDK is not used: tests/run could not install it from PyPI");
            return None;
        };
        let conf = instance.run(&["credentials", "--conf"]).expect(0).stdout;
        Some(Sdk {
            instance,
            programs: Path::new(&environment).join("bin"),
            conf: instance.write("sdk.conf", &conf),
        })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("timeout");
        command
            .arg(LIMIT.as_secs().to_string())
            .arg(self.programs.join(program))
            .current_dir(self.instance.path(""))
            .env("HOME", self.instance.path(""))
            .env("CLEARML_CONFIG_FILE", &self.conf)
            // Instead of a new virtual environment with packages from PyPI.
            .env(
                "CLEARML_AGENT_SKIP_PIP_VENV_INSTALL",
                self.programs.join("python"),
            )
            .env("CLEARML_AGENT_SKIP_PYTHON_ENV_INSTALL", "1")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, name: &str, script: &str) -> Output {
        let script = self.instance.write(name, script);
        Output::new(self.command("python").arg(script).output().unwrap()).expect(0)
    }

    /// Runs an experiment: scalars, an artifact up and down, search, delete.
    pub fn runs_an_experiment(&self) {
        let ran = self.run("experiment.py", include_str!("sdk/experiment.py"));
        assert!(ran.stdout.contains("done"), "{}", ran.stdout);
        // The SDK reports requests that fail, and goes on.
        let text = ran.stdout + &ran.stderr;
        assert!(!text.contains("Action failed"), "{text}");
    }

    /// Runs the script of `clearml-local example` as it is.
    pub fn runs_the_example(&self) {
        self.instance.run(&["example"]).expect(0);
        let mut python = self.command("python");
        let ran = Output::new(python.arg("first_experiment.py").output().unwrap()).expect(0);
        let web = format!(
            "See it in the browser: http://localhost:{}",
            self.instance.web
        );
        assert!(ran.stdout.contains(&web), "{}", ran.stdout);
        let text = ran.stdout + &ran.stderr;
        assert!(!text.contains("Action failed"), "{text}");
    }

    /// Moves a task to a queue, from which an agent executes it.
    pub async fn runs_a_task_in_an_agent(&self) {
        let queued = self.run("queued.py", include_str!("sdk/queued.py"));
        let task = queued
            .stdout
            .lines()
            .find_map(|line| line.strip_prefix("task="));
        let task = task.unwrap_or_else(|| panic!("{}", queued.stdout));
        let agent = Agent::start(self);
        let user = User::of(self.instance).await;
        let deadline = Instant::now() + LIMIT;
        loop {
            let found = user.call("tasks.get_by_id", json!({"task": task})).await;
            let status = found["task"]["status"].as_str().unwrap().to_owned();
            if status == "completed" {
                break;
            }
            let waits = status != "failed" && Instant::now() < deadline;
            assert!(waits, "{status}: {}", agent.log());
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let asked = json!({"task": task, "key": "iter"});
        let scalars = user
            .call("events.scalar_metrics_iter_histogram", asked)
            .await;
        assert_eq!(scalars["loss"]["train"]["y"], json!([0.5]), "{scalars}");
    }
}

/// An agent, which ends when it is dropped.
struct Agent {
    process: Child,
    log: PathBuf,
}

impl Agent {
    fn start(sdk: &Sdk<'_>) -> Agent {
        let log = sdk.instance.path("agent.log");
        let file = std::fs::File::create(&log).unwrap();
        let mut command = sdk.command("clearml-agent");
        let process = command
            .args(["daemon", "--queue", "default", "--foreground", "--cpu-only"])
            .stderr(file.try_clone().unwrap())
            .stdout(file)
            .process_group(0)
            .spawn();
        Agent {
            process: process.unwrap(),
            log,
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // With the task that it executes.
        let group = format!("-{}", self.process.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.process.wait();
    }
}
