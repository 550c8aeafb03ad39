//! `--set KEY=VALUE`, with Helm's grammar: `a.b=c`, `a[0].b=c`, `a={x,y}`,
//! `a=b,c=d`, escapes with a backslash, and guessed types.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::{Map, Value};

/// Lists longer than that are a slip: `a[1000000]=x` would fill the memory.
const LONGEST_LIST: usize = 1024;

/// One step of a path.
enum Segment {
    Key(String),
    Index(usize),
}

/// Reads an argument and lays it onto a tree.
///
/// # Errors
/// Why it cannot be read, in words.
pub(super) fn parse_onto(argument: &str, tree: &mut Value) -> Result<(), String> {
    let mut chars = argument.chars().peekable();
    loop {
        let path = path(&mut chars)?;
        let value = value(&mut chars)?;
        place(tree, &path, value)?;
        if chars.next().is_none() {
            return Ok(());
        }
        if chars.peek().is_none() {
            return Ok(());
        }
    }
}

/// Reads up to and with the `=`.
fn path(chars: &mut Peekable<Chars<'_>>) -> Result<Vec<Segment>, String> {
    let mut segments = Vec::new();
    let mut name = String::new();
    let finish = |name: &mut String, segments: &mut Vec<Segment>| {
        if !name.is_empty() {
            segments.push(Segment::Key(std::mem::take(name)));
        }
    };
    loop {
        match chars.next() {
            None => return Err("it is to be KEY=VALUE".into()),
            Some('\\') => name.extend(chars.next()),
            Some('.') => finish(&mut name, &mut segments),
            Some('=') => {
                finish(&mut name, &mut segments);
                if segments.is_empty() {
                    return Err("the key is missing".into());
                }
                return Ok(segments);
            }
            Some('[') => {
                finish(&mut name, &mut segments);
                let digits: String = std::iter::from_fn(|| chars.next_if(|c| *c != ']')).collect();
                chars.next();
                let index = digits.parse().ok().filter(|index| *index < LONGEST_LIST);
                let index = index.ok_or_else(|| format!("`[{digits}]` is no place in a list"))?;
                segments.push(Segment::Index(index));
            }
            Some(other) => name.push(other),
        }
    }
}

/// Reads a value up to the comma behind it.
fn value(chars: &mut Peekable<Chars<'_>>) -> Result<Value, String> {
    if chars.next_if_eq(&'{').is_none() {
        let text = scalar(chars, &[',']);
        return Ok(guess(&text));
    }
    let mut items = Vec::new();
    loop {
        let text = scalar(chars, &[',', '}']);
        match chars.next() {
            Some('}') => {
                if !(items.is_empty() && text.is_empty()) {
                    items.push(guess(&text));
                }
                return Ok(Value::Array(items));
            }
            Some(_) => items.push(guess(&text)),
            None => return Err("the list has no end: `}` is missing".into()),
        }
    }
}

fn scalar(chars: &mut Peekable<Chars<'_>>, ends: &[char]) -> String {
    let mut text = String::new();
    while let Some(next) = chars.next_if(|c| !ends.contains(c)) {
        if next == '\\' {
            text.extend(chars.next());
        } else {
            text.push(next);
        }
    }
    text
}

/// What a text is, as Helm guesses: no number begins with a zero.
fn guess(text: &str) -> Value {
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "null" => Value::Null,
        "0" => Value::from(0),
        _ if text.starts_with('0') => Value::String(text.to_owned()),
        _ => match text.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::String(text.to_owned()),
        },
    }
}

fn place(tree: &mut Value, path: &[Segment], value: Value) -> Result<(), String> {
    let Some((first, rest)) = path.split_first() else {
        *tree = value;
        return Ok(());
    };
    match first {
        Segment::Key(name) => {
            if tree.is_null() {
                *tree = Value::Object(Map::new());
            }
            let map = tree.as_object_mut();
            let map =
                map.ok_or_else(|| format!("`{name}` stands below something that has no keys"))?;
            place(map.entry(name.clone()).or_insert(Value::Null), rest, value)
        }
        Segment::Index(index) => {
            if tree.is_null() {
                *tree = Value::Array(Vec::new());
            }
            let list = tree.as_array_mut();
            let list =
                list.ok_or_else(|| format!("`[{index}]` stands behind something that is no list"))?;
            if list.len() <= *index {
                list.resize(index + 1, Value::Null);
            }
            place(&mut list[*index], rest, value)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(argument: &str) -> Result<Value, String> {
        let mut tree = Value::Null;
        parse_onto(argument, &mut tree).map(|()| tree)
    }

    #[test]
    fn grammar() {
        for (argument, tree) in [
            ("a=1", json!({"a": 1})),
            ("a.b=c", json!({"a": {"b": "c"}})),
            ("a=b,c=d", json!({"a": "b", "c": "d"})),
            ("a={x,1,true}", json!({"a": ["x", 1, true]})),
            ("a={}", json!({"a": []})),
            ("a[0].b=c,a[0].d=e", json!({"a": [{"b": "c", "d": "e"}]})),
            (r"a\.b=c\,d", json!({"a.b": "c,d"})),
            ("a=null", json!({"a": null})),
            ("a=007", json!({"a": "007"})),
            ("a=", json!({"a": ""})),
            ("a=b=c", json!({"a": "b=c"})),
        ] {
            assert_eq!(parse(argument).unwrap(), tree, "{argument}");
        }
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        for (argument, reason) in [
            ("a", "it is to be KEY=VALUE"),
            ("=a", "the key is missing"),
            ("a={b", "the list has no end: `}` is missing"),
            ("a[x]=1", "`[x]` is no place in a list"),
            ("a[99999999999]=1", "`[99999999999]` is no place in a list"),
            ("a=1,a.b=2", "`b` stands below something that has no keys"),
        ] {
            assert_eq!(parse(argument).unwrap_err(), reason, "{argument}");
        }
    }
}
