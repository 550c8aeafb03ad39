//! `events.*`: what a task reports, which is stored in Elasticsearch.

use crate::clearml::documents::found;
use crate::clearml::endpoints::{Api, text};
use crate::clearml::envelope::{Failure, Outcome, new_id};
use crate::clearml::tasks;
use crate::support::http::Request;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const SCALAR: &str = "training_stats_scalar";
const PLOT: &str = "plot";
const IMAGE: &str = "training_debug_image";
const LOG: &str = "log";
/// The types of events, with the field that each must have.
const TYPES: [(&str, &str); 4] = [
    (SCALAR, "value"),
    (PLOT, "plot_str"),
    (IMAGE, "url"),
    (LOG, "msg"),
];

/// Handles a call; `None` if there is no such endpoint.
pub fn call(api: &Api, action: &str, body: &Value) -> Option<Outcome> {
    Some(match action {
        "scalar_metrics_iter_histogram" => histogram(api, body),
        "get_task_plots" => {
            reported(api, PLOT, body).map(|plots| listed("plots", newest_first(plots)))
        }
        "get_task_log" => log(api, body),
        "get_task_events" => text(body, "event_type")
            .and_then(|kind| reported(api, kind, body))
            .map(|events| listed("events", events)),
        "debug_images" => debug_images(api, body),
        _ => return None,
    })
}

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
    let mut events: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut errors = Map::new();
    let mut active_tasks = BTreeSet::new();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let event: Value =
            serde_json::from_str(line).map_err(|_| Failure::new(400, 0, "Invalid JSON line"))?;
        match check(api, &event)? {
            Ok(kind) => {
                active_tasks.extend(event["task"].as_str().map(str::to_owned));
                events.entry(kind).or_default().insert(id(&event), event);
            }
            Err(reason) => {
                let count = errors.get(reason).and_then(Value::as_u64).unwrap_or(0);
                errors.insert(reason.to_owned(), json!(count + 1));
            }
        }
    }
    let added: usize = events.values().map(Map::len).sum();
    let failed: u64 = errors.values().filter_map(Value::as_u64).sum();
    if added == 0 && failed > 0 {
        return Err(Failure::new(
            400,
            0,
            format!("Event not added: {}", Value::Object(errors)),
        ));
    }
    for (kind, events) in events {
        api.elastic.put(&index(kind), events)?;
    }
    for task in active_tasks {
        tasks::touch(api, &task)?;
    }
    Ok(json!({"added": added, "errors": failed, "errors_info": errors}))
}

fn index(kind: &str) -> String {
    format!("events-{kind}")
}

/// Returns the identifier of an event: it replaces one of the same metric, variant and
/// iteration. Lines of a log replace nothing.
fn id(event: &Value) -> String {
    if event["type"] == LOG {
        return new_id();
    }
    let part = |name: &str| event[name].to_string();
    ["task", "metric", "variant", "iter"].map(part).join("/")
}

/// Returns the type of a valid event.
fn check(api: &Api, event: &Value) -> Result<Result<&'static str, &'static str>, Failure> {
    let kind = TYPES.into_iter().find(|(kind, _)| event["type"] == *kind);
    let Some((kind, field)) = kind else {
        return Ok(Err("Invalid event type"));
    };
    let Some(task) = event["task"].as_str() else {
        return Ok(Err("Event must have a 'task' field"));
    };
    if api.mongo.get("task", task)?.is_none() {
        return Ok(Err("Invalid task id"));
    }
    let is_valid = match kind {
        SCALAR => event[field].is_number(),
        _ => event[field].is_string(),
    };
    Ok(is_valid.then_some(kind).ok_or("Event has no value"))
}

/// Returns the events of one type of the task in the body, the earliest iteration first. All
/// of them are in the first page: a body with the identifier of the next one gets nothing.
fn reported(api: &Api, kind: &str, body: &Value) -> Result<Vec<Value>, Failure> {
    let task = text(body, "task")?;
    found(api, "task", task)?;
    if body["scroll_id"].is_string() {
        return Ok(Vec::new());
    }
    let stored = api.elastic.all(&index(kind))?;
    let mut events: Vec<Value> = stored
        .into_iter()
        .map(|(_, event)| event)
        .filter(|event| event["task"] == task)
        .collect();
    events.sort_by_key(|event| event["iter"].as_i64());
    Ok(events)
}

fn newest_first(mut events: Vec<Value>) -> Vec<Value> {
    events.reverse();
    events
}

fn listed(name: &str, events: Vec<Value>) -> Value {
    let count = events.len();
    json!({name: events, "returned": count, "total": count, "scroll_id": "end"})
}

fn histogram(api: &Api, body: &Value) -> Outcome {
    Ok(series(&reported(api, SCALAR, body)?))
}

fn series(events: &[Value]) -> Value {
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

/// Returns the lines of the log in the order in which they were written.
fn log(api: &Api, body: &Value) -> Outcome {
    let mut lines = reported(api, LOG, body)?;
    lines.sort_by_key(|line| line["timestamp"].as_i64());
    if body["order"] == "desc" {
        lines.reverse();
    }
    Ok(listed("events", lines))
}

/// Returns for each task the iterations that have images.
fn debug_images(api: &Api, body: &Value) -> Outcome {
    let asked = body["metrics"].as_array();
    let asked = asked.ok_or_else(|| Failure::bad_request("metrics is a required field"))?;
    let mut metrics = Vec::new();
    for one in asked {
        let mut iterations: Vec<Value> = Vec::new();
        for event in newest_first(reported(api, IMAGE, one)?) {
            match iterations.last_mut() {
                Some(last) if last["iter"] == event["iter"] => {
                    last["events"].as_array_mut().expect("a list").push(event);
                }
                _ => iterations.push(json!({"iter": event["iter"], "events": [event]})),
            }
        }
        metrics.push(json!({"task": one["task"], "iterations": iterations}));
    }
    Ok(json!({"scroll_id": "end", "metrics": metrics}))
}

/// Removes the events of a task.
pub fn delete(api: &Api, task: &str) -> Result<(), Failure> {
    for (kind, _) in TYPES {
        let stored = api.elastic.all(&index(kind))?;
        let of_task = stored.iter().filter(|(_, event)| event["task"] == task);
        let changes: Map<String, Value> =
            of_task.map(|(id, _)| (id.clone(), Value::Null)).collect();
        if !changes.is_empty() {
            api.elastic.put(&index(kind), changes)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_become_series() {
        let event = |iteration, value: f64| json!({"metric": "loss", "variant": "train", "iter": iteration, "value": value});
        let events = [event(0, 1.0), event(1, 0.5)];
        assert_eq!(
            series(&events),
            json!({"loss": {"train": {"name": "train", "x": [0, 1], "y": [1.0, 0.5]}}})
        );
    }

    #[test]
    fn only_lines_of_a_log_replace_nothing() {
        let event = |kind: &str| json!({"type": kind, "task": "1", "iter": 0});
        assert_eq!(id(&event(PLOT)), id(&event(PLOT)));
        assert_ne!(id(&event(LOG)), id(&event(LOG)));
    }
}
