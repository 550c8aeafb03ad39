//! What the API server knows of workers, queues and the tasks in them.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::probe::Api;

/// An agent reports every few seconds. One that has not reported for so long has died.
const LOST: Duration = Duration::from_secs(120);

/// A worker as the server knows it: a process of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownWorker {
    pub(super) id: String,
    pub(super) queues: Vec<String>,
    pub(super) last_seen: Option<Timestamp>,
    /// When it started.
    pub(super) registered: Option<Timestamp>,
    /// The identifier of the task that it executes.
    pub(super) task: Option<String>,
}

impl KnownWorker {
    /// Whether it is the worker of a pod: an agent may append its GPUs to the name.
    pub(super) fn is_of(&self, pod: &str) -> bool {
        let rest = self.id.strip_prefix(pod);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
    }

    /// Whether it executes a task. A pod that was replaced while it executed one is a worker with
    /// the same name that has started after the task.
    pub(super) fn executes(&self, task: &Running, now: Timestamp) -> bool {
        let is_later = self.registered > task.started && task.started.is_some();
        self.id == task.worker
            && self.is_alive(now)
            && (self.task.as_ref() == Some(&task.id) || !is_later)
    }

    /// Whether it still reports.
    pub(super) fn is_alive(&self, now: Timestamp) -> bool {
        let lost = now.checked_sub(LOST).unwrap_or(now);
        self.last_seen.is_none_or(|seen| seen >= lost)
    }
}

/// A queue and the tasks that wait in it, the next one first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownQueue {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) tasks: Vec<String>,
}

/// A task that an agent started and has not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) worker: String,
    pub(super) started: Option<Timestamp>,
}

/// The work on a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) workers: Vec<KnownWorker>,
    pub(super) queues: Vec<KnownQueue>,
    pub(super) running: Vec<Running>,
}

impl Work {
    pub(super) async fn read(api: &Api) -> Result<Work, String> {
        let nothing = json!({});
        let running = json!({
            "status": ["in_progress"],
            "only_fields": ["id", "name", "status", "last_worker", "started"],
        });
        let (workers, queues, tasks) = tokio::try_join!(
            api.call("workers.get_all", &nothing),
            api.call("queues.get_all", &nothing),
            api.call("tasks.get_all", &running),
        )?;
        Ok(Work {
            workers: list(&workers["workers"]).filter_map(worker).collect(),
            queues: list(&queues["queues"]).filter_map(queue).collect(),
            running: list(&tasks["tasks"]).filter_map(task).collect(),
        })
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// Returns the identifier of an object, which some answers replace by the identifier alone.
fn id(value: &Value) -> Option<String> {
    let id = value["id"].as_str().or(value.as_str())?;
    (!id.is_empty()).then(|| id.to_owned())
}

fn worker(worker: &Value) -> Option<KnownWorker> {
    Some(KnownWorker {
        id: id(worker)?,
        queues: list(&worker["queues"]).filter_map(id).collect(),
        last_seen: time(&worker["last_activity_time"]),
        registered: time(&worker["register_time"]),
        task: id(&worker["task"]),
    })
}

/// Parses a time of the server, which is UTC and may have no offset.
fn time(value: &Value) -> Option<Timestamp> {
    let text = value.as_str()?;
    let parsed = text.parse::<Timestamp>();
    parsed.or_else(|_| format!("{text}Z").parse()).ok()
}

fn queue(queue: &Value) -> Option<KnownQueue> {
    Some(KnownQueue {
        id: id(queue)?,
        name: queue["name"].as_str()?.to_owned(),
        tasks: list(&queue["entries"])
            .filter_map(|entry| id(&entry["task"]))
            .collect(),
    })
}

fn task(task: &Value) -> Option<Running> {
    // A server without the filter returns all tasks.
    if task["status"].as_str() != Some("in_progress") {
        return None;
    }
    Some(Running {
        id: id(task)?,
        name: task["name"].as_str()?.to_owned(),
        worker: task["last_worker"].as_str()?.to_owned(),
        started: time(&task["started"]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_all_servers_are_read() {
        let named = json!({"id": "w", "queues": [{"id": "q", "name": "default"}], "task": {"id": "t", "name": "train"}, "last_activity_time": "2026-01-01T00:00:00.123456+00:00"});
        let plain = json!({"id": "w", "queues": ["q"], "task": "t", "last_activity_time": "2026-01-01T00:00:00.123456"});
        assert_eq!(worker(&named), worker(&plain));
        assert!(worker(&plain).unwrap().last_seen.is_some());
        assert_eq!(
            worker(&json!({"id": "w", "task": null})).unwrap().task,
            None
        );
        let entries = json!({"id": "q", "name": "default", "entries": [{"task": "t1"}, {"task": {"id": "t2"}}]});
        assert_eq!(queue(&entries).unwrap().tasks, ["t1", "t2"]);
    }

    #[test]
    fn a_worker_belongs_to_the_pod_with_its_name() {
        let worker = worker(&json!({"id": "clearml-local-agent-1:gpu0"})).unwrap();
        assert!(worker.is_of("clearml-local-agent-1"));
        assert!(!worker.is_of("clearml-local-agent"));
        assert!(!worker.is_of("clearml-local-agent-10"));
    }
}
