//! Agents of a local server: interrupted commands, tasks, GPUs, and what outlives the cluster.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::gpus;
use crate::harness::{Instance, Output};
use crate::sdk::{Sdk, agent_image, completed, enqueue};
use crate::server::User;

/// How long the worker of a pod that runs may take to be known to the server.
const LIMIT: Duration = Duration::from_secs(120);

#[tokio::test]
#[ignore = "needs an engine: tests/run"]
async fn agents_from_first_up_to_an_interrupted_down() {
    let Some(image) = agent_image() else { return };
    let instance = Instance::new("agents");
    instance.up(&[]).expect(0);
    let sdk = Sdk::of(&instance).unwrap();
    interrupted_and_twice_at_once(&instance, image);
    executes_a_task(&instance, &sdk).await;
    status_names_tasks_without_an_agent(&instance, &sdk).await;
    another_home_knows_them(&instance);

    instance.run(&["down"]).expect(0);
    instance.run(&["up"]).expect(0);
    // It was installed again with the server.
    await_agent(&instance);
    // The node cannot be started without them.
    let _gpus = gpus::agents_have_gpus(&instance, image);
    a_killed_removal_is_finished(&instance);
    instance.run(&["down", "--purge", "--yes"]).expect(0);
}

/// Interrupts `agent up` and kills it while the image is loaded. Then two at once install the
/// agent once.
fn interrupted_and_twice_at_once(instance: &Instance, image: &str) {
    let mut command = instance.command();
    let up = command.args(["agent", "up", "--image", image, "--timeout=3m", "-o=json"]);
    for (signal, code) in [("INT", Some(130)), ("KILL", None)] {
        let ended = instance.signal_at(up, r#""step":"images""#, signal);
        assert_eq!(ended.code(), code, "{signal}");
        let status = instance.run(&["agent", "status", "-o", "json"]).expect(0);
        assert_eq!(status.json()["agents"], json!([]));
    }
    up.stdout(Stdio::piped()).stderr(Stdio::piped());
    let both = [(); 2].map(|()| up.spawn().unwrap());
    let mut changed = both.map(|up| {
        let output = Output::new(up.wait_with_output().unwrap()).expect(0);
        output.events().last().unwrap()["changed"].as_bool()
    });
    changed.sort_unstable();
    assert_eq!(changed, [Some(false), Some(true)]);
}

/// The agent executes a task, which reads an artifact from outside of the cluster and writes one
/// that opens outside.
async fn executes_a_task(instance: &Instance, sdk: &Sdk<'_>) {
    let outside = sdk.run_task("outside.py", include_str!("sdk/outside.py"));
    let script = include_str!("sdk/in_cluster.py").replace("OUTSIDE", &outside);
    let task = sdk.run_task("in_cluster.py", &script);
    let user = User::of(instance).await;
    let found = completed(&user, &task, || instance.run(&["agent", "logs"]).stdout).await;
    let files = format!("http://localhost:{}/", instance.files);
    let artifacts = found["execution"]["artifacts"].to_string();
    assert!(artifacts.contains(&files), "{artifacts}");
    let script = include_str!("sdk/from_cluster.py").replace("TASK", &task);
    let read = sdk.run("from_cluster.py", &script);
    assert!(read.stdout.contains("rate=0.25"), "{}", read.stdout);
}

async fn status_names_tasks_without_an_agent(instance: &Instance, sdk: &Sdk<'_>) {
    assert_eq!(instance.run(&["agent", "status"]).code, 0);
    let user = User::of(instance).await;
    // The queue is created by the user, as in the web app.
    user.call("queues.create", json!({"name": "nobody"})).await;
    let script = include_str!("sdk/queued.py");
    sdk.run_task("waits.py", &script.replace("\"default\"", "\"nobody\""));
    let status = instance.run(&["agent", "status", "-o", "json"]);
    let problems = &status.json()["findings"];
    assert_eq!(problems[0]["failure"], "queue-without-agent", "{problems}");
    let hint = problems[0]["hints"].to_string();
    assert!(hint.contains("up --queue nobody"), "{hint}");
}

/// `up` in a home that has not installed the agents knows all of them afterwards.
fn another_home_knows_them(instance: &Instance) {
    let home = tempfile::tempdir().unwrap();
    let in_other_home = |arguments: &[&str]| {
        let output = instance.run_command(instance.command_in(home.path()).args(arguments));
        output.expect(0)
    };
    let agents = |list: Output| {
        let list = list.json();
        let mut ours = list.as_array().unwrap().iter();
        let ours = ours.find(|one| one["name"] == instance.name.as_str());
        ours.unwrap()["agents"].clone()
    };
    let list = ["list", "-o", "json"];
    let here = agents(instance.run(&list));
    assert_eq!(here.as_array().map(Vec::len), Some(1), "{here}");
    in_other_home(&["up"]);
    assert_eq!(agents(in_other_home(&list)), here);
}

/// Waits until the server knows the agent of the cluster.
fn await_agent(instance: &Instance) {
    let deadline = Instant::now() + LIMIT;
    loop {
        let status: Value = instance.run(&["agent", "status", "-o", "json"]).json();
        if status["agents"][0]["workers"][0]["lastSeen"].is_string() {
            return;
        }
        assert!(Instant::now() < deadline, "{status}");
        std::thread::sleep(Duration::from_millis(500));
    }
}

/// Kills `agent down` when it has begun to remove the agent. The next one finishes it, and nothing
/// installs the agent again in between.
fn a_killed_removal_is_finished(instance: &Instance) {
    let mut command = instance.command();
    let down = command.args(["agent", "down", "-o", "json"]);
    instance.signal_at(down, r#""step":"agent""#, "KILL");
    let list = instance.state_dir().join("agents.json");
    let listed = || std::fs::read_to_string(&list).unwrap();
    assert_eq!(listed().trim(), "[]");
    let up = instance.run(&["up"]).expect(0);
    assert_eq!(listed().trim(), "[]", "{}", up.stderr);
    instance.run(&["agent", "down"]).expect(0);
    let status = instance.run(&["agent", "status", "-o", "json"]);
    assert_eq!(status.json()["agents"], json!([]));
    let kinds = "statefulsets,pods,secrets,configmaps";
    let label = "clearml-local.io/agent";
    let left = instance.kubectl(&["get", kinds, "-l", label, "-o", "name"]);
    assert_eq!(left, "");
}

/// Starts an agent of a server that is reached by names, which only the user's machine resolves,
/// with a private certificate. A task reads from the file server as the SDK does. `run` runs a
/// command of the instance.
pub async fn reaches_the_server_by_name(
    run: impl Fn(&[&str]) -> Output,
    image: &str,
    user: &User,
    files: &str,
) {
    run(&["agent", "up", "--image", image, "--timeout=3m"]).expect(0);
    let script = format!("import requests\nassert requests.get('{files}').status_code < 500\n");
    let task = enqueue(user, "by name", &script).await;
    completed(user, &task, || run(&["agent", "logs"]).stdout).await;
}
