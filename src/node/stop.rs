//! Stopping in order, so that no database is killed while it writes: the
//! kubelet, then those that write to the databases, then the databases, then
//! the container. It needs no API server.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::Error;
use crate::component::{Component, NAMESPACE};
use crate::docker::Engine;
use crate::event::Step;
use crate::wait::{Attempt, Wait};

/// How long the databases together may take to write what they hold.
const PATIENCE: Duration = Duration::from_secs(120);

/// How the stop went.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StopReport {
    /// Components that did not end in time and were killed.
    pub killed: Vec<Component>,
}

/// Picks the tasks of our components from those that [`RUNNING`] lists, as
/// `TASK COMPONENT` lines. A task knows only its pod's name, which begins with the
/// component's.
const LIST: &str = r#"while read -r t; do
  i=$(ctr -n k8s.io containers info "$t" 2>/dev/null </dev/null) || continue
  case $i in *'"io.kubernetes.pod.namespace": "'"$1"'"'*) ;; *) continue ;; esac
  case $i in *'"io.kubernetes.container.name"'*) ;; *) continue ;; esac
  n=$(printf '%s\n' "$i" | sed -n 's/.*"io.kubernetes.pod.name": "clearml-\([a-z]*\)-.*/\1/p' | head -n 1)
  echo "$t $n"
done"#;

const RUNNING: &str =
    r"ctr -n k8s.io tasks ls 2>/dev/null | sed -n 's/^\([^ ]*\) .*RUNNING.*/\1/p'";

/// Is there from the beginning of a stop. It goes with the container: it is found only
/// where a stop did not come to its end.
pub(super) const MARK: &str = "/run/clearml-local-stop";
const BEGIN: &str = "touch /run/clearml-local-stop; systemctl stop kubelet";
/// Ends what a stop left running: it would end servers that were just started again. The
/// brackets keep the pattern from matching this command itself.
const END_LEFT: &str = "pkill -f 'exec-id [c]learml-local-stop'";

/// Stops the node's components in order and then its container.
pub async fn stop_in_order(
    engine: &dyn Engine,
    node: &str,
    step: &Step,
) -> Result<StopReport, Error> {
    let report = end_in_order(engine, node, step).await?;
    step.state("stopping the node");
    // The databases have ended: what is left has nothing to lose.
    engine.stop(node, 1).await?;
    Ok(report)
}

/// Ends the node's components in order, for a container that is removed next.
pub async fn end_in_order(
    engine: &dyn Engine,
    node: &str,
    step: &Step,
) -> Result<StopReport, Error> {
    step.state("stopping the kubelet");
    engine.exec(node, &["sh", "-c", BEGIN], None).await?;
    end_components(engine, node, step).await
}

/// Ends what a stop that was found to be interrupted has told to end, so that nothing of it
/// is taken for ready shortly before it ends. Then the kubelet can start everything again.
pub async fn finish_interrupted_stop(
    engine: &dyn Engine,
    node: &str,
    step: &Step,
) -> Result<(), Error> {
    step.state("finishing an interrupted stop");
    // Also where somebody else has started the kubelet meanwhile.
    let begin = format!("{END_LEFT}; {BEGIN}");
    engine.exec(node, &["sh", "-c", &begin], None).await?;
    end_components(engine, node, step).await?;
    let forget = ["rm", "-f", MARK];
    engine.exec(node, &forget, None).await?;
    Ok(())
}

/// Ends the servers, then the databases; the kubelet must not run.
async fn end_components(engine: &dyn Engine, node: &str, step: &Step) -> Result<StopReport, Error> {
    let deadline = Instant::now() + PATIENCE;
    let writers: Vec<Task> = tasks(engine, node).await?;
    let (databases, writers): (Vec<_>, Vec<_>) =
        writers.into_iter().partition(|t| t.component.is_database());
    let mut report = StopReport::default();
    for (what, group) in [("servers", writers), ("databases", databases)] {
        if group.is_empty() {
            continue;
        }
        step.state(format!("stopping the {what}"));
        try_join_all(group.iter().map(|task| task.terminate(engine, node))).await?;
        report
            .killed
            .extend(await_end(engine, node, &group, deadline).await?);
    }
    Ok(report)
}

struct Task {
    id: String,
    component: Component,
}

impl Task {
    async fn terminate(&self, engine: &dyn Engine, node: &str) -> Result<(), Error> {
        let argv = if self.component.is_database() {
            vec![
                "ctr", "-n", "k8s.io", "task", "kill", "-s", "SIGTERM", &self.id,
            ]
        } else {
            // Their first process is a shell that ignores SIGTERM and has not
            // exec'ed the server, and `ctr task kill -a` does not reach children.
            vec![
                "ctr",
                "-n",
                "k8s.io",
                "task",
                "exec",
                "--exec-id",
                "clearml-local-stop",
                &self.id,
                "bash",
                "-c",
                "kill -TERM -1",
            ]
        };
        // A task that has just ended by itself is no failure.
        engine.exec(node, &argv, None).await?;
        Ok(())
    }
}

async fn tasks(engine: &dyn Engine, node: &str) -> Result<Vec<Task>, Error> {
    let list = format!("{RUNNING} | {LIST}");
    let output = engine
        .exec(node, &["sh", "-c", &list, "sh", NAMESPACE], None)
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

/// Waits until the tasks are gone; returns those that are not, at the deadline.
async fn await_end(
    engine: &dyn Engine,
    node: &str,
    group: &[Task],
    deadline: Instant,
) -> Result<Vec<Component>, Error> {
    let mut left = Vec::new();
    let wait = Wait::new("the components to stop").until(deadline);
    let ended = wait.run(async || {
        let running = engine.exec(node, &["sh", "-c", RUNNING], None).await?;
        let running: Vec<&str> = running.stdout.lines().collect();
        let still = group.iter().filter(|task| running.contains(&&*task.id));
        left = still.map(|task| task.component).collect();
        Ok::<_, Error>(match left.is_empty() {
            true => Attempt::Done(()),
            false => Attempt::Pending("they are still running".into()),
        })
    });
    // Those that are left are killed with the node, and told.
    let _ = ended.await?;
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::event::Events;

    #[tokio::test]
    async fn a_stop_that_was_interrupted_is_finished_but_for_the_node() {
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

    #[test]
    fn tasks_are_known_by_component() {
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
