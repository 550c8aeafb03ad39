//! The grammar of `--set`: `a.b=c`, `a[0].b=c`, `a={x,y}`, `a=b,c=d`, escapes with a
//! backslash, and guessed types.
//!
//! The steps are those of Helm's own reader (strvals), because its grammar is what
//! that reader does; `tests/helm` compares them.

use serde_json::{Map, Value};

use super::difference::{Difference, Refused};
use super::json;
use crate::settings::SetKind;

/// The largest index, as in Helm.
const LARGEST_INDEX: usize = 65536;

/// The most dots in a key, as in Helm.
const MOST_DOTS: usize = 30;

/// The most indexes behind one another.
const MOST_INDEXES: usize = 30;

/// Bytes of one name in a key.
const LONGEST_NAME: usize = 1024;

/// How many places of lists indexes may make in all: `a[65536]=x` makes as many,
/// and a line holds thousands of those.
const MOST_PLACES: usize = 4 * LARGEST_INDEX;

/// How many places of lists may still be made.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Room(MOST_PLACES)
    }
}

/// Reads one argument.
pub(super) struct Parser<'a> {
    rest: &'a str,
    kind: SetKind,
    /// Gives the text of a file.
    file: &'a mut dyn FnMut(&str) -> Result<String, Refused>,
    room: &'a mut Room,
    /// Whether the text ended right behind a `=`.
    ended: bool,
}

/// What a word ended with.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Text,
    Char(char),
}

impl<'a> Parser<'a> {
    /// A reader that asks `file` for the texts of files.
    pub(super) fn new(
        kind: SetKind,
        text: &'a str,
        file: &'a mut dyn FnMut(&str) -> Result<String, Refused>,
        room: &'a mut Room,
    ) -> Self {
        Parser {
            rest: text,
            kind,
            file,
            room,
            ended: false,
        }
    }

    /// Lays all of it onto a tree.
    pub(super) fn all(mut self, tree: &mut Map<String, Value>) -> Result<(), Refused> {
        while !self.rest.is_empty() {
            self.key(tree, 0)?;
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    /// A word up to one of `ends`, which is read as well.
    fn until(&mut self, ends: &[char]) -> (String, End) {
        let mut word = String::new();
        loop {
            match self.next() {
                None => return (word, End::Text),
                Some('\\') => word.extend(self.next()),
                Some(c) if ends.contains(&c) => return (word, End::Char(c)),
                Some(c) => word.push(c),
            }
        }
    }

    /// `KEY=VALUE` and the comma behind it, or what stands behind a dot.
    fn key(&mut self, map: &mut Map<String, Value>, dots: usize) -> Result<(), Refused> {
        let (name, end) = self.until(&['=', '[', ',', '.']);
        match end {
            End::Text if name.is_empty() => {
                let what = "a key is missing at the end";
                return Err(Refused::unlike_helm(Difference::Dropped, what));
            }
            End::Text => {
                let what = format!("`{name}` has no value: write KEY=VALUE");
                return Err(Refused::new(what));
            }
            End::Char(',') => {
                let what = format!(
                    "`{name}` has no value before the comma; a comma of a value is written `\\,`"
                );
                return Err(Refused::new(what));
            }
            End::Char(_) if name.len() > LONGEST_NAME => {
                let what = format!("a key is longer than {LONGEST_NAME} bytes");
                return Err(Refused::unlike_helm(Difference::TooLarge, what));
            }
            End::Char(_) => {}
        }
        if end == End::Char('[') {
            let index = self.index()?;
            let list = match map.get_mut(&name) {
                None => map.entry(&name).or_insert_with(|| Value::Array(Vec::new())),
                Some(there) => there,
            };
            let Value::Array(list) = list else {
                return Err(no_list(&name, list));
            };
            self.item(list, index, dots, 1)?;
        } else if end == End::Char('=') {
            let value = self.value()?;
            map.insert(name.clone(), value);
        } else {
            if dots == MOST_DOTS {
                let what = format!("a key has at most {MOST_DOTS} dots");
                return Err(Refused::new(what));
            }
            let below = match map.get_mut(&name) {
                None => map.entry(&name).or_insert_with(|| Map::new().into()),
                Some(there) => there,
            };
            let Value::Object(below) = below else {
                return Err(no_keys(&name, below));
            };
            self.key(below, dots + 1)?;
        }
        if name.is_empty() {
            return Err(Refused::unlike_helm(
                Difference::Dropped,
                "a key is missing",
            ));
        }
        Ok(())
    }

    /// The number before a `]`.
    fn index(&mut self) -> Result<usize, Refused> {
        let (digits, end) = self.until(&[']']);
        if end == End::Text {
            let what = format!("`]` is missing behind `[{digits}`");
            return Err(Refused::unlike_helm(Difference::Dropped, what));
        }
        let index = digits.parse::<i64>().ok();
        let index = index.and_then(|index| usize::try_from(index).ok());
        match index {
            Some(index) if index <= LARGEST_INDEX => Ok(index),
            // Helm looks at it after the value.
            Some(_) => Err(Refused::unlike_helm(
                Difference::Dropped,
                format!("`[{digits}]` is beyond the last place of a list, {LARGEST_INDEX}"),
            )),
            None => Err(Refused::new(format!("`[{digits}]` is no place in a list"))),
        }
    }

    /// What stands behind a `]`.
    fn item(
        &mut self,
        list: &mut Vec<Value>,
        index: usize,
        dots: usize,
        indexes: usize,
    ) -> Result<(), Refused> {
        let (name, end) = self.until(&['[', '.', '=']);
        if !name.is_empty() {
            let what = format!("`=`, `.` or `[` is to stand behind `]`, not `{name}`");
            return Err(Refused::new(what));
        }
        match end {
            End::Text => {
                let what = format!("`[{index}]` has no value");
                Err(Refused::unlike_helm(Difference::Dropped, what))
            }
            End::Char('=') => {
                let value = self.value()?;
                *self.place(list, index)? = value;
                Ok(())
            }
            End::Char('[') => {
                let next = self.index()?;
                if indexes == MOST_INDEXES {
                    let what = format!("at most {MOST_INDEXES} lists can be in one another");
                    return Err(Refused::unlike_helm(Difference::TooManyPlaces, what));
                }
                let item = self.place(list, index)?;
                if item.is_null() {
                    *item = Value::Array(Vec::new());
                }
                let Value::Array(below) = item else {
                    return Err(no_list(&format!("[{index}]"), item));
                };
                self.item(below, next, dots, indexes + 1)
            }
            End::Char(_) => {
                let existed = index < list.len();
                let item = self.place(list, index)?;
                if !item.is_object() {
                    *item = Map::new().into();
                }
                let Value::Object(below) = item else {
                    unreachable!("it was just made one");
                };
                self.key(below, dots)?;
                // Helm takes the end of the text for the end of the item, and loses it.
                if self.ended && !existed {
                    let what = format!(
                        "an empty text cannot be the first that is said of `[{index}]`; --set-json can say it"
                    );
                    return Err(Refused::unlike_helm(Difference::Dropped, what));
                }
                Ok(())
            }
        }
    }

    /// A place of a list, made where it is not there.
    fn place<'l>(
        &mut self,
        list: &'l mut Vec<Value>,
        index: usize,
    ) -> Result<&'l mut Value, Refused> {
        let missing = (index + 1).saturating_sub(list.len());
        if missing > self.room.0 {
            let what = format!("more than {MOST_PLACES} places of lists were asked for");
            return Err(Refused::unlike_helm(Difference::TooManyPlaces, what));
        }
        self.room.0 -= missing;
        if missing > 0 {
            list.resize(index + 1, Value::Null);
        }
        Ok(&mut list[index])
    }

    /// What stands behind a `=`, and the comma behind that.
    fn value(&mut self) -> Result<Value, Refused> {
        if self.kind == SetKind::Json {
            return self.json();
        }
        let Some(rest) = self.rest.strip_prefix('{') else {
            if self.rest.is_empty() {
                self.ended = true;
                return Ok(Value::String(String::new()));
            }
            let (word, _) = self.until(&[',']);
            return self.scalar(word);
        };
        self.rest = rest;
        let mut items = Vec::new();
        loop {
            let (word, end) = self.until(&[',', '}']);
            if end == End::Text {
                return Err(Refused::new("the list has no end: `}` is missing"));
            }
            items.push(self.scalar(word)?);
            if end == End::Char('}') {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                return Ok(Value::Array(items));
            }
        }
    }

    fn scalar(&mut self, word: String) -> Result<Value, Refused> {
        match self.kind {
            SetKind::Set => Ok(guess(word)),
            SetKind::File => (self.file)(&word).map(Value::String),
            SetKind::String | SetKind::Json => Ok(Value::String(word)),
        }
    }

    /// A JSON value; nothing before a comma or the end is null.
    fn json(&mut self) -> Result<Value, Refused> {
        if self.blanks() {
            return Ok(Value::Null);
        }
        let (value, rest) = json::first(self.rest)?;
        self.rest = rest;
        self.blanks();
        Ok(value)
    }

    /// Skips blanks and one comma; says whether a comma or the end came.
    fn blanks(&mut self) -> bool {
        let trimmed = self.rest.trim_start();
        let behind = trimmed.strip_prefix(',');
        self.rest = behind.unwrap_or(trimmed);
        behind.is_some() || trimmed.is_empty()
    }
}

fn no_list(name: &str, there: &Value) -> Refused {
    let there = kind(there);
    Refused::new(format!("`{name}` is {there}, so it has no places"))
}

fn no_keys(name: &str, there: &Value) -> Refused {
    let there = kind(there);
    Refused::new(format!("`{name}` is {there}, so nothing can be below it"))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a map of keys",
    }
}

/// What a word is, as Helm guesses: no number begins with a zero.
fn guess(word: String) -> Value {
    // Go compares without case as Unicode has it.
    let is = |name: &str| word.replace('ſ', "s").eq_ignore_ascii_case(name);
    if is("true") {
        Value::Bool(true)
    } else if is("false") {
        Value::Bool(false)
    } else if is("null") {
        Value::Null
    } else if word == "0" {
        Value::from(0)
    } else if word.starts_with('0') {
        Value::String(word)
    } else {
        match word.parse::<i64>() {
            Ok(number) => Value::from(number),
            Err(_) => Value::String(word),
        }
    }
}
