//! Which names stand for secrets, and how a text that may hold one is shown.

use serde_json::Value;

/// Stands in the place of a secret.
pub(crate) const MASK: &str = "********";

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
pub(crate) fn is_secret(name: &str) -> bool {
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
pub(crate) fn mask_within(value: &mut Value) {
    each_secret(value, &mut |text, held| *text = masked(text, held));
}

/// Masks two versions of an object in which only variables and the files of a
/// `ConfigMap` can hold secrets. Another secret than before is told so.
pub(crate) fn mask_both(before: Option<&mut Value>, after: Option<&mut Value>, is_files: bool) {
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
pub(crate) fn holds_secret(text: &str) -> bool {
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
