//! Masks secrets in values, in their history, in Kubernetes objects and in arguments; no other
//! module does. The definition of a key says what is secret in its value. Variables, files and
//! arguments are judged by names.

use serde_json::Value;

/// Stands in the place of a secret.
pub(crate) const MASK: &str = "********";

/// What is secret in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// Environment variables with the name of a secret, and parts of texts.
    Open,
    /// The same, and the values of names that stand for secrets, such as annotations.
    Named,
    /// The passwords in a list of users.
    Passwords,
    /// All of it.
    Secret,
}

/// Masks the secrets of a value.
pub(crate) fn mask(value: &mut Value, secrecy: Secrecy) {
    match secrecy {
        Secrecy::Open => mask_within(value),
        Secrecy::Named => {
            mask_named(value);
            mask_within(value);
        }
        Secrecy::Passwords => mask_passwords(value),
        Secrecy::Secret => mask_leaves(value),
    }
}

/// Masks the secrets of a value whose key is unknown, as one of another version.
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
            for (name, below) in map {
                match is_secret(name) {
                    true => mask_leaves(below),
                    false => mask_named(below),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_named),
        _ => {}
    }
}

/// Masks everything but the structure. What is empty holds no secret.
fn mask_leaves(value: &mut Value) {
    match value {
        Value::Object(map) => map.values_mut().for_each(mask_leaves),
        Value::Array(items) => items.iter_mut().for_each(mask_leaves),
        Value::Null => {}
        Value::String(text) if text.is_empty() => {}
        leaf => *leaf = MASK.into(),
    }
}

/// Parts of names under which secrets are kept.
const WORDS: [&str; 7] = [
    "secret",
    "password",
    "passwd",
    "token",
    "accesskey",
    "access_key",
    "session",
];

/// Whether a value with that name is a secret. Names of Kubernetes Secrets are not.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    if name.ends_with("secretname") || name == "existingsecret" {
        return false;
    }
    WORDS.iter().any(|word| name.contains(word))
}

/// How much of a command-line argument can be shown: up to the value of the first
/// name that stands for a secret. Returns `None` where all of it can.
pub(crate) fn shown_part(argument: &str) -> Option<&str> {
    let lower = argument.to_ascii_lowercase();
    let words = WORDS.iter().chain(&["fixedusers"]);
    let first = words.filter_map(|word| lower.find(word)).min()?;
    let value = lower[first..].find(['=', ':'])?;
    Some(&argument[..=first + value])
}

/// How a text is a secret.
#[derive(Clone, Copy, PartialEq)]
enum Held {
    /// All of it is one.
    Whole,
    /// Some of its lines hold one, such as a configuration file's.
    Within,
}

/// Masks the values of environment variables whose names stand for secrets, and what
/// follows such a name in a text, such as a configuration file.
fn mask_within(value: &mut Value) {
    each_secret(value, &mut |text, held| *text = masked(text, held));
}

/// Masks two versions of a Kubernetes object. Another secret than before is marked as changed.
pub(crate) fn mask_objects(kind: &str, before: Option<&mut Value>, after: Option<&mut Value>) {
    match kind {
        "Secret" => mask_data(before, after),
        kind => mask_both(before, after, kind == "ConfigMap"),
    }
}

/// Masks all that two versions of a Secret hold.
fn mask_data(before: Option<&mut Value>, after: Option<&mut Value>) {
    let data = |object: &Option<&mut Value>| {
        let data = object.as_ref().and_then(|object| object.get("data"));
        data.cloned().unwrap_or_default()
    };
    let (is, wanted) = (data(&before), data(&after));
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
        is.get(key)
            .is_some_and(|former| Some(former) != wanted.get(key))
    });
}

/// Masks two versions of an object in which only variables and the files of a `ConfigMap`
/// can hold secrets.
fn mask_both(before: Option<&mut Value>, after: Option<&mut Value>, is_files: bool) {
    let counts = |held: Held| is_files || held == Held::Whole;
    let mut former = Vec::new();
    if let Some(before) = before {
        each_secret(before, &mut |text, held| {
            if counts(held) {
                former.push(text.clone());
                *text = masked(text, held);
            }
        });
    }
    let Some(after) = after else {
        return;
    };
    each_secret(after, &mut |text, held| {
        if !counts(held) {
            return;
        }
        let hidden = masked(text, held);
        let same = former.contains(text);
        let looks_same = former.iter().any(|former| masked(former, held) == hidden);
        *text = match !same && looks_same {
            true => format!("{hidden} (changed)"),
            false => hidden,
        };
    });
}

/// Calls back for every text that is a secret or holds one.
fn each_secret(value: &mut Value, found: &mut dyn FnMut(&mut String, Held)) {
    match value {
        Value::Object(map) => {
            let named = map.get("name").and_then(Value::as_str);
            let named = named.is_some_and(is_secret);
            for (key, below) in map.iter_mut() {
                match below {
                    Value::String(text) if named && key == "value" => found(text, Held::Whole),
                    below => each_secret(below, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                each_secret(item, found);
            }
        }
        Value::String(text) if holds_secret(text) => found(text, Held::Within),
        _ => {}
    }
}

fn masked(text: &str, held: Held) -> String {
    if held == Held::Whole {
        return MASK.to_owned();
    }
    let line = |line: &str| match shown_part(line) {
        Some(shown) => format!("{shown} {MASK}"),
        None if holds_login(line) => MASK.to_owned(),
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Whether a text holds a secret, as far as can be seen.
fn holds_secret(text: &str) -> bool {
    holds_login(text) || shown_part(text).is_some()
}

/// Whether a text looks like a URL with a user and a password.
fn holds_login(text: &str) -> bool {
    text.contains("://") && text.contains('@')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn arguments_are_shown_up_to_the_first_secret() {
        for (argument, shown) in [
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
            assert_eq!(shown_part(argument), shown, "{argument}");
        }
    }

    #[test]
    fn secrets_within_values_are_masked() {
        let mut value = json!([
            {"name": "DB_PASSWORD", "value": "hunter2"},
            {"name": "URL", "value": "redis://u:hunter2@db"},
            {"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}},
            {"file": "auth {\n  password: hunter2\n}\n"},
        ]);
        mask_within(&mut value);
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
    fn a_secret_is_masked_as_far_as_its_secrecy_goes() {
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
    fn another_secret_is_told_and_not_shown() {
        let file = |password: &str| json!({"a.conf": format!("x: 1\npassword = {password}\n")});
        let both = |old: &str, new: &str| {
            let (mut before, mut after) = (file(old), file(new));
            mask_both(Some(&mut before), Some(&mut after), true);
            assert!(!format!("{before}{after}").contains("hunter"));
            before != after
        };
        assert!(both("hunter1", "hunter2"));
        assert!(!both("hunter1", "hunter1"));
        let mut script = json!(["password() { a=b; }"]);
        let same = script.clone();
        mask_both(None, Some(&mut script), false);
        assert_eq!(script, same);
    }
}
