//! The SDK and the agent from PyPI, with the configuration that `credentials --conf` prints.
//! `tests/run` installs them and names their virtual environment in `E2E_SDK`.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{Instance, Output, run};
use crate::server::User;

/// How long an experiment, or an agent with a task of a few seconds, may take.
const LIMIT: Duration = Duration::from_secs(120);

/// The image that `tests/rig/agent` builds.
const IMAGE: &str = "rig.local/agent:3.0.3";

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

    pub fn run(&self, name: &str, script: &str) -> Output {
        let script = self.instance.write(name, script);
        Output::new(self.command("python").arg(script).output().unwrap()).expect(0)
    }

    /// Runs a script that prints its task, and returns the task.
    pub fn run_task(&self, name: &str, script: &str) -> String {
        let ran = self.run(name, script);
        let mut lines = ran.stdout.lines();
        let task = lines.find_map(|line| line.strip_prefix("task="));
        task.unwrap_or_else(|| panic!("{}", ran.stdout)).to_owned()
    }

    /// Runs an experiment: scalars, an artifact up and down, search, delete.
    pub fn runs_an_experiment(&self) {
        let ran = self.run("experiment.py", include_str!("sdk/experiment.py"));
        assert!(ran.stdout.contains("done"), "{}", ran.stdout);
        // The SDK reports requests that fail, and goes on.
        let text = ran.stdout + &ran.stderr;
        assert!(!text.contains("Action failed"), "{text}");
    }

    /// Runs the script of `clearml-local example` as it is, and returns the page of its task.
    pub fn runs_the_example(&self) -> String {
        self.instance.run(&["example"]).expect(0);
        let mut python = self.command("python");
        let ran = Output::new(python.arg("first_experiment.py").output().unwrap()).expect(0);
        let mut lines = ran.stdout.lines();
        let page = lines.find_map(|line| line.strip_prefix("See it in the browser: "));
        let page = page.unwrap_or_else(|| panic!("{}", ran.stdout)).to_owned();
        let web = format!("http://localhost:{}/", self.instance.web);
        assert!(page.starts_with(&web), "{page}");
        let text = ran.stdout + &ran.stderr;
        assert!(!text.contains("Action failed"), "{text}");
        page
    }

    /// Moves a task to a queue, from which an agent executes it.
    pub async fn runs_a_task_in_an_agent(&self) {
        let task = self.run_task("queued.py", include_str!("sdk/queued.py"));
        let agent = Agent::start(self);
        let user = User::of(self.instance).await;
        completed(&user, &task, || agent.log()).await;
        let asked = json!({"task": task, "key": "iter"});
        let scalars = user
            .call("events.scalar_metrics_iter_histogram", asked)
            .await;
        assert_eq!(scalars["loss"]["train"]["y"], json!([0.5]), "{scalars}");
    }
}

/// Waits until a task has completed, and returns it. `log` is that of its agent.
pub async fn completed(user: &User, task: &str, log: impl Fn() -> String) -> Value {
    let deadline = Instant::now() + LIMIT;
    loop {
        let mut found = user.call("tasks.get_by_id", json!({"task": task})).await;
        let status = found["task"]["status"].as_str().unwrap();
        if status == "completed" {
            return found["task"].take();
        }
        let waits = status != "failed" && Instant::now() < deadline;
        assert!(waits, "{status}: {}", log());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Enqueues a task that is a Python script.
pub async fn enqueue(user: &User, name: &str, script: &str) -> String {
    let task = json!({
        "name": name,
        "type": "training",
        "script": {
            "binary": "python3", "repository": "", "entry_point": "task.py",
            "working_dir": ".", "diff": script, "requirements": {"pip": ""},
        },
    });
    let created = user.call("tasks.create", task).await;
    let id = created["id"].as_str().unwrap().to_owned();
    let queued = json!({"task": id, "queue_name": "default"});
    user.call("tasks.enqueue", queued).await;
    id
}

/// Builds the image of an agent in the engine, and returns its name. Prints why the tests with it
/// are skipped without the agent from PyPI.
pub fn agent_image() -> Option<&'static str> {
    let Some(environment) = std::env::var_os("E2E_SDK") else {
        eprintln!("SKIPPED: no agent is started: tests/run could not install it from PyPI");
        return None;
    };
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rig/agent");
    run(build, &[environment.to_str().unwrap()]).expect(0);
    Some(IMAGE)
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
