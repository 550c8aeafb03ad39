//! Stops a node in order, so that no database is killed while it writes: the kubelet, the
//! servers, the databases, the container. Does not need the Kubernetes API.

use std::time::Duration;

use futures_util::future::try_join_all;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{Error, end};
use crate::component::Component;
use crate::docker::{self, Engine};
use crate::event::Step;
use crate::namespace::Namespace;
use crate::wait::{Attempt, Wait};

/// How long servers and databases together may take to stop.
const TIMEOUT: Duration = Duration::from_secs(120);

/// How long after SIGTERM a server that is still running gets it again.
const AGAIN: Duration = Duration::from_secs(4);

/// The result of a stop.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StopReport {
    /// Components that did not stop in time and were killed.
    pub killed: Vec<Component>,
}

/// Selects the tasks of our components from the output of [`RUNNING`], and prints lines
/// of `TASK COMPONENT`. The component is taken from the name of the pod.
const LIST: &str = r#"ours=$(ctr -n k8s.io containers ls -q 'labels."io.kubernetes.pod.namespace"=='"$1"',labels."io.cri-containerd.kind"==container' 2>/dev/null </dev/null)
while read -r t; do
  case $ours in *"$t"*) ;; *) continue ;; esac
  i=$(ctr -n k8s.io containers info "$t" 2>/dev/null </dev/null) || continue
  n=$(printf '%s\n' "$i" | sed -n 's/.*"io.kubernetes.pod.name": "clearml-\([a-z]*\)-.*/\1/p' | head -n 1)
  echo "$t $n"
done"#;

const RUNNING: &str =
    r"ctr -n k8s.io tasks ls 2>/dev/null | sed -n 's/^\([^ ]*\) .*RUNNING.*/\1/p'";

/// A file that exists from the beginning of a stop. It disappears with the container, so
/// it is found only if a stop was interrupted.
pub(super) const MARK: &str = "/run/clearml-local-stop";
const BEGIN: &str = "touch /run/clearml-local-stop; systemctl stop kubelet";
/// Also prints the time.
const FORGET: &str = "rm -f /run/clearml-local-stop; date -u +%Y-%m-%dT%H:%M:%S.%NZ";
/// Kills the commands that an interrupted stop left running, which would stop
/// servers after a restart. The brackets keep the pattern from matching this command
/// itself.
const KILL_LEFTOVERS: &str = "pkill -f 'exec-id [c]learml-local-stop'";

/// Stops the components of a node in order, and then its container.
pub async fn stop_in_order(
    engine: &dyn Engine,
    node: &str,
    step: &Step,
) -> Result<StopReport, Error> {
    let report = stop_components(engine, node, step).await?;
    step.state("stopping the node");
    // The databases have stopped, so nothing else can lose data.
    end::stop(engine, node, step).await?;
    Ok(report)
}

/// Stops the components of a node in order, before its container is removed.
pub async fn stop_components(
    engine: &dyn Engine,
    node: &str,
    step: &Step,
) -> Result<StopReport, Error> {
    let stopped = async {
        step.state("stopping the kubelet");
        engine.exec(node, &["sh", "-c", BEGIN], None).await?;
        stop_tasks(engine, node, step).await
    };
    match stopped.await {
        // The engine may still have been stopping it for an interrupted command.
        Err(Error::Docker(error)) if error.is_stopped() => Ok(StopReport::default()),
        stopped => stopped,
    }
}

/// Finishes an interrupted stop, except for the container, so that no component is
/// considered ready shortly before it stops. Then the kubelet can start everything again.
/// Returns when everything had stopped, by the clock of the node.
pub async fn finish_interrupted_stop(
    engine: &dyn Engine,
    node: &str,
    step: &Step,
) -> Result<Option<Timestamp>, Error> {
    step.state("finishing an interrupted stop");
    // Another process may have started the kubelet since.
    let script = docker::script(&[KILL_LEFTOVERS, "; ", BEGIN]);
    engine.exec(node, &["sh", "-c", &script], None).await?;
    stop_tasks(engine, node, step).await?;
    let output = engine.exec(node, &["sh", "-c", FORGET], None).await?;
    Ok(output.stdout.trim().parse().ok())
}

/// Stops the servers, then the databases. The kubelet must not be running.
async fn stop_tasks(engine: &dyn Engine, node: &str, step: &Step) -> Result<StopReport, Error> {
    let deadline = Instant::now() + TIMEOUT;
    let writers: Vec<Task> = tasks(engine, node).await?;
    let (databases, writers): (Vec<_>, Vec<_>) =
        writers.into_iter().partition(|t| t.component.is_database());
    let mut report = StopReport::default();
    for (what, group) in [("servers", writers), ("databases", databases)] {
        if group.is_empty() {
            continue;
        }
        step.state(format!("stopping the {what}"));
        report
            .killed
            .extend(stop_group(engine, node, &group, deadline).await?);
    }
    Ok(report)
}

struct Task {
    id: String,
    component: Component,
}

impl Task {
    /// Sends SIGTERM to the task.
    async fn terminate(&self, engine: &dyn Engine, node: &str) -> Result<(), Error> {
        // If `ctr` is killed, its command stays in the task, and its name cannot be used again.
        let name = format!("clearml-local-stop-{:08x}", rand::random::<u32>());
        let argv = if self.component.is_database() {
            vec![
                "ctr", "-n", "k8s.io", "task", "kill", "-s", "SIGTERM", &self.id,
            ]
        } else {
            // The first process of a server is a shell that ignores SIGTERM and starts
            // the server as a child, and `ctr task kill -a` does not reach children.
            vec![
                "ctr",
                "-n",
                "k8s.io",
                "task",
                "exec",
                "--exec-id",
                &name,
                &self.id,
                "bash",
                "-c",
                "kill -TERM -1",
            ]
        };
        // Ignores the failure for a task that has just exited.
        engine.exec(node, &argv, None).await?;
        Ok(())
    }
}

async fn tasks(engine: &dyn Engine, node: &str) -> Result<Vec<Task>, Error> {
    let script = docker::script(&[RUNNING, " | { ", LIST, "\n}"]);
    let output = engine
        .exec(node, &["sh", "-c", &script, "sh", Namespace::DEFAULT], None)
        .await?;
    Ok(parse(&output.stdout))
}

fn parse(lines: &str) -> Vec<Task> {
    let tasks = lines.lines().filter_map(|line| {
        let (id, name) = line.split_once(' ')?;
        let component = match name {
            "elastic" => Component::Elasticsearch,
            other => Component::from_name(other)?,
        };
        Some(Task {
            id: id.to_owned(),
            component,
        })
    });
    tasks.collect()
}

/// Stops tasks and waits for them. Returns those that are still running at the deadline. A server
/// that was just starting ignores SIGTERM, so servers get it again.
async fn stop_group(
    engine: &dyn Engine,
    node: &str,
    group: &[Task],
    deadline: Instant,
) -> Result<Vec<Component>, Error> {
    let terminate = async |tasks: &[&Task]| {
        let sent = tasks.iter().map(|task| task.terminate(engine, node));
        try_join_all(sent).await.map(drop)
    };
    let mut remaining: Vec<&Task> = group.iter().collect();
    terminate(&remaining).await?;
    let mut sent = Instant::now();
    let wait = Wait::new("the components to stop").until(deadline);
    let ended = wait.run(async || {
        let running = engine.exec(node, &["sh", "-c", RUNNING], None).await?;
        let running: Vec<&str> = running.stdout.lines().collect();
        remaining.retain(|task| running.contains(&&*task.id));
        if remaining.is_empty() {
            return Ok::<_, Error>(Attempt::Done(()));
        }
        if sent.elapsed() >= AGAIN {
            let servers = remaining
                .iter()
                .filter(|task| !task.component.is_database());
            let servers: Vec<&Task> = servers.copied().collect();
            terminate(&servers).await?;
            sent = Instant::now();
        }
        Ok(Attempt::Pending("they are still running".into()))
    });
    // The remaining tasks are killed with the node, and reported.
    let _ = ended.await?;
    Ok(remaining.iter().map(|task| task.component).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};
    use crate::event::Events;

    #[tokio::test]
    async fn an_interrupted_stop_is_finished_without_stopping_the_node() {
        let engine = FakeEngine::new(State::default());
        let step = Events::silent().step("node");
        finish_interrupted_stop(&engine, "n", &step).await.unwrap();
        let calls = engine.state().calls.join("\n");
        let order = ["pkill", "systemctl stop kubelet", "tasks ls", "rm -f"];
        let found = order.map(|words| calls.find(words));
        assert!(found.iter().all(Option::is_some), "{calls}");
        assert!(found.is_sorted(), "{calls}");
        assert!(!calls.lines().any(|call| call.starts_with("stop ")));
    }

    /// Its command may have been killed, or the server was just starting.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_did_not_get_the_signal_gets_it_again() {
        let sent = AtomicUsize::new(0);
        let answer = move |_: &str, argv: &[&str]| {
            if argv.contains(&"kill -TERM -1") {
                sent.fetch_add(1, Ordering::Relaxed);
            }
            let is_running = sent.load(Ordering::Relaxed) < 2;
            let stdout = match argv {
                [_, _, RUNNING] if is_running => "abc\n",
                [_, _, script, ..] if script.contains(LIST) => "abc apiserver\n",
                _ => "",
            };
            Output {
                stdout: stdout.to_owned(),
                ..Output::default()
            }
        };
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(answer));
        let step = Events::silent().step("node");
        let report = stop_components(&engine, "n", &step).await.unwrap();
        assert_eq!(report, StopReport::default());
        let calls = engine.state().calls.clone();
        let sent: Vec<_> = calls.iter().filter(|c| c.contains("kill -TERM")).collect();
        assert_eq!(sent.len(), 2);
        assert_ne!(sent[0], sent[1], "a name in the task can be used once");
    }

    #[test]
    fn tasks_are_matched_to_components() {
        let tasks = parse("abc apiserver\ndef elastic\nghi redis\njkl \nmno helper\n");
        let found: Vec<_> = tasks.iter().map(|t| (t.id.as_str(), t.component)).collect();
        assert_eq!(
            found,
            [
                ("abc", Component::Apiserver),
                ("def", Component::Elasticsearch),
                ("ghi", Component::Redis),
            ]
        );
    }
}
