//! An agent in a cluster that clearml-local did not create.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use clearml_local::testing::files;
use serde_json::{Value, json};

use super::cluster::ThreeNodes;
use super::installed::Installed;
use crate::harness::run;
use crate::sdk::{self, completed, enqueue};
use crate::server::{self, User};

/// How long a task of a few seconds, or the news of a killed pod, may take.
const LIMIT: Duration = Duration::from_secs(120);

/// Loads the image of an agent into the nodes, while the test goes on. `None` without an image.
pub fn load_image(cluster: &'static ThreeNodes) -> JoinHandle<Option<&'static str>> {
    thread::spawn(|| {
        let image = sdk::agent_image()?;
        cluster.load(image);
        Some(image)
    })
}

/// Starts an agent with an image for which the nodes need a login. The image is no agent's, so that
/// its own words say that it was pulled.
pub fn pulls_with_the_login_of_the_values(server: &Installed, image: &str) {
    let up = ["agent", "up", "--image", image, "--timeout=2m"];
    let started = server.run(&up);
    assert!(
        started.stderr.contains("the image has no python3"),
        "{}",
        started.stderr
    );
    server.run(&["agent", "down"]).expect(0);
}

/// Starts an agent, which executes a task. Then its container is killed while it executes another
/// one. The API server and the file server are forwarded to these ports.
pub async fn executes_tasks_and_is_killed(server: &Installed, image: &str, ports: [u16; 2]) {
    let variable = "--env=E2E_TOKEN=known";
    let up = ["agent", "up", "--image", image, variable, "--timeout=3m"];
    let up = server.run(&up).expect(0);
    assert!(!format!("{}{}", up.stdout, up.stderr).contains("known"));
    let printed = server.run(&["credentials", "-o", "json"]).expect(0).json();
    let urls = ports.map(|port| format!("http://127.0.0.1:{port}"));
    let user = User::with(server::client(), urls, &printed).await;

    let script = "import os\nassert os.environ['E2E_TOKEN'] == 'known'\n";
    let executed = enqueue(&user, "executed", script).await;
    completed(&user, &executed, || server.run(&["agent", "logs"]).stdout).await;
    server.run(&["agent", "status"]).expect(0);
    is_adopted_by_a_home_that_does_not_know_it(server);

    let lost = enqueue(&user, "killed", "import time\ntime.sleep(600)\n").await;
    let executes = |status: &Value| status["agents"][0]["workers"][0]["task"] == *lost;
    await_status(server, executes);
    kill(server);
    let names_it = |status: &Value| {
        let mut findings = status["findings"].as_array().unwrap().iter();
        findings.any(|finding| {
            let message = finding["message"].as_str().unwrap();
            finding["failure"] == "agent-lost" && message.contains("`killed`")
        })
    };
    await_status(server, names_it);

    let list = server.state_dir().join("agents.json");
    let before = files::read(&list).unwrap().unwrap();
    server.run(&["agent", "down"]).expect(0);
    // A home that has not noticed it.
    files::write(&list, &before).unwrap();
    let status = server.run(&["agent", "status", "-o", "json"]).json();
    assert_eq!(status["agents"], json!([]));
    let after = files::read(&list).unwrap().unwrap();
    assert_eq!(after.trim(), "[]");
}

/// Waits until `agent status` shows something.
fn await_status(server: &Installed, is_shown: impl Fn(&Value) -> bool) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let status = server.run(&["agent", "status", "-o", "json"]).json();
        if is_shown(&status) {
            return;
        }
        let waits = Instant::now() < deadline;
        assert!(waits, "{status}: {}", server.run(&["agent", "logs"]).stdout);
        thread::sleep(Duration::from_millis(500));
    }
}

fn is_adopted_by_a_home_that_does_not_know_it(server: &Installed) {
    let list = server.state_dir().join("agents.json");
    let before = files::read(&list).unwrap();
    assert!(before.is_some());
    std::fs::remove_file(&list).unwrap();
    server.run(&["agent", "status"]).expect(0);
    assert_eq!(files::read(&list).unwrap(), before);
}

/// Kills the agent's container, as the kernel does when it exceeds its memory limit.
fn kill(server: &Installed) {
    let label = "clearml-local.io/agent";
    let pods = ["pods", "-n", &server.namespace, "-l", label];
    let pods = server.cluster.get(&pods);
    let pod = &pods["items"][0];
    let node = pod["spec"]["nodeName"].as_str().unwrap();
    let containers = pod["status"]["containerStatuses"].as_array().unwrap();
    let agent = containers.iter().find(|one| one["name"] == "agent");
    let id = agent.unwrap()["containerID"].as_str().unwrap();
    let id = id.strip_prefix("containerd://").unwrap();
    let kill = [
        "ctr", "-n", "k8s.io", "tasks", "kill", "-a", "-s", "SIGKILL", id,
    ];
    run("docker", &[&["exec", node], &kill[..]].concat()).expect(0);
}
