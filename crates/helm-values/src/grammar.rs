//! The grammar of `--set`: `a.b=c`, `a[0].b=c`, `a={x,y}`, `a=b,c=d`, escapes with a
//! backslash, and guessed types.
//!
//! The parser takes the same steps as Helm's parser (strvals), which is the only
//! definition of the grammar. `tests/helm` compares the two.

use serde_json::{Map, Value};

use crate::{Error, ErrorKind, MAX_KEY_BYTES, Position, SetKind, json};

/// The maximum index, as in Helm.
const MAX_INDEX: usize = 65536;

/// The maximum number of dots in a key, as in Helm.
const MAX_DOTS: usize = 30;

/// The maximum number of nested lists.
const MAX_INDEXES: usize = 30;

/// The maximum number of list items that all arguments together can create: `a[65536]=x`
/// creates 65537, and a command line has room for thousands of those.
const MAX_ITEMS: usize = 4 * MAX_INDEX;

/// The remaining number of list items that arguments can create.
#[derive(Debug)]
pub(crate) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Budget(MAX_ITEMS)
    }
}

/// Parses one argument.
pub(crate) struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    kind: SetKind,
    /// Returns the contents of a file.
    file: &'a mut dyn FnMut(&str) -> Result<String, ErrorKind>,
    budget: &'a mut Budget,
    /// Whether the text ended directly after a `=`.
    ended: bool,
}

/// The end of a word.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Text,
    Char(char),
}

impl<'a> Parser<'a> {
    /// Creates a parser that calls `file` for the contents of files.
    pub(crate) fn new(
        kind: SetKind,
        text: &'a str,
        file: &'a mut dyn FnMut(&str) -> Result<String, ErrorKind>,
        budget: &'a mut Budget,
    ) -> Self {
        Parser {
            text,
            rest: text,
            kind,
            file,
            budget,
            ended: false,
        }
    }

    /// Applies the argument to a tree.
    pub(crate) fn apply(mut self, tree: &mut Map<String, Value>) -> Result<(), Error> {
        while !self.rest.is_empty() {
            if let Err(kind) = self.key(tree, 0) {
                let read = self.text.len() - self.rest.len();
                return Err(Error::at(Position::in_text(self.text, read), kind));
            }
        }
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next()?;
        self.rest = chars.as_str();
        Some(next)
    }

    /// Reads a word up to one of `ends`, and that character.
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

    /// Reads `KEY=VALUE` and the comma after it, or the rest of `KEY=VALUE` after a
    /// dot.
    fn key(&mut self, map: &mut Map<String, Value>, dots: usize) -> Result<(), ErrorKind> {
        let (name, end) = self.until(&['=', '[', ',', '.']);
        match end {
            End::Text if name.is_empty() => return Err(ErrorKind::MissingLastKey),
            End::Text => return Err(ErrorKind::MissingValue(name)),
            End::Char(',') => return Err(ErrorKind::CommaInKey(name)),
            End::Char(_) if name.len() > MAX_KEY_BYTES => {
                return Err(ErrorKind::KeyTooLong(MAX_KEY_BYTES));
            }
            End::Char(_) => {}
        }
        if end == End::Char('[') {
            let index = self.index()?;
            let list = match map.get_mut(&name) {
                None => map.entry(&name).or_insert_with(|| Value::Array(Vec::new())),
                Some(existing) => existing,
            };
            let Value::Array(list) = list else {
                return Err(not_a_list(name, list));
            };
            self.item(list, index, dots, 1)?;
        } else if end == End::Char('=') {
            let value = self.value()?;
            map.insert(name.clone(), value);
        } else {
            if dots == MAX_DOTS {
                return Err(ErrorKind::TooManyDots(MAX_DOTS));
            }
            let nested = match map.get_mut(&name) {
                None => map.entry(&name).or_insert_with(|| Map::new().into()),
                Some(existing) => existing,
            };
            let Value::Object(nested) = nested else {
                let found = (&*nested).into();
                return Err(ErrorKind::NotAMap { name, found });
            };
            self.key(nested, dots + 1)?;
        }
        if name.is_empty() {
            return Err(ErrorKind::MissingKey);
        }
        Ok(())
    }

    /// Reads the number before a `]`.
    fn index(&mut self) -> Result<usize, ErrorKind> {
        let (digits, end) = self.until(&[']']);
        if end == End::Text {
            return Err(ErrorKind::UnclosedIndex(digits));
        }
        let index = digits.parse::<i64>().ok();
        let index = index.and_then(|index| usize::try_from(index).ok());
        match index {
            Some(index) if index <= MAX_INDEX => Ok(index),
            // Helm checks the maximum only after the value, and drops an index without one.
            Some(_) => Err(ErrorKind::IndexTooLarge {
                index: digits,
                max: MAX_INDEX,
            }),
            None => Err(ErrorKind::InvalidIndex(digits)),
        }
    }

    /// Reads the rest of `KEY=VALUE` after a `]`.
    fn item(
        &mut self,
        list: &mut Vec<Value>,
        index: usize,
        dots: usize,
        indexes: usize,
    ) -> Result<(), ErrorKind> {
        let (name, end) = self.until(&['[', '.', '=']);
        if !name.is_empty() {
            return Err(ErrorKind::UnexpectedAfterIndex(name));
        }
        match end {
            End::Text => Err(ErrorKind::MissingItem(index)),
            End::Char('=') => {
                let value = self.value()?;
                *self.slot(list, index)? = value;
                Ok(())
            }
            End::Char('[') => {
                let next = self.index()?;
                if indexes == MAX_INDEXES {
                    return Err(ErrorKind::ListsTooDeep(MAX_INDEXES));
                }
                let item = self.slot(list, index)?;
                if item.is_null() {
                    *item = Value::Array(Vec::new());
                }
                let Value::Array(nested) = item else {
                    return Err(not_a_list(format!("[{index}]"), item));
                };
                self.item(nested, next, dots, indexes + 1)
            }
            End::Char(_) => {
                let existed = index < list.len();
                let item = self.slot(list, index)?;
                if !item.is_object() {
                    *item = Map::new().into();
                }
                let Value::Object(nested) = item else {
                    unreachable!("it was just replaced by a map");
                };
                self.key(nested, dots)?;
                // Helm confuses the end of the text with the end of the item, and drops
                // the item.
                if self.ended && !existed {
                    return Err(ErrorKind::EmptyFirstValue(index));
                }
                Ok(())
            }
        }
    }

    /// Returns an item of a list. Extends the list with nulls if it is too short.
    fn slot<'l>(
        &mut self,
        list: &'l mut Vec<Value>,
        index: usize,
    ) -> Result<&'l mut Value, ErrorKind> {
        let missing = (index + 1).saturating_sub(list.len());
        if missing > self.budget.0 {
            return Err(ErrorKind::TooManyItems(MAX_ITEMS));
        }
        self.budget.0 -= missing;
        if missing > 0 {
            list.resize(index + 1, Value::Null);
        }
        Ok(&mut list[index])
    }

    /// Reads the value after a `=`, and the comma after it.
    fn value(&mut self) -> Result<Value, ErrorKind> {
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
                return Err(ErrorKind::UnclosedList);
            }
            items.push(self.scalar(word)?);
            if end == End::Char('}') {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                return Ok(Value::Array(items));
            }
        }
    }

    fn scalar(&mut self, word: String) -> Result<Value, ErrorKind> {
        match self.kind {
            SetKind::Set => Ok(guess(word)),
            SetKind::File => (self.file)(&word).map(Value::String),
            SetKind::String | SetKind::Json => Ok(Value::String(word)),
        }
    }

    /// Reads a JSON value. Nothing before a comma or the end means null.
    fn json(&mut self) -> Result<Value, ErrorKind> {
        if self.skip_spaces() {
            return Ok(Value::Null);
        }
        let first = json::first(self.rest);
        if let Err(ErrorKind::InvalidJson { character, .. }) = &first {
            // The position of the error, rather than of the value.
            let invalid = self.rest.char_indices().nth(character - 1);
            self.rest = invalid.map_or("", |(at, _)| &self.rest[at..]);
        }
        let (value, rest) = first?;
        self.rest = rest;
        self.skip_spaces();
        Ok(value)
    }

    /// Skips white space and one comma. Returns whether there was a comma or the end.
    fn skip_spaces(&mut self) -> bool {
        let trimmed = self.rest.trim_start();
        let after = trimmed.strip_prefix(',');
        self.rest = after.unwrap_or(trimmed);
        after.is_some() || trimmed.is_empty()
    }
}

fn not_a_list(name: String, found: &Value) -> ErrorKind {
    let found = found.into();
    ErrorKind::NotAList { name, found }
}

/// Guesses the type of a word as Helm does: a number does not start with a zero.
fn guess(word: String) -> Value {
    // Go folds case by the rules of Unicode.
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
