//! Projects, tasks and queues, which are stored in MongoDB.

use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::{Failure, Outcome, new_id};
use crate::clearml::{events, users::User};
use crate::support::clock;
use serde_json::{Value, json};

const TASK_TYPES: &[&str] = &[
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

/// `queues.get_default`.
pub fn default_queue(api: &Api) -> Outcome {
    let queues = api.mongo.all("queue")?;
    let queue = queues.values().find(|queue| queue["name"] == "default");
    let queue =
        queue.ok_or_else(|| Failure::new(400, 702, "No queue is tagged as the default queue"))?;
    Ok(json!({"id": queue["id"], "name": queue["name"]}))
}

/// `projects.create`.
pub fn create_project(api: &Api, caller: &User, body: &Value) -> Outcome {
    let id = new_id();
    let project =
        json!({"id": id, "name": name(body)?, "user": caller.id, "created": clock::iso()});
    api.mongo.put_one("project", &id, project)?;
    Ok(json!({"id": id}))
}

/// `projects.get_all`.
pub fn all_projects(api: &Api, body: &Value) -> Outcome {
    Ok(json!({"projects": matching(api, "project", body)?}))
}

/// `projects.delete`; a project with tasks needs `force`.
pub fn delete_project(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "project")?;
    found(api, "project", id)?;
    let tasks = matching(api, "task", &json!({"project": [id]}))?;
    if !tasks.is_empty() && body["force"] != true {
        return Err(Failure::new(
            400,
            403,
            format!("Project has associated tasks: id={id}"),
        ));
    }
    api.mongo.put_one("project", id, Value::Null)?;
    Ok(json!({"deleted": 1, "disassociated_tasks": tasks.len()}))
}

/// `tasks.create`.
pub fn create_task(api: &Api, caller: &User, body: &Value) -> Outcome {
    let kind = text(body, "type")?;
    if !TASK_TYPES.contains(&kind) {
        return Err(Failure::bad_request(format!("type: invalid value {kind}")));
    }
    if let Some(project) = body["project"].as_str() {
        found(api, "project", project)?;
    }
    let id = new_id();
    let task = json!({
        "id": id,
        "name": name(body)?,
        "type": kind,
        "project": body["project"],
        "user": caller.id,
        "status": "created",
        "created": clock::iso(),
    });
    api.mongo.put_one("task", &id, task)?;
    Ok(json!({"id": id}))
}

/// `tasks.started`.
pub fn start_task(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "task")?;
    let mut task = found(api, "task", id)?;
    if task["status"] != "created" && body["force"] != true {
        return Err(Failure::new(
            400,
            110,
            format!("Invalid task status: id={id}"),
        ));
    }
    task["status"] = json!("in_progress");
    task["started"] = json!(clock::iso());
    task["last_update"] = task["started"].clone();
    api.mongo.put_one("task", id, task)?;
    Ok(json!({"updated": 1, "started": 1, "fields": {"status": "in_progress"}}))
}

/// `tasks.ping`: the task is active.
pub fn ping_task(api: &Api, body: &Value) -> Outcome {
    touch_task(api, text(body, "task")?)?;
    Ok(json!({}))
}

/// Records that a task is active.
pub fn touch_task(api: &Api, id: &str) -> Result<(), Failure> {
    let mut task = found(api, "task", id)?;
    task["last_update"] = json!(clock::iso());
    Ok(api.mongo.put_one("task", id, task)?)
}

/// `tasks.get_by_id`.
pub fn task(api: &Api, body: &Value) -> Outcome {
    Ok(json!({"task": found(api, "task", text(body, "task")?)?}))
}

/// `tasks.get_all`.
pub fn all_tasks(api: &Api, body: &Value) -> Outcome {
    Ok(json!({"tasks": matching(api, "task", body)?}))
}

/// `tasks.delete`, with its scalars; a task that was started needs `force`.
pub fn delete_task(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "task")?;
    let task = found(api, "task", id)?;
    if task["status"] != "created" && body["force"] != true {
        return Err(Failure::new(
            400,
            123,
            format!("Cannot delete a task: id={id}"),
        ));
    }
    events::delete(api, id)?;
    api.mongo.put_one("task", id, Value::Null)?;
    Ok(json!({"deleted": true, "updated_children": 0, "updated_models": 0, "events_deleted": true}))
}

/// Returns a document, or an error with its identifier.
pub fn found(api: &Api, collection: &str, id: &str) -> Outcome {
    let subcode = if collection == "task" { 101 } else { 401 };
    let failure = || Failure::new(400, subcode, format!("Invalid {collection} id: id={id}"));
    api.mongo.get(collection, id)?.ok_or_else(failure)
}

/// Returns the documents with the `id`, `name` or `project` in the body, if it has
/// them.
fn matching(api: &Api, collection: &str, body: &Value) -> Result<Vec<Value>, Failure> {
    let documents = api.mongo.all(collection)?;
    let matches = |document: &Value| {
        ["id", "name", "project"]
            .iter()
            .all(|field| match &body[*field] {
                Value::Null => true,
                Value::Array(wanted) => wanted.contains(&document[*field]),
                wanted => document[*field] == *wanted,
            })
    };
    Ok(documents
        .into_iter()
        .map(|(_, document)| document)
        .filter(matches)
        .collect())
}

fn name(body: &Value) -> Result<&str, Failure> {
    let name = text(body, "name")?;
    if name.trim().len() < 3 {
        return Err(Failure::bad_request(format!("name: {name} is too short")));
    }
    Ok(name)
}
