//! HOCON, as far as people write it in ClearML's configuration files and in
//! `CLEARML__…` variables.
//!
//! Objects with and without braces, `=` or `:`, dotted and quoted keys, lists,
//! strings, numbers, flags and comments. A duration such as `30s` stays text.
//! References to other values and inclusions are refused: nobody needs them
//! here.

use crate::clearml::secret_words::{SPECIAL, plain};
use serde_json::{Map, Value};

/// The object that a file holds, with or without braces around it.
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

/// One value, as in a variable; nothing is null.
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

/// Puts `new` over `old`: objects are merged, everything else is replaced.
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

/// An object that has `value` at the path, given from the outside in.
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

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let length = rest.find(|letter| !fits(letter)).unwrap_or(rest.len());
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
            Some(letter) => self.error(format!("unexpected `{letter}`")),
        }
    }

    fn skip_blanks(&mut self) {
        self.take_while(|letter| letter == ' ' || letter == '\t' || letter == '\r');
    }

    fn at_comment(&self) -> bool {
        self.rest().starts_with('#') || self.rest().starts_with("//")
    }

    /// Skips blanks, lines and comments; says whether a line or a comma was
    /// among them, which is what separates members and elements.
    fn skip_all(&mut self) -> bool {
        let mut separated = false;
        loop {
            if self.at_comment() {
                self.take_while(|letter| letter != '\n');
            }
            let blank = self.take_while(|letter| letter.is_whitespace() || letter == ',');
            separated |= blank.contains(['\n', ',']);
            if blank.is_empty() && !self.at_comment() {
                return separated;
            }
        }
    }

    /// `key = value` up to `close`, or to the end of the text.
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
                (Some(letter), Some(close)) if letter == close => {
                    self.at += 1;
                    return Ok(());
                }
                (Some(letter), _) if !separated => {
                    return self.error(format!("unexpected `{letter}`"));
                }
                _ => {}
            }
            let path = self.key()?;
            self.skip_blanks();
            let assigned = self.take("=") || self.take(":");
            self.skip_blanks();
            if !assigned && self.peek() != Some('{') {
                return self.error(format!("`{}` has no value", path.join(".")));
            }
            let value = self.value()?;
            let mut whole = Value::Object(std::mem::take(object));
            merge(&mut whole, nested(&path, value));
            if let Value::Object(merged) = whole {
                *object = merged;
            }
            separated = false;
        }
    }

    /// `a.b."c.d"`.
    fn key(&mut self) -> Result<Vec<String>, String> {
        let mut path = Vec::new();
        loop {
            self.skip_blanks();
            let part = if self.peek() == Some('"') {
                self.quoted()?
            } else {
                let word = |letter: char| {
                    !SPECIAL.contains(letter) && !letter.is_whitespace() && !".:".contains(letter)
                };
                self.take_while(word).to_owned()
            };
            if part.is_empty() {
                return match self.peek() {
                    Some(letter) => self.error(format!("unexpected `{letter}`")),
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
                Some(letter) if !separated => return self.error(format!("unexpected `{letter}`")),
                Some(_) => elements.push(self.value()?),
            }
            separated = false;
        }
    }

    /// Words and quoted strings up to the end of the line, the element or the
    /// object. One word may be a number or a flag; several make a text.
    fn scalar(&mut self) -> Result<Value, String> {
        let mut text = String::new();
        let mut quoted = false;
        loop {
            let blanks_from = self.at;
            self.skip_blanks();
            let blanks = &self.text[blanks_from..self.at];
            let ends =
                self.at_comment() || self.peek().is_none_or(|letter| ",}]\n".contains(letter));
            if ends {
                break;
            }
            if !text.is_empty() {
                text += blanks;
            }
            if self.peek() == Some('"') {
                quoted = true;
                text += &self.quoted()?;
            } else {
                let word =
                    self.take_while(|letter| !SPECIAL.contains(letter) && !letter.is_whitespace());
                if word.is_empty() {
                    let letter = self.peek().unwrap_or_default();
                    return self.error(format!("unexpected `{letter}`"));
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

    /// `"…"` with JSON's escapes, or `"""…"""` without any.
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
        let inner = self.rest()[1..].find(|letter| {
            let closes = letter == '\n' || letter == '"' && !escaped;
            escaped = letter == '\\' && !escaped;
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
    fn what_people_write() {
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
    fn later_members_win_and_objects_merge() {
        assert_eq!(
            document("a { b: 1, c: 2 }\na.b = 3\nd: [1, 2]\nd: []"),
            Ok(json!({"a": {"b": 3, "c": 2}, "d": []}))
        );
    }

    #[test]
    fn mistakes_have_a_line() {
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
