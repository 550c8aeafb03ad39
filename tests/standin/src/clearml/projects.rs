//! `projects.*`.

use crate::clearml::documents::{edit, found, matching, name};
use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::{Failure, Outcome, new_id};
use crate::clearml::users::User;
use crate::support::clock;
use serde_json::{Value, json};

/// Handles a call; `None` if there is no such endpoint.
pub fn call(api: &Api, caller: &User, action: &str, body: &Value) -> Option<Outcome> {
    Some(match action {
        "create" => create(api, caller, body),
        "get_by_id" => text(body, "project")
            .and_then(|id| found(api, "project", id))
            .map(|project| json!({"project": project})),
        "get_all" | "get_all_ex" => {
            matching(api, "project", body).map(|projects| json!({"projects": projects}))
        }
        "update" => edit(api, "project", body),
        "delete" => delete(api, body),
        _ => return None,
    })
}

fn create(api: &Api, caller: &User, body: &Value) -> Outcome {
    let id = new_id();
    let project = json!({
        "id": id,
        "name": name(body)?,
        "description": body["description"],
        "user": caller.id,
        "created": clock::iso(),
        "tags": [],
        "system_tags": body["system_tags"],
    });
    api.mongo.put_one("project", &id, project)?;
    Ok(json!({"id": id}))
}

/// A project with tasks or models needs `force`.
fn delete(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "project")?;
    found(api, "project", id)?;
    let of_project = json!({"project": [id]});
    let tasks = matching(api, "task", &of_project)?;
    let models = matching(api, "model", &of_project)?;
    for (contents, subcode, what) in [(&tasks, 403, "tasks"), (&models, 404, "models")] {
        if !contents.is_empty() && body["force"] != true {
            let message = format!("Project has associated {what}: id={id}");
            return Err(Failure::new(400, subcode, message));
        }
    }
    api.mongo.put_one("project", id, Value::Null)?;
    Ok(json!({"deleted": 1, "disassociated_tasks": tasks.len()}))
}
