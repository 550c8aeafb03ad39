//! JSON as Helm reads it behind `--set-json`.

use serde_json::{Map, Value};

use super::difference::{Difference, Refused};
use crate::yaml;

/// A whole object.
///
/// # Errors
/// When it is anything else.
pub(super) fn object(text: &str) -> Result<Map<String, Value>, Refused> {
    let object: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| refused(text, &error))?;
    let whole = object.into_iter().map(|(key, value)| (key, whole(value)));
    Ok(whole.collect())
}

/// The value at the start of a text, and what stands behind it. The text does not
/// begin with a blank.
///
/// # Errors
/// When no JSON stands there.
pub(super) fn first(text: &str) -> Result<(Value, &str), Refused> {
    // Words and numbers end where the next character cannot be theirs; the
    // library wants a blank or punctuation there.
    if let Some(length) = bare(text) {
        let (word, rest) = text.split_at(length);
        let value = serde_json::from_str(word).map_err(|error| refused(text, &error))?;
        return Ok((whole(value), rest));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Ok((whole(value), &text[values.byte_offset()..])),
        Some(Err(error)) => Err(refused(text, &error)),
        None => Err(Refused::new("a JSON value is missing")),
    }
}

/// The value with `1.0` as `1`, which is what Helm writes for it.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => {
            yaml::number(number.as_f64().unwrap_or_default())
        }
        Value::Array(items) => items.into_iter().map(whole).collect(),
        Value::Object(map) => {
            let whole = map.into_iter().map(|(key, value)| (key, whole(value)));
            Value::Object(whole.collect())
        }
        other => other,
    }
}

/// The length of the number or word that a text begins with.
fn bare(text: &str) -> Option<usize> {
    for word in ["true", "false", "null"] {
        if text.starts_with(word) {
            return Some(word.len());
        }
    }
    let digits =
        |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let mut end = usize::from(text.starts_with('-'));
    end += match digits(&text[end..]) {
        0 => return None,
        _ if text[end..].starts_with('0') => 1,
        length => length,
    };
    if text[end..].starts_with('.') {
        end += 1 + digits(&text[end + 1..]);
    }
    if text[end..].starts_with(['e', 'E']) {
        end += 1;
        end += usize::from(text[end..].starts_with(['+', '-']));
        end += digits(&text[end..]);
    }
    Some(end)
}

fn refused(text: &str, error: &serde_json::Error) -> Refused {
    let why = error.to_string();
    // `EOF while parsing an object at line 1 column 7`.
    let why = why.split(" at line ").next().unwrap_or_default();
    let why = why.replace("EOF while parsing", "the end comes within");
    let what = format!(
        "it is no JSON at character {}: {why}",
        character(text, error)
    );
    let ours = ["recursion limit", "surrogate", "hex escape"];
    let ours = ours.iter().any(|word| why.contains(word));
    let difference = ours.then_some(Difference::Json);
    Refused {
        difference,
        ..Refused::new(what)
    }
}

/// The character (from 1) that an error is about.
fn character(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line() - 1);
    let before: usize = lines.map(|line| line.chars().count()).sum();
    before + error.column().max(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_ends_where_the_next_begins() {
        for (text, value, rest) in [
            ("1,b=2", json!(1), ",b=2"),
            ("truefalse", json!(true), "false"),
            ("01", json!(0), "1"),
            ("-1.5e3x", json!(-1500), "x"),
            (r#""a,b"c"#, json!("a,b"), "c"),
            (r#"{"a":[1]}]"#, json!({"a": [1]}), "]"),
        ] {
            assert_eq!(first(text).unwrap(), (value, rest), "{text}");
        }
        for broken in ["x", "-", "1.", "1e", "{", "[1,]", "\"", "nul"] {
            assert!(first(broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn depth_has_a_bound() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let refused = first(&deep).unwrap_err();
        assert_eq!(refused.difference, Some(Difference::Json));
    }

    #[test]
    fn errors_say_where() {
        assert_eq!(
            first("{\"a\":}").unwrap_err().what,
            "it is no JSON at character 6: expected value"
        );
        assert_eq!(
            object("{\"a\":1").unwrap_err().what,
            "it is no JSON at character 6: the end comes within an object"
        );
    }
}
