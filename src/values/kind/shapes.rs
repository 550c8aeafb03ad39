//! Values with an inner shape: what Kubernetes reads, maps of texts, files, users.

use k8s_openapi::api::core::v1::EnvVar;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Kind, Wrong, text};
use crate::quantity::bytes;

/// Whether a value is what Kubernetes reads as `T`, with no field that it does not
/// know.
pub(super) fn shaped<T: DeserializeOwned + Serialize>(
    key: &str,
    value: &Value,
    below: Vec<String>,
) -> Result<(), Wrong> {
    let read = serde_json::from_value::<T>(value.clone());
    let read = match read {
        Ok(read) => serde_json::to_value(read).unwrap_or_default(),
        Err(error) => {
            let place = path_of(key, &below);
            return Err((below, format!("`{place}` cannot be used: {error}")));
        }
    };
    let mut path = below;
    match unknown(value, &read, &mut path) {
        true => {
            let place = path_of(key, &path);
            Err((path, format!("Kubernetes knows no field `{place}`")))
        }
        false => Ok(()),
    }
}

/// Whether `value` has a field that `read` lost; `path` then leads to it.
fn unknown(value: &Value, read: &Value, path: &mut Vec<String>) -> bool {
    match (value, read) {
        (Value::Object(value), read) => value.iter().any(|(name, below)| {
            path.push(name.clone());
            let lost = match read.get(name) {
                Some(read) => unknown(below, read, path),
                None => !is_nothing(below),
            };
            if !lost {
                path.pop();
            }
            lost
        }),
        (Value::Array(value), Value::Array(read)) => {
            value
                .iter()
                .zip(read)
                .enumerate()
                .any(|(index, (value, read))| {
                    path.push(index.to_string());
                    let lost = unknown(value, read, path);
                    if !lost {
                        path.pop();
                    }
                    lost
                })
        }
        _ => false,
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null()
        || value.as_object().is_some_and(Map::is_empty)
        || value.as_array().is_some_and(Vec::is_empty)
}

/// `a.b[0].c`.
fn path_of(key: &str, below: &[String]) -> String {
    let mut path = key.to_owned();
    for part in below {
        match part.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) => {
                path.push('.');
                path.push_str(part);
            }
        }
    }
    path
}

pub(super) fn list_of<T: DeserializeOwned + Serialize>(
    key: &str,
    value: &Value,
    kind: &Kind,
) -> Result<(), Wrong> {
    let Some(list) = value.as_array() else {
        let what = format!("`{key}` is to be {}, not `{value}`", kind.expected());
        return Err((Vec::new(), what));
    };
    for (index, item) in list.iter().enumerate() {
        shaped::<T>(key, item, vec![index.to_string()])?;
    }
    Ok(())
}

/// Names once each, and values as text whatever was guessed of them.
pub(super) fn environment(key: &str, value: &Value, kind: &Kind) -> Result<(), Wrong> {
    let texts = Value::Array(environment_of(value));
    let named = |item: &Value| item["name"].as_str().is_some_and(|name| !name.is_empty());
    if !value.is_array() || !texts.as_array().is_some_and(|list| list.iter().all(named)) {
        let what = format!("`{key}` is to be {}, not `{value}`", kind.expected());
        return Err((Vec::new(), what));
    }
    list_of::<EnvVar>(key, &texts, kind)?;
    let mut seen: Vec<&str> = Vec::new();
    for name in texts
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item["name"].as_str())
    {
        if seen.contains(&name) {
            return Err((Vec::new(), format!("`{key}` names `{name}` twice")));
        }
        seen.push(name);
    }
    Ok(())
}

/// The items of an environment, with values as text: Kubernetes takes texts alone,
/// and `--set` and YAML guess numbers.
pub(in crate::values) fn environment_of(value: &Value) -> Vec<Value> {
    let mut list = value.as_array().cloned().unwrap_or_default();
    for item in &mut list {
        if let Some(value) = item.get_mut("value")
            && let Some(plain) = text(value)
        {
            *value = Value::String(plain);
        }
    }
    list
}

pub(super) fn texts(key: &str, value: &Value, kind: &Kind) -> Result<(), Wrong> {
    let what = |value: &Value| format!("is to be {}, not `{value}`", kind.expected());
    let Some(map) = value.as_object() else {
        return Err((Vec::new(), format!("`{key}` {}", what(value))));
    };
    for (name, value) in map {
        if text(value).is_none() {
            return Err((
                vec![name.clone()],
                format!("`{key}.{name}` is to be a text, not `{value}`"),
            ));
        }
    }
    Ok(())
}

pub(super) fn files(key: &str, value: &Value, ends: &[&str], kind: &Kind) -> Result<(), Wrong> {
    texts(key, value, kind)?;
    for name in value.as_object().into_iter().flat_map(Map::keys) {
        let below = vec![name.clone()];
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(inner) {
            return Err((
                below,
                format!("`{key}` has a file `{name}`, which is no file name"),
            ));
        }
        if !ends.is_empty() && !ends.iter().any(|end| name.ends_with(end)) {
            let ends = ends.join(" or ");
            return Err((
                below,
                format!(
                    "`{key}` has a file `{name}`, and only files that end with {ends} are read"
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn resources(key: &str, value: &Value) -> Result<(), Wrong> {
    let Some(map) = value.as_object() else {
        let what = format!("`{key}` is to hold `requests` and `limits`, not `{value}`");
        return Err((Vec::new(), what));
    };
    for (kind, amounts) in map {
        let below = vec![kind.clone()];
        let fits = ["requests", "limits"].contains(&kind.as_str());
        if !fits || !(amounts.is_object() || amounts.is_null()) {
            return Err((
                below,
                format!("`{key}` is to hold `requests` and `limits`, not `{kind}`"),
            ));
        }
        for (what, amount) in amounts.as_object().into_iter().flatten() {
            if text(amount).as_deref().and_then(bytes).is_none() {
                return Err((
                    vec![kind.clone(), what.clone()],
                    format!(
                        "`{key}.{kind}.{what}` is to be a quantity such as 2Gi or 500m, not `{amount}`"
                    ),
                ));
            }
        }
    }
    request_within_limit(key, value)
}

/// Kubernetes refuses a request above its limit.
fn request_within_limit(key: &str, value: &Value) -> Result<(), Wrong> {
    let amounts = |kind: &str| value[kind].as_object().cloned().unwrap_or_default();
    let limits = amounts("limits");
    for (what, request) in amounts("requests") {
        let size = |value: &Value| text(value).as_deref().and_then(bytes);
        let (Some(asked), Some(limit)) = (size(&request), limits.get(&what).and_then(size)) else {
            continue;
        };
        if asked > limit {
            return Err((
                vec!["requests".into(), what.clone()],
                format!(
                    "`{key}.requests.{what}` of {} is above its limit of {}",
                    text(&request).unwrap_or_default(),
                    limits.get(&what).and_then(text).unwrap_or_default()
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn users(key: &str, value: &Value, kind: &Kind) -> Result<(), Wrong> {
    let Some(list) = value.as_array() else {
        let what = format!("`{key}` is to be {}, not `{value}`", kind.expected());
        return Err((Vec::new(), what));
    };
    let mut seen: Vec<&str> = Vec::new();
    for (index, user) in list.iter().enumerate() {
        let below = |name: &str| vec![index.to_string(), name.to_owned()];
        let Some(map) = user.as_object() else {
            return Err((
                vec![index.to_string()],
                format!("`{key}[{index}]` is to hold username, password and name"),
            ));
        };
        if let Some(other) = map
            .keys()
            .find(|name| !["username", "password", "name"].contains(&name.as_str()))
        {
            return Err((
                below(other),
                format!("`{key}[{index}]` is to hold username, password and name, not `{other}`"),
            ));
        }
        for name in ["username", "password"] {
            if user[name].as_str().is_none_or(str::is_empty) {
                return Err((
                    below(name),
                    format!("`{key}[{index}].{name}` is to be a text in quotes that is not empty"),
                ));
            }
        }
        let username = user["username"].as_str().unwrap_or_default();
        if username.contains(':') {
            return Err((
                below("username"),
                format!("`{key}[{index}].username` cannot hold `:`, which ends it in a login"),
            ));
        }
        if seen.contains(&username) {
            return Err((
                below("username"),
                format!("`{key}` names `{username}` twice"),
            ));
        }
        seen.push(username);
    }
    Ok(())
}
