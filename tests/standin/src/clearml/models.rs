//! `models.*`.

use crate::clearml::documents::{edit, fields, found, matching, name};
use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::{Failure, Outcome, new_id};
use crate::clearml::users::User;
use crate::support::clock;
use serde_json::{Value, json};

/// Handles a call; `None` if there is no such endpoint.
pub fn call(api: &Api, caller: &User, action: &str, body: &Value) -> Option<Outcome> {
    Some(match action {
        "create" => create(api, caller, body),
        "get_by_id" => text(body, "model")
            .and_then(|id| found(api, "model", id))
            .map(|model| json!({"model": model})),
        "get_all" | "get_all_ex" => {
            matching(api, "model", body).map(|models| json!({"models": models}))
        }
        "edit" | "update" => edit(api, "model", body),
        "set_ready" => edit(
            api,
            "model",
            &json!({"model": body["model"], "ready": true}),
        ),
        "delete" => delete(api, body),
        _ => return None,
    })
}

fn create(api: &Api, caller: &User, body: &Value) -> Outcome {
    text(body, "uri")?;
    name(body)?;
    for (field, collection) in [("project", "project"), ("task", "task")] {
        if let Some(id) = body[field].as_str() {
            found(api, collection, id)?;
        }
    }
    let id = new_id();
    let mut model = json!({
        "id": id,
        "user": caller.id,
        "created": clock::iso(),
        "ready": false,
        "labels": {},
        "tags": [],
    });
    for (field, value) in fields(body, &["id"]) {
        model[field] = value;
    }
    api.mongo.put_one("model", &id, model)?;
    Ok(json!({"id": id, "created": true}))
}

/// A published model needs `force`.
fn delete(api: &Api, body: &Value) -> Outcome {
    let id = text(body, "model")?;
    let model = found(api, "model", id)?;
    if model["ready"] == true && body["force"] != true {
        let message = format!("Model is ready: id={id}");
        return Err(Failure::new(400, 203, message));
    }
    api.mongo.put_one("model", id, Value::Null)?;
    Ok(json!({"deleted": true, "url": model["uri"]}))
}
