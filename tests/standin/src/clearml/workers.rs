//! `workers.*`: agents, and what they execute.

use crate::clearml::documents::change;
use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::Outcome;
use crate::clearml::users::User;
use crate::support::clock;
use serde_json::{Value, json};

/// Handles a call; `None` if there is no such endpoint.
pub fn call(api: &Api, caller: &User, action: &str, body: &Value) -> Option<Outcome> {
    Some(match action {
        "register" => report(api, caller, body, true),
        "status_report" => report(api, caller, body, false),
        "unregister" => unregister(api, body),
        "get_all" => all(api),
        "get_runtime_properties" => Ok(json!({"runtime_properties": []})),
        "set_runtime_properties" => Ok(json!({"added": [], "removed": [], "errors": []})),
        _ => return None,
    })
}

fn report(api: &Api, caller: &User, body: &Value, registers: bool) -> Outcome {
    let id = text(body, "worker")?;
    let earlier = api.mongo.get("worker", id)?.unwrap_or_default();
    let kept = |field: &str| match &body[field] {
        Value::Null => earlier[field].clone(),
        new => new.clone(),
    };
    if let Some(task) = body["task"].as_str() {
        change(api, "task", task, |task| task["last_worker"] = json!(id))?;
    }
    let registered = match registers {
        true => json!(clock::iso()),
        false => earlier["register_time"].clone(),
    };
    let worker = json!({
        "register_time": registered,
        "id": id,
        "user": {"id": caller.id, "name": caller.name},
        "queues": kept("queues"),
        "task": body["task"],
        "last_activity_time": clock::iso(),
    });
    api.mongo.put_one("worker", id, worker)?;
    Ok(json!({}))
}

fn unregister(api: &Api, body: &Value) -> Outcome {
    api.mongo
        .put_one("worker", text(body, "worker")?, Value::Null)?;
    Ok(json!({}))
}

fn all(api: &Api) -> Outcome {
    let workers = api.mongo.all("worker")?;
    let workers: Vec<Value> = workers.into_iter().map(|(_, worker)| worker).collect();
    Ok(json!({"workers": workers}))
}
