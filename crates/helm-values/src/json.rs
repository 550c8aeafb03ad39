//! JSON as Helm reads it in `--set-json`.

use serde_json::{Map, Value};

use crate::scalar::number;
use crate::{Error, ErrorKind, Position};

/// Reads a text that is an object.
pub(crate) fn object(text: &str) -> Result<Map<String, Value>, Error> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|error| {
        let kind = invalid(text, &error);
        let before = byte_offset(text, &error);
        Error::at(Position::in_text(text, before), kind)
    })?;
    let object = object.into_iter().map(|(key, value)| (key, shorten(value)));
    Ok(object.collect())
}

/// Reads the value at the start of a text, which must not start with a space. Returns
/// the value and the rest of the text.
pub(crate) fn first(text: &str) -> Result<(Value, &str), ErrorKind> {
    // Helm ends literals and numbers at the first character that cannot belong to them;
    // serde_json requires white space or punctuation there.
    if let Some(length) = literal(text) {
        let (word, rest) = text.split_at(length);
        let value = serde_json::from_str(word).map_err(|error| invalid(text, &error))?;
        return Ok((shorten(value), rest));
    }
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    match values.next() {
        Some(Ok(value)) => Ok((shorten(value), &text[values.byte_offset()..])),
        Some(Err(error)) => Err(invalid(text, &error)),
        None => Err(ErrorKind::MissingJson),
    }
}

/// Replaces `1.0` with `1`, as Helm writes it.
fn shorten(value: Value) -> Value {
    match value {
        Value::Number(float) if float.is_f64() => number(float.as_f64().unwrap_or_default()),
        Value::Array(items) => items.into_iter().map(shorten).collect(),
        Value::Object(map) => {
            let map = map.into_iter().map(|(key, value)| (key, shorten(value)));
            Value::Object(map.collect())
        }
        other => other,
    }
}

/// Returns the length of the literal or number at the start of a text.
fn literal(text: &str) -> Option<usize> {
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

fn invalid(text: &str, error: &serde_json::Error) -> ErrorKind {
    let reason = error.to_string();
    // Such as `EOF while parsing an object at line 1 column 7`.
    let reason = reason.split(" at line ").next().unwrap_or_default();
    let reason = reason.replace("EOF while parsing", "unexpected end within");
    let stricter_than_helm = ["recursion limit", "surrogate", "hex escape"];
    ErrorKind::InvalidJson {
        character: 1 + text[..byte_offset(text, error)].chars().count(),
        accepted_by_helm: stricter_than_helm.iter().any(|word| reason.contains(word)),
        reason,
    }
}

/// Returns the offset of the character that an error is about.
fn byte_offset(text: &str, error: &serde_json::Error) -> usize {
    let lines = text.split_inclusive('\n').take(error.line() - 1);
    let before: usize = lines.map(str::len).sum();
    // Columns are bytes, counted from 1; the error may be in the middle of a character.
    let offset = before + error.column().max(1) - 1;
    (0..=offset.min(text.len()))
        .rev()
        .find(|offset| text.is_char_boundary(*offset))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Difference;

    #[test]
    fn a_value_ends_where_the_next_one_starts() {
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
    fn the_depth_is_limited() {
        let deep = "[".repeat(200) + &"]".repeat(200);
        let error = Error::from(first(&deep).unwrap_err());
        assert_eq!(error.difference(), Some(Difference::Json));
    }

    #[test]
    fn errors_name_the_character() {
        assert_eq!(
            first("{\"a\":}").unwrap_err().to_string(),
            "invalid JSON at character 6: expected value"
        );
        assert_eq!(
            first("{\"é\":}").unwrap_err().to_string(),
            "invalid JSON at character 6: expected value"
        );
        assert_eq!(
            object("{\"a\":1").unwrap_err().to_string(),
            "line 1, column 6: invalid JSON at character 6: unexpected end within an object"
        );
    }
}
