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

/// Masks the values of environment variables whose names stand for secrets, and texts
/// that hold one, such as a file with a password or a URL with a login.
pub(crate) fn mask_within(value: &mut Value) {
    match value {
        Value::Object(map) => {
            let named = map.get("name").and_then(Value::as_str);
            let named = named.is_some_and(is_secret);
            for (key, below) in map.iter_mut() {
                if (is_secret(key) && below.is_string()) || (named && key == "value") {
                    *below = Value::from(MASK);
                } else {
                    mask_within(below);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask_within),
        Value::String(text) if holds_login(text) => *text = MASK.to_owned(),
        Value::String(text) if text.contains('\n') && shown_part(text).is_some() => {
            *text = format!("{} lines", text.lines().count());
        }
        _ => {}
    }
}

/// Whether a text looks like a URL with a user and a password.
pub(crate) fn holds_login(text: &str) -> bool {
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
            {"file": "auth {\n password: hunter2\n}\n"},
        ]);
        mask_within(&mut value);
        assert_eq!(
            value,
            json!([
                {"name": "DB_PASSWORD", "value": MASK},
                {"name": "URL", "value": MASK},
                {"name": "A", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "a"}}},
                {"file": "3 lines"},
            ])
        );
    }
}
