//! Scalars, which are stored in Elasticsearch.

use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::{Failure, Outcome};
use crate::clearml::queries;
use crate::support::http::Request;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const INDEX: &str = "events-training_stats_scalar";

/// `events.add_batch`: uncompressed JSON lines.
pub fn add_batch(api: &Api, request: &Request) -> Outcome {
    if request.header("Content-Encoding").is_some() {
        return Err(Failure::new(415, 0, "Unsupported Content-Encoding"));
    }
    let kind = request.header("Content-Type").unwrap_or_default();
    if !kind.starts_with("application/json-lines") {
        return Err(Failure::new(
            400,
            0,
            format!("Invalid content type: {kind}, application/json-lines is expected"),
        ));
    }
    let lines = String::from_utf8_lossy(&request.body);
    let mut events = Map::new();
    let mut errors = Map::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let event: Value =
            serde_json::from_str(line).map_err(|_| Failure::new(400, 0, "Invalid JSON line"))?;
        if let Err(reason) = check(api, &event)? {
            let count = errors.get(reason).and_then(Value::as_u64).unwrap_or(0);
            errors.insert(reason.to_owned(), json!(count + 1));
            continue;
        }
        let part = |name: &str| event[name].to_string();
        let id = ["task", "metric", "variant", "iter"].map(part).join("/");
        events.insert(id, event);
    }
    let added = events.len();
    let active_tasks: BTreeSet<String> = events
        .values()
        .filter_map(|event| event["task"].as_str().map(str::to_owned))
        .collect();
    let failed: u64 = errors.values().filter_map(Value::as_u64).sum();
    if added == 0 && failed > 0 {
        return Err(Failure::new(
            400,
            0,
            format!("Event not added: {}", Value::Object(errors)),
        ));
    }
    api.elastic.put(INDEX, events)?;
    for task in active_tasks {
        queries::touch_task(api, &task)?;
    }
    Ok(json!({"added": added, "errors": failed, "errors_info": errors}))
}

/// Validates an event.
fn check(api: &Api, event: &Value) -> Result<Result<(), &'static str>, Failure> {
    if event["type"] != "training_stats_scalar" {
        return Ok(Err("the stand-in stores scalars only"));
    }
    let Some(task) = event["task"].as_str() else {
        return Ok(Err("Event must have a 'task' field"));
    };
    if api.mongo.get("task", task)?.is_none() {
        return Ok(Err("Invalid task id"));
    }
    if !event["value"].is_number() {
        return Ok(Err("Event value must be a number"));
    }
    Ok(Ok(()))
}

/// `events.scalar_metrics_iter_histogram`.
pub fn histogram(api: &Api, body: &Value) -> Outcome {
    let task = text(body, "task")?;
    queries::found(api, "task", task)?;
    let stored = api.elastic.all(INDEX)?;
    let mut events: Vec<&Value> = stored
        .values()
        .filter(|event| event["task"] == task)
        .collect();
    events.sort_by_key(|event| event["iter"].as_i64());
    Ok(series(&events))
}

fn series(events: &[&Value]) -> Value {
    let mut metrics = json!({});
    for event in events {
        let metric = event["metric"].as_str().unwrap_or_default();
        let variant = event["variant"].as_str().unwrap_or_default();
        let series = &mut metrics[metric][variant];
        if series.is_null() {
            *series = json!({"name": variant, "x": [], "y": []});
        }
        for (axis, field) in [("x", "iter"), ("y", "value")] {
            if let Some(points) = series[axis].as_array_mut() {
                points.push(event[field].clone());
            }
        }
    }
    metrics
}

/// Removes the scalars of a task.
pub fn delete(api: &Api, task: &str) -> Result<(), Failure> {
    let stored = api.elastic.all(INDEX)?;
    let of_task = stored.iter().filter(|(_, event)| event["task"] == task);
    let changes: Map<String, Value> = of_task.map(|(id, _)| (id.clone(), Value::Null)).collect();
    if changes.is_empty() {
        return Ok(());
    }
    Ok(api.elastic.put(INDEX, changes)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_become_series() {
        let event = |iteration, value: f64| json!({"metric": "loss", "variant": "train", "iter": iteration, "value": value});
        let events = [event(0, 1.0), event(1, 0.5)];
        let events: Vec<&Value> = events.iter().collect();
        assert_eq!(
            series(&events),
            json!({"loss": {"train": {"name": "train", "x": [0, 1], "y": [1.0, 0.5]}}})
        );
    }
}
