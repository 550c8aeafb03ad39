//! The subset of HOCON that users write in ClearML's configuration files and in
//! `CLEARML__…` variables.
//!
//! It supports objects with and without braces, `=` or `:`, dotted and quoted keys,
//! lists, strings, numbers, flags and comments. A duration such as `30s` is a string.
//! References to other values and includes are rejected, because they are not needed
//! here.

use crate::clearml::secret_words::{SPECIAL, plain};
use serde_json::{Map, Value};

/// Parses a file, an object with or without braces.
pub fn document(text: &str) -> Result<Value, String> {
    let mut parser = Parser::new(text);
    parser.skip_all();
    let braces = parser.take("{");
    let mut object = Map::new();
    parser.members(&mut object, braces.then_some('}'))?;
    parser.skip_all();
    parser.end()?;
    Ok(Value::Object(object))
}

/// Parses one value, as in a variable. An empty text is null.
pub fn value(text: &str) -> Result<Value, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(Value::Null);
    }
    let mut parser = Parser::new(text);
    let value = parser.value()?;
    parser.skip_all();
    parser.end()?;
    Ok(value)
}

/// Merges `new` into `old`: objects are merged, everything else is replaced.
pub fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                merge(old.entry(key).or_insert(Value::Null), value);
            }
        }
        (old, new) => *old = new,
    }
}

/// Returns an object that has `value` at a path, outermost key first.
pub fn nested(path: &[String], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, key| {
        Value::Object(Map::from_iter([(key.clone(), inner)]))
    })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self, expected: &str) -> bool {
        let taken = self.rest().starts_with(expected);
        if taken {
            self.at += expected.len();
        }
        taken
    }

    fn take_while(&mut self, predicate: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest
            .find(|character| !predicate(character))
            .unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn error<T>(&self, what: impl std::fmt::Display) -> Result<T, String> {
        let line = self.text[..self.at].matches('\n').count() + 1;
        Err(format!("line {line}: {what}"))
    }

    fn end(&self) -> Result<(), String> {
        match self.peek() {
            None => Ok(()),
            Some(character) => self.error(format!("unexpected `{character}`")),
        }
    }

    fn skip_spaces(&mut self) {
        self.take_while(|character| character == ' ' || character == '\t' || character == '\r');
    }

    fn at_comment(&self) -> bool {
        self.rest().starts_with('#') || self.rest().starts_with("//")
    }

    /// Skips white space, commas and comments. Returns whether there was a line feed or
    /// a comma, which separates members and elements.
    fn skip_all(&mut self) -> bool {
        let mut separated = false;
        loop {
            if self.at_comment() {
                self.take_while(|character| character != '\n');
            }
            let skipped =
                self.take_while(|character| character.is_whitespace() || character == ',');
            separated |= skipped.contains(['\n', ',']);
            if skipped.is_empty() && !self.at_comment() {
                return separated;
            }
        }
    }

    /// Parses `key = value` up to `close`, or to the end of the text.
    fn members(
        &mut self,
        object: &mut Map<String, Value>,
        close: Option<char>,
    ) -> Result<(), String> {
        let mut separated = true;
        loop {
            separated |= self.skip_all();
            match (self.peek(), close) {
                (None, None) => return Ok(()),
                (None, Some(close)) => return self.error(format!("`{close}` is missing")),
                (Some(character), Some(close)) if character == close => {
                    self.at += 1;
                    return Ok(());
                }
                (Some(character), _) if !separated => {
                    return self.error(format!("unexpected `{character}`"));
                }
                _ => {}
            }
            let path = self.key()?;
            self.skip_spaces();
            let assigned = self.take("=") || self.take(":");
            self.skip_spaces();
            if !assigned && self.peek() != Some('{') {
                return self.error(format!("`{}` has no value", path.join(".")));
            }
            let value = self.value()?;
            let mut merged_object = Value::Object(std::mem::take(object));
            merge(&mut merged_object, nested(&path, value));
            if let Value::Object(merged) = merged_object {
                *object = merged;
            }
            separated = false;
        }
    }

    /// Parses a path such as `a.b."c.d"`.
    fn key(&mut self) -> Result<Vec<String>, String> {
        let mut path = Vec::new();
        loop {
            self.skip_spaces();
            let part = if self.peek() == Some('"') {
                self.quoted()?
            } else {
                let word = |character: char| {
                    !SPECIAL.contains(character)
                        && !character.is_whitespace()
                        && !".:".contains(character)
                };
                self.take_while(word).to_owned()
            };
            if part.is_empty() {
                return match self.peek() {
                    Some(character) => self.error(format!("unexpected `{character}`")),
                    None => self.error("a key is missing"),
                };
            }
            path.push(part);
            if !self.take(".") {
                return Ok(path);
            }
        }
    }

    fn value(&mut self) -> Result<Value, String> {
        if self.take("{") {
            let mut object = Map::new();
            self.members(&mut object, Some('}'))?;
            return Ok(Value::Object(object));
        }
        if self.take("[") {
            return self.elements();
        }
        self.scalar()
    }

    fn elements(&mut self) -> Result<Value, String> {
        let mut elements = Vec::new();
        let mut separated = true;
        loop {
            separated |= self.skip_all();
            match self.peek() {
                None => return self.error("`]` is missing"),
                Some(']') => {
                    self.at += 1;
                    return Ok(Value::Array(elements));
                }
                Some(character) if !separated => {
                    return self.error(format!("unexpected `{character}`"));
                }
                Some(_) => elements.push(self.value()?),
            }
            separated = false;
        }
    }

    /// Parses words and quoted strings up to the end of the line, the element or the
    /// object. A single word may be a number or a flag; several words are a string.
    fn scalar(&mut self) -> Result<Value, String> {
        let mut text = String::new();
        let mut quoted = false;
        loop {
            let start = self.at;
            self.skip_spaces();
            let spaces = &self.text[start..self.at];
            let ends = self.at_comment()
                || self
                    .peek()
                    .is_none_or(|character| ",}]\n".contains(character));
            if ends {
                break;
            }
            if !text.is_empty() {
                text += spaces;
            }
            if self.peek() == Some('"') {
                quoted = true;
                text += &self.quoted()?;
            } else {
                let word = self.take_while(|character| {
                    !SPECIAL.contains(character) && !character.is_whitespace()
                });
                if word.is_empty() {
                    let character = self.peek().unwrap_or_default();
                    return self.error(format!("unexpected `{character}`"));
                }
                text += word;
            }
        }
        match (quoted, text.as_str()) {
            (true, _) => Ok(Value::String(text)),
            (false, "") => self.error("a value is missing"),
            (false, word) => Ok(plain(word)),
        }
    }

    /// Parses `"…"` with JSON escapes, or `"""…"""` without escapes.
    fn quoted(&mut self) -> Result<String, String> {
        if self.take("\"\"\"") {
            let Some(length) = self.rest().find("\"\"\"") else {
                return self.error("`\"\"\"` is missing");
            };
            let text = self.rest()[..length].to_owned();
            self.at += length + 3;
            return Ok(text);
        }
        let mut escaped = false;
        let inner = self.rest()[1..].find(|character| {
            let closes = character == '\n' || character == '"' && !escaped;
            escaped = character == '\\' && !escaped;
            closes
        });
        let Some(length) = inner.filter(|length| !self.rest()[1 + length..].starts_with('\n'))
        else {
            return self.error("`\"` is missing");
        };
        let literal = &self.rest()[..length + 2];
        match serde_json::from_str(literal) {
            Ok(text) => {
                self.at += literal.len();
                Ok(text)
            }
            Err(error) => self.error(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parses_typical_files() {
        let text = r#"
            # fixed users
            auth {
                fixed_users {
                    enabled: true
                    pass_hashed = false   // for now
                    users: [
                        { username: "jane", password: "1#2", name: "Jane Doe" }
                        { username = john, password: "a\"b", name: John Doe }
                    ]
                }
                cookies.max_age = 3600, "session.name": x
            }
            url: http://clearml-apiserver:8008/a  # not a comment before this
            interval = 30s
            auth.cookies { secure: on }
        "#;
        let expected = json!({
            "auth": {
                "fixed_users": {
                    "enabled": true,
                    "pass_hashed": false,
                    "users": [
                        {"username": "jane", "password": "1#2", "name": "Jane Doe"},
                        {"username": "john", "password": "a\"b", "name": "John Doe"},
                    ],
                },
                "cookies": {"max_age": 3600, "secure": true},
                "session.name": "x",
            },
            "url": "http://clearml-apiserver:8008/a",
            "interval": "30s",
        });
        assert_eq!(document(text), Ok(expected.clone()));
        assert_eq!(document(&format!("{{ {text} }}\n")), Ok(expected));
        assert_eq!(document("# nothing\n"), Ok(json!({})));
        assert_eq!(
            document("a: \"\"\"one \"two\"\"\"\"\n").map(|value| value["a"].clone()),
            Err("line 1: `\"` is missing".into()),
        );
    }

    #[test]
    fn later_members_override_and_objects_merge() {
        assert_eq!(
            document("a { b: 1, c: 2 }\na.b = 3\nd: [1, 2]\nd: []"),
            Ok(json!({"a": {"b": 3, "c": 2}, "d": []}))
        );
    }

    #[test]
    fn errors_have_a_line() {
        for (text, expected) in [
            ("a {\n b: 1\n", "line 3: `}` is missing"),
            ("a: 1\nb", "line 2: `b` has no value"),
            ("a: [1, 2", "line 1: `]` is missing"),
            ("a: \"open\nb: 1", "line 1: `\"` is missing"),
            ("a: ${HOME}", "line 1: unexpected `$`"),
            ("include \"other.conf\"", "line 1: `include` has no value"),
            ("a = \nb = 1", "line 1: a value is missing"),
            ("a: 1 }", "line 1: unexpected `}`"),
            ("{ a: 1 } b: 2", "line 1: unexpected `b`"),
            ("a: {b: 1} c: 2", "line 1: unexpected `c`"),
            ("a: [1] [2]", "line 1: unexpected `[`"),
        ] {
            assert_eq!(document(text), Err(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn variables_have_types() {
        assert_eq!(value("864000"), Ok(864_000.into()));
        assert_eq!(value("true"), Ok(true.into()));
        assert_eq!(value(""), Ok(Value::Null));
        assert_eq!(
            value("http://clearml-apiserver:8008"),
            Ok("http://clearml-apiserver:8008".into())
        );
        assert_eq!(
            value("[\"http://localhost:30081\", b]"),
            Ok(json!(["http://localhost:30081", "b"]))
        );
        assert_eq!(value("An SDK"), Ok("An SDK".into()));
        for wrong in ["[\"a\"", "a=b", "a,b", "a*b", "{a: 1"] {
            assert!(value(wrong).is_err(), "{wrong}");
        }
    }
}
