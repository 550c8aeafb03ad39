//! Values with an inner structure: Kubernetes objects, maps of strings, files, users.

use k8s_openapi::api::core::v1::EnvVarSource;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{Kind, Violation, text, type_of};

/// Checks that a value is a Kubernetes object `T` without unknown fields.
pub(super) fn shaped<T: DeserializeOwned + Serialize>(
    key: &str,
    value: &Value,
    below: Vec<String>,
) -> Result<(), Violation> {
    let read = serde_json::from_value::<T>(value.clone());
    let read = match read {
        Ok(read) => serde_json::to_value(read).unwrap_or_default(),
        Err(error) => {
            let place = path_of(key, &below);
            return Err((below, format!("invalid value for `{place}`: {error}")));
        }
    };
    let mut path = below;
    match unknown(value, &read, &mut path) {
        true => {
            let place = path_of(key, &path);
            Err((path, format!("unknown field `{place}`")))
        }
        false => Ok(()),
    }
}

/// Whether `value` has a field that `read` lacks; `path` then leads to it.
fn unknown(value: &Value, read: &Value, path: &mut Vec<String>) -> bool {
    match (value, read) {
        (Value::Object(value), read) => value.iter().any(|(name, below)| {
            path.push(name.clone());
            let lost = match read.get(name) {
                Some(read) => unknown(below, read, path),
                None => !is_empty(below),
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

fn is_empty(value: &Value) -> bool {
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
) -> Result<(), Violation> {
    let Some(list) = value.as_array() else {
        return Err((Vec::new(), kind.invalid(key, value)));
    };
    for (index, item) in list.iter().enumerate() {
        shaped::<T>(key, item, vec![index.to_string()])?;
    }
    Ok(())
}

/// Checks an environment: each name occurs once, and values are scalars. Messages contain no
/// values, because some may be secrets.
pub(super) fn environment(key: &str, value: &Value, kind: &Kind) -> Vec<Violation> {
    items_named_once(key, value, kind, "name", variable)
}

/// Checks each item of a list, and that no two items have the same name in a field.
fn items_named_once(
    key: &str,
    value: &Value,
    kind: &Kind,
    field: &str,
    check: impl Fn(&str, usize, &Value) -> Result<(), Violation>,
) -> Vec<Violation> {
    let Value::Array(items) = value else {
        return vec![(Vec::new(), kind.invalid(key, value))];
    };
    let mut names: Vec<&str> = Vec::new();
    let mut wrong = Vec::new();
    for (index, item) in items.iter().enumerate() {
        if let Err(one) = check(key, index, item) {
            wrong.push(one);
            continue;
        }
        let name = item[field].as_str().unwrap_or_default();
        if names.contains(&name) {
            let below = vec![index.to_string(), field.to_owned()];
            wrong.push((below, format!("`{key}` contains `{name}` twice")));
        }
        names.push(name);
    }
    wrong
}

fn variable(key: &str, index: usize, item: &Value) -> Result<(), Violation> {
    let place = format!("{key}[{index}]");
    let wrong = |field: Option<&str>, what: String| {
        let path = std::iter::once(index.to_string());
        Err((path.chain(field.map(str::to_owned)).collect(), what))
    };
    let Some(map) = item.as_object() else {
        let got = type_of(item);
        let what = format!("invalid value for `{place}`: expected `name` and `value`, got {got}");
        return wrong(None, what);
    };
    if item["name"].as_str().is_none_or(str::is_empty) {
        return wrong(None, format!("`{place}.name` is missing"));
    }
    for (field, value) in map {
        let got = type_of(value);
        let invalid = |expected: &str| {
            format!("invalid value for `{place}.{field}`: expected {expected}, got {got}")
        };
        match field.as_str() {
            "name" => {}
            "value" if text(value).is_some() || value.is_null() => {}
            "value" => return wrong(Some(field), invalid("a string")),
            "valueFrom" if value.is_null() => {}
            "valueFrom" if value.is_object() => {
                shaped::<EnvVarSource>(key, value, vec![index.to_string(), field.clone()])?;
            }
            "valueFrom" => return wrong(Some(field), invalid("a source such as `secretKeyRef`")),
            _ => {
                let what = format!("unknown field `{place}.{field}`");
                return wrong(Some(field), what);
            }
        }
    }
    Ok(())
}

/// Returns the items of an environment with values as strings: Kubernetes accepts only
/// strings, and `--set` and YAML guess numbers.
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

pub(super) fn texts(key: &str, value: &Value, kind: &Kind) -> Result<(), Violation> {
    let Some(map) = value.as_object() else {
        return Err((Vec::new(), kind.invalid(key, value)));
    };
    for (name, value) in map {
        if text(value).is_none() {
            return Err((
                vec![name.clone()],
                format!(
                    "invalid value for `{key}.{name}`: expected a string, got {}",
                    type_of(value)
                ),
            ));
        }
    }
    Ok(())
}

pub(super) fn files(key: &str, value: &Value, ends: &[&str], kind: &Kind) -> Result<(), Violation> {
    texts(key, value, kind)?;
    for name in value.as_object().into_iter().flat_map(Map::keys) {
        let below = vec![name.clone()];
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.starts_with('.') || !name.chars().all(inner) {
            return Err((
                below,
                format!("`{key}` contains `{name}`, which is not a valid file name"),
            ));
        }
        if !ends.is_empty() && !ends.iter().any(|end| name.ends_with(end)) {
            let ends = ends.join(" or ");
            return Err((
                below,
                format!("`{key}` contains `{name}`, but only files that end with {ends} are read"),
            ));
        }
    }
    Ok(())
}

/// Checks users, of which each name must occur once.
pub(super) fn users(key: &str, value: &Value, kind: &Kind) -> Vec<Violation> {
    items_named_once(key, value, kind, "username", user)
}

fn user(key: &str, index: usize, user: &Value) -> Result<(), Violation> {
    let below = |name: &str| vec![index.to_string(), name.to_owned()];
    let Some(map) = user.as_object() else {
        return Err((
            vec![index.to_string()],
            format!(
                "invalid value for `{key}[{index}]`: expected username, password and name, got {}",
                type_of(user)
            ),
        ));
    };
    let mut names = map.keys();
    if let Some(other) =
        names.find(|name| !["username", "password", "name"].contains(&name.as_str()))
    {
        return Err((
            below(other),
            format!("unknown key `{key}[{index}].{other}`: a user has username, password and name"),
        ));
    }
    for name in ["username", "password"] {
        if user[name].as_str().is_none_or(str::is_empty) {
            return Err((
                below(name),
                format!(
                    "invalid value for `{key}[{index}].{name}`: expected a non-empty string in \
                     quotes"
                ),
            ));
        }
    }
    if user["username"]
        .as_str()
        .is_some_and(|name| name.contains(':'))
    {
        return Err((
            below("username"),
            format!(
                "`{key}[{index}].username` must not contain `:`, which ends the user name in a \
                login"
            ),
        ));
    }
    Ok(())
}
