//! Masks secrets in values, in their history, in Kubernetes objects and in arguments. No
//! other module masks secrets. The definition of a key determines what is secret in its
//! value. In variables, files and arguments, names determine it.

mod redactor;

use serde_json::{Map, Value};

pub(crate) use self::redactor::Redactor;

/// Replaces a secret.
pub(crate) const MASK: &str = "********";

/// What is secret in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Only environment variables with secret names, and parts of texts.
    Open,
    /// Also the values of other secret names, such as annotations.
    Named,
    /// The passwords in a list of users.
    Passwords,
    /// The entire value.
    Secret,
}

/// Masks the secrets of a value.
pub(crate) fn mask(value: &mut Value, secrecy: Secrecy) {
    match secrecy {
        Secrecy::Open => mask_texts(value),
        Secrecy::Named => {
            mask_named(value);
            mask_texts(value);
        }
        Secrecy::Passwords => mask_passwords(value),
        Secrecy::Secret => mask_leaves(value),
    }
}

/// Masks the secrets of a value whose key is unknown, such as one of another version.
pub(crate) fn mask_unknown(value: &mut Value, path: &str) {
    match path.split('.').any(is_secret) {
        true => mask_leaves(value),
        false => mask(value, Secrecy::Named),
    }
}

fn mask_passwords(users: &mut Value) {
    match users {
        Value::Array(users) => users.iter_mut().for_each(mask_passwords),
        Value::Object(user) => {
            if let Some(password) = user.get_mut("password") {
                mask_leaves(password);
            }
        }
        other => mask_leaves(other),
    }
}

fn mask_named(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match is_secret(name) {
                    true => mask_leaves(value),
                    false => mask_named(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_named),
        _ => {}
    }
}

/// Masks all leaf values except empty ones.
fn mask_leaves(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(mask_leaves),
        Value::Array(items) => items.iter_mut().for_each(mask_leaves),
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        leaf => *leaf = MASK.into(),
    }
}

/// Parts of names that indicate a secret.
const SECRET_WORDS: [&str; 7] = [
    "secret",
    "password",
    "passwd",
    "token",
    "accesskey",
    "access_key",
    "session",
];

/// Returns whether a value with this name is a secret. Names of Kubernetes Secrets are
/// not secret.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if name.ends_with("secretname") || name == "existingsecret" {
        return false;
    }
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Returns the part of a command-line argument that may be shown: up to the value of
/// the first secret. `None` if all of it may be shown.
pub(crate) fn visible_part(argument: &str) -> Option<&str> {
    let lower = argument.to_ascii_lowercase();
    let words = SECRET_WORDS.iter().chain(&["fixedusers"]);
    let first = words.filter_map(|word| lower.find(word)).min()?;
    let value = lower[first..].find(['=', ':'])?;
    Some(&argument[..=first + value])
}

/// How much of a text is secret.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    /// The entire text.
    Entire,
    /// Parts of some lines, as in a configuration file.
    Partial,
}

/// Masks the values of secret environment variables, and values that follow a secret
/// name in a text, such as a configuration file.
fn mask_texts(value: &mut Value) {
    for_each_secret(value, &mut |text, extent| *text = mask_text(text, extent));
}

/// Masks two versions of a Kubernetes object. Changed secrets are marked as changed.
pub(crate) fn mask_objects(kind: &str, before: Option<&mut Value>, after: Option<&mut Value>) {
    match kind {
        "Secret" => mask_data(before, after),
        kind => mask_pair(before, after, kind == "ConfigMap"),
    }
}

/// Masks all data of two versions of a Secret.
fn mask_data(before: Option<&mut Value>, after: Option<&mut Value>) {
    let data = |object: &Option<&mut Value>| {
        let data = object.as_ref().and_then(|object| object.get("data"));
        data.cloned().unwrap_or_default()
    };
    let (old, new) = (data(&before), data(&after));
    let hide = |object: Option<&mut Value>, changed: &dyn Fn(&str) -> bool| {
        let data = object.and_then(|object| object.get_mut("data"));
        let entries = data.and_then(Value::as_object_mut).into_iter().flatten();
        for (key, value) in entries {
            let note = if changed(key) { " (changed)" } else { "" };
            *value = Value::String(format!("{MASK}{note}"));
        }
    };
    hide(before, &|_| false);
    hide(after, &|key| {
        old.get(key)
            .is_some_and(|previous| Some(previous) != new.get(key))
    });
}

/// Masks two versions of an object in which only environment variables, annotations and the
/// files of a `ConfigMap` can contain secrets.
fn mask_pair(before: Option<&mut Value>, after: Option<&mut Value>, is_files: bool) {
    let is_masked =
        |text: &str, extent: Extent| is_files || extent == Extent::Entire || contains_login(text);
    let mut previous = Vec::new();
    if let Some(before) = before {
        for_each_secret(before, &mut |text, extent| {
            if is_masked(text, extent) {
                previous.push(text.clone());
                *text = mask_text(text, extent);
            }
        });
    }
    let Some(after) = after else {
        return;
    };
    for_each_secret(after, &mut |text, extent| {
        if !is_masked(text, extent) {
            return;
        }
        let masked = mask_text(text, extent);
        let same = previous.contains(text);
        let looks_same = previous
            .iter()
            .any(|previous| mask_text(previous, extent) == masked);
        *text = match !same && looks_same {
            true => format!("{masked} (changed)"),
            false => masked,
        };
    });
}

/// Calls `found` for every text that is or contains a secret.
fn for_each_secret(value: &mut Value, found: &mut dyn FnMut(&mut String, Extent)) {
    match value {
        Value::Object(map) => {
            let named = map.get("name").and_then(Value::as_str);
            let named = named.is_some_and(is_secret);
            for (key, value) in map.iter_mut() {
                match value {
                    Value::String(text) if named && key == "value" => found(text, Extent::Entire),
                    Value::Object(annotations) if key == "annotations" => {
                        for_each_secret_annotation(annotations, found);
                    }
                    value => for_each_secret(value, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                for_each_secret(item, found);
            }
        }
        Value::String(text) if contains_secret(text) => found(text, Extent::Partial),
        _ => {}
    }
}

fn for_each_secret_annotation(
    annotations: &mut Map<String, Value>,
    found: &mut dyn FnMut(&mut String, Extent),
) {
    for (name, value) in annotations {
        match value {
            Value::String(text) if is_secret(name) => found(text, Extent::Entire),
            value => for_each_secret(value, found),
        }
    }
}

fn mask_text(text: &str, extent: Extent) -> String {
    if extent == Extent::Entire {
        return MASK.to_owned();
    }
    let line = |line: &str| match visible_part(line) {
        Some(visible) => format!("{visible} {MASK}"),
        None if contains_login(line) => MASK.to_owned(),
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Returns whether a text appears to contain a secret.
fn contains_secret(text: &str) -> bool {
    contains_login(text) || visible_part(text).is_some()
}

/// Returns whether a text looks like a URL with user and password.
fn contains_login(text: &str) -> bool {
    text.contains("://") && text.contains('@')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_visible_up_to_the_first_secret() {
        for (argument, visible) in [
            ("secret.authToken=abc", Some("secret.authToken=")),
            ("a=1,redis.password=b", Some("a=1,redis.password=")),
            (r#"{"secret": {"authToken": "x"}}"#, Some(r#"{"secret":"#)),
            (
                "e[0].name=DB_PASSWORD,e[0].value=x",
                Some("e[0].name=DB_PASSWORD,e[0].value="),
            ),
            (
                "apiserver.fixedUsers.users={ann:x}",
                Some("apiserver.fixedUsers.users="),
            ),
            ("apiserver.replicaCount=2", None),
            ("redis.usePassword", None),
        ] {
            assert_eq!(visible_part(argument), visible, "{argument}");
        }
    }

    #[test]
    fn masks_secrets_in_values() {
        let mut value = json!([
            {"name": "DB_PASSWORD", "value": "hunter2"},
            {"name": "URL", "value": "redis://u:hunter2@db"},
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}},
            {"file": "auth {\n  password: hunter2\n}\n"},
        ]);
        mask_texts(&mut value);
        assert_eq!(
            value,
            json!([
                {"name": "DB_PASSWORD", "value": MASK},
                {"name": "URL", "value": MASK},
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}},
                {"file": "auth {\n  password: ********\n}\n"},
            ])
        );
    }

    #[test]
    fn masks_what_the_secrecy_covers() {
        let masked = |secrecy, mut value: Value| {
            mask(&mut value, secrecy);
            value
        };
        let users = json!([{"username": "ann", "password": "hunter2"}]);
        assert_eq!(
            masked(Secrecy::Passwords, users),
            json!([{"username": "ann", "password": MASK}])
        );
        assert_eq!(
            masked(Secrecy::Passwords, json!("ann:hunter2")),
            json!(MASK)
        );
        let annotations = json!({"example.com/token": "hunter2", "example.com/team": "ml"});
        assert_eq!(masked(Secrecy::Open, annotations.clone()), annotations);
        assert_eq!(
            masked(Secrecy::Named, annotations),
            json!({"example.com/token": MASK, "example.com/team": "ml"})
        );
        assert_eq!(masked(Secrecy::Secret, json!(["a", ""])), json!([MASK, ""]));
        assert_eq!(masked(Secrecy::Secret, json!(7)), json!(MASK));
    }

    #[test]
    fn a_changed_secret_is_marked_but_not_shown() {
        let file = |password: &str| json!({"a.conf": format!("x: 1\npassword = {password}\n")});
        let both = |old: &str, new: &str| {
            let (mut before, mut after) = (file(old), file(new));
            mask_pair(Some(&mut before), Some(&mut after), true);
            assert!(!format!("{before}{after}").contains("hunter"));
            before != after
        };
        assert!(both("hunter1", "hunter2"));
        assert!(!both("hunter1", "hunter1"));
        let mut pod = json!({
            "annotations": {"example.com/token": "hunter1", "example.com/team": "ml"},
            "env": [{"name": "UPSTREAM", "value": "http://ann:hunter2@127.0.0.1:9"}],
        });
        mask_pair(None, Some(&mut pod), false);
        assert_eq!(
            pod,
            json!({
                "annotations": {"example.com/token": MASK, "example.com/team": "ml"},
                "env": [{"name": "UPSTREAM", "value": MASK}],
            })
        );
        let mut script = json!(["password() { a=b; }"]);
        let same = script.clone();
        mask_pair(None, Some(&mut script), false);
        assert_eq!(script, same);
    }
}
