//! `tasks.*`.

use crate::clearml::documents::{change, edit, fields, found, matching, name};
use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::{Failure, Outcome, new_id};
use crate::clearml::users::User;
use crate::clearml::{events, queues};
use crate::support::clock;
use serde_json::{Value, json};

const TYPES: &[&str] = &[
    "training",
    "testing",
    "inference",
    "data_processing",
    "application",
    "monitor",
    "controller",
    "optimizer",
    "service",
    "qc",
    "custom",
];

/// Handles a call; `None` if there is no such endpoint.
pub fn call(api: &Api, caller: &User, action: &str, body: &Value) -> Option<Outcome> {
    Some(match action {
        "create" => create(api, caller, body),
        "get_by_id" => text(body, "task")
            .and_then(|id| found(api, "task", id))
            .map(|task| json!({"task": task})),
        "get_all" | "get_all_ex" | "get_by_id_ex" => {
            matching(api, "task", body).map(|tasks| json!({"tasks": tasks}))
        }
        "edit" | "update" => edit(api, "task", body),
        "edit_hyper_params" => edit_hyperparams(api, body),
        "edit_configuration" => edit_configuration(api, body),
        "set_requirements" => text(body, "task").and_then(|id| {
            change(api, "task", id, |task| {
                task["script"]["requirements"] = body["requirements"].clone();
            })
            .map(|()| json!({"updated": 1}))
        }),
        "add_or_update_artifacts" => add_artifacts(api, body),
        "add_or_update_model" => add_model(api, body),
        "ping" => text(body, "task")
            .and_then(|id| touch(api, id))
            .map(|()| json!({})),
        "started" => start(api, body),
        "completed" => end(api, body, "completed"),
        "stopped" => end(api, body, "stopped"),
        "failed" => end(api, body, "failed"),
        "enqueue" => enqueue(api, body),
        "dequeue" => dequeue(api, body),
        "delete" => delete(api, body),
        _ => return None,
    })
}

fn create(api: &Api, caller: &User, body: &Value) -> Outcome {
    let kind = text(body, "type")?;
    if !TYPES.contains(&kind) {
        return Err(Failure::bad_request(format!("type: invalid value {kind}")));
    }
    name(body)?;
    if let Some(project) = body["project"].as_str() {
        found(api, "project", project)?;
    }
    let id = new_id();
    let mut task = json!({
        "id": id,
        "user": caller.id,
        "status": "created",
        "created": clock::iso(),
        "tags": [],
        "system_tags": [],
        "script": {},
        "execution": {"artifacts": []},
        "hyperparams": {},
        "configuration": {},
        "models": {"input": [], "output": []},
        "output": {},
    });
    for (field, value) in fields(body, &["id", "status", "execution"]) {
        task[field] = value;
    }
    api.mongo.put_one("task", &id, task)?;
    Ok(json!({"id": id}))
}

/// Records that a task is active.
pub fn touch(api: &Api, id: &str) -> Result<(), Failure> {
    change(api, "task", id, |task| {
        task["last_update"] = json!(clock::iso());
    })
}

fn start(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "task")?;
    let task = found(api, "task", id)?;
    let may_start = task["status"] == "created" || task["status"] == "queued";
    if !may_start && body["force"] != true {
        let message = format!("Invalid task status: id={id}");
        return Err(Failure::new(400, 110, message));
    }
    let now = json!(clock::iso());
    let mut updated = set_status(api, id, "in_progress", &[("started", now)])?;
    updated["started"] = json!(1);
    Ok(updated)
}

fn end(api: &Api, body: &Value, status: &str) -> Outcome {
    let id = text(body, "task")?;
    let task = found(api, "task", id)?;
    if task["status"] != "in_progress" && body["force"] != true {
        let message = format!("Invalid task status: id={id}");
        return Err(Failure::new(400, 110, message));
    }
    let reason = ["status_reason", "status_message"].map(|field| (field, body[field].clone()));
    let [reason, message] = reason;
    let completed = ("completed", json!(clock::iso()));
    set_status(api, id, status, &[reason, message, completed])
}

fn set_status(api: &Api, id: &str, status: &str, more: &[(&str, Value)]) -> Outcome {
    change(api, "task", id, |task| {
        let now = json!(clock::iso());
        task["status"] = json!(status);
        task["status_changed"] = now.clone();
        task["last_update"] = now;
        for (field, value) in more {
            task[*field] = value.clone();
        }
    })?;
    Ok(json!({"updated": 1, "fields": {"status": status}}))
}

/// The queue is given by identifier, since API 2.19 also by name; otherwise it is the
/// default queue.
fn enqueue(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "task")?;
    found(api, "task", id)?;
    let queue = match body["queue"].as_str() {
        Some(queue) => queue.to_owned(),
        None => queues::by_name(api, body["queue_name"].as_str())?,
    };
    queues::add(api, &queue, id)?;
    change(api, "task", id, |task| {
        task["execution"]["queue"] = json!(queue);
    })?;
    let mut updated = set_status(api, id, "queued", &[])?;
    updated["queued"] = json!(1);
    Ok(updated)
}

fn dequeue(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "task")?;
    let task = found(api, "task", id)?;
    if let Some(queue) = task["execution"]["queue"].as_str() {
        queues::remove(api, queue, id)?;
    }
    let mut updated = set_status(api, id, "created", &[])?;
    updated["dequeued"] = json!(1);
    Ok(updated)
}

fn edit_hyperparams(api: &Api, body: &Value) -> Outcome {
    change(api, "task", text(body, "task")?, |task| {
        for item in body["hyperparams"].as_array().into_iter().flatten() {
            let (section, name) = (item["section"].as_str(), item["name"].as_str());
            if let (Some(section), Some(name)) = (section, name) {
                task["hyperparams"][section][name] = item.clone();
            }
        }
    })?;
    Ok(json!({"updated": 1}))
}

fn edit_configuration(api: &Api, body: &Value) -> Outcome {
    change(api, "task", text(body, "task")?, |task| {
        for item in body["configuration"].as_array().into_iter().flatten() {
            if let Some(name) = item["name"].as_str() {
                task["configuration"][name] = item.clone();
            }
        }
    })?;
    Ok(json!({"updated": 1}))
}

/// An artifact replaces one with the same key. By default it is an output.
fn add_artifacts(api: &Api, body: &Value) -> Outcome {
    let new = body["artifacts"].as_array();
    let new = new.ok_or_else(|| Failure::bad_request("artifacts is a required field"))?;
    change(api, "task", text(body, "task")?, |task| {
        let kept = task["execution"]["artifacts"].as_array();
        let is_replaced = |old: &Value| new.iter().any(|new| new["key"] == old["key"]);
        let kept = kept.into_iter().flatten().filter(|old| !is_replaced(old));
        let mut all: Vec<Value> = kept.chain(new).cloned().collect();
        for artifact in all.iter_mut().filter(|one| one["mode"].is_null()) {
            artifact["mode"] = json!("output");
        }
        task["execution"]["artifacts"] = json!(all);
    })?;
    Ok(json!({"updated": 1}))
}

/// A model replaces one with the same name.
fn add_model(api: &Api, body: &Value) -> Outcome {
    let kind = text(body, "type")?;
    let (name, model) = (text(body, "name")?, text(body, "model")?);
    found(api, "model", model)?;
    change(api, "task", text(body, "task")?, |task| {
        let models = task["models"][kind].as_array();
        let kept = models.into_iter().flatten();
        let kept = kept.filter(|old| old["name"] != name).cloned();
        let mut all: Vec<Value> = kept.collect();
        all.push(json!({"name": name, "model": model}));
        task["models"][kind] = json!(all);
    })?;
    Ok(json!({"updated": 1}))
}

/// Deletes a task with its events; one that was started needs `force`.
fn delete(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "task")?;
    let task = found(api, "task", id)?;
    if task["status"] != "created" && body["force"] != true {
        let message = format!("Cannot delete a task: id={id}");
        return Err(Failure::new(400, 123, message));
    }
    events::delete(api, id)?;
    api.mongo.put_one("task", id, Value::Null)?;
    Ok(json!({"deleted": true, "updated_children": 0, "updated_models": 0, "events_deleted": true}))
}
