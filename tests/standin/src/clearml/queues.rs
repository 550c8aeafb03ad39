//! `queues.*`: tasks that wait for a worker, first in, first out.

use crate::clearml::documents::{change, found, matching, name};
use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::{Failure, Outcome, new_id};
use crate::clearml::users::User;
use crate::support::clock;
use serde_json::{Value, json};

/// Handles a call; `None` if there is no such endpoint.
pub fn call(api: &Api, caller: &User, action: &str, body: &Value) -> Option<Outcome> {
    Some(match action {
        "create" => create(api, caller, body),
        "get_default" => default(api),
        "get_by_id" => text(body, "queue")
            .and_then(|id| found(api, "queue", id))
            .map(|queue| json!({"queue": queue})),
        "get_all" | "get_all_ex" => {
            matching(api, "queue", body).map(|queues| json!({"queues": queues}))
        }
        "add_task" => both(body).and_then(|(queue, task)| add(api, queue, task)),
        "remove_task" => both(body).and_then(|(queue, task)| remove(api, queue, task)),
        "get_next_task" => next(api, body),
        "get_num_entries" => text(body, "queue")
            .and_then(|id| found(api, "queue", id))
            .map(|queue| json!({"num": entries(&queue).len()})),
        "delete" => delete(api, body),
        _ => return None,
    })
}

fn both(body: &Value) -> Result<(&str, &str), Failure> {
    Ok((text(body, "queue")?, text(body, "task")?))
}

fn entries(queue: &Value) -> Vec<Value> {
    queue["entries"].as_array().cloned().unwrap_or_default()
}

fn create(api: &Api, caller: &User, body: &Value) -> Outcome {
    let id = new_id();
    let queue = json!({
        "id": id,
        "name": name(body)?,
        "user": caller.id,
        "created": clock::iso(),
        "tags": [],
        "system_tags": [],
        "entries": [],
    });
    api.mongo.put_one("queue", &id, queue)?;
    Ok(json!({"id": id}))
}

fn default(api: &Api) -> Outcome {
    let queues = api.mongo.all("queue")?;
    let queue = queues.values().find(|queue| queue["name"] == "default");
    let queue =
        queue.ok_or_else(|| Failure::new(400, 702, "No queue is tagged as the default queue"))?;
    Ok(json!({"id": queue["id"], "name": queue["name"]}))
}

/// Returns the identifier of a queue, by name or, without one, of the default queue.
pub fn by_name(api: &Api, name: Option<&str>) -> Result<String, Failure> {
    let queues = api.mongo.all("queue")?;
    let name = name.unwrap_or("default");
    let queue = queues.values().find(|queue| queue["name"] == name);
    let id = queue.and_then(|queue| queue["id"].as_str());
    let missing = || Failure::new(400, 701, format!("Invalid queue id: name={name}"));
    id.map(str::to_owned).ok_or_else(missing)
}

/// Appends a task.
pub fn add(api: &Api, queue: &str, task: &str) -> Outcome {
    let all = entries(&found(api, "queue", queue)?);
    if all.iter().any(|entry| entry["task"] == task) {
        let message = format!("Task already in queue: task={task}, queue={queue}");
        return Err(Failure::new(400, 704, message));
    }
    change(api, "queue", queue, |queue| {
        let mut all = entries(queue);
        all.push(json!({"task": task, "added": clock::iso()}));
        queue["entries"] = json!(all);
    })?;
    Ok(json!({"added": 1}))
}

/// Removes a task.
pub fn remove(api: &Api, queue: &str, task: &str) -> Outcome {
    let mut removed = 0;
    change(api, "queue", queue, |queue| {
        let (gone, kept): (Vec<Value>, Vec<Value>) = entries(queue)
            .into_iter()
            .partition(|entry| entry["task"] == task);
        removed = gone.len();
        queue["entries"] = json!(kept);
    })?;
    Ok(json!({"removed": removed}))
}

/// Takes the first task; without one, there is no `entry`.
fn next(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "queue")?;
    let mut all = entries(&found(api, "queue", id)?);
    if all.is_empty() {
        return Ok(json!({}));
    }
    let entry = all.remove(0);
    change(api, "queue", id, |queue| queue["entries"] = json!(all))?;
    Ok(json!({"entry": entry}))
}

/// A queue with tasks needs `force`.
fn delete(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "queue")?;
    let queue = found(api, "queue", id)?;
    if !entries(&queue).is_empty() && body["force"] != true {
        let message = format!("Queue is not empty: id={id}");
        return Err(Failure::new(400, 705, message));
    }
    api.mongo.put_one("queue", id, Value::Null)?;
    Ok(json!({"deleted": 1}))
}
