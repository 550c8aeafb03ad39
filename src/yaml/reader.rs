//! Values files as Helm reads them.
//!
//! serde-saphyr's own parser gives the events with their places; what a mapping,
//! an alias or a merge makes of them is decided here as Go's `yaml.v2` does it,
//! within bounds.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};
use serde_json::{Map, Value};

use super::located::{Below, Kind, Located, Marks, Unreadable};
use super::scalar::{Plain, number};
use super::syntax::words;

/// Mappings and lists in one another.
const DEEPEST: usize = 64;

/// Keys, values and items of a file, those that aliases repeat included.
const MOST_NODES: usize = 100_000;

/// Bytes of text of a file, that which aliases repeat included.
const MOST_TEXT: usize = 4 << 20;

/// Bytes of a key.
const LONGEST_KEY: usize = 1024;

const NAMESPACE: &str = "tag:yaml.org,2002:";

/// Reads all documents of a file, the empty ones too.
///
/// # Errors
/// When it is no YAML, says nothing that JSON could say, or is too large.
pub fn located(text: &str) -> Result<Vec<Located>, Unreadable> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        flow_nesting_limit: 4 * DEEPEST,
        block_nesting_limit: 4 * DEEPEST,
    };
    // Helm ends the last line as well: in a block of text it counts.
    let text = if text.ends_with('\n') {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("{text}\n"))
    };
    let text = &*text;
    let mut reader = Reader {
        source: text,
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        named: Vec::new(),
        used: HashSet::new(),
        top: Vec::new(),
        nodes: 0,
        text: 0,
    };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            (Event::StreamEnd, _) => return Ok(documents),
            (Event::DocumentStart(..), _) => {
                let next = reader.next()?;
                let node = reader.node(next, 0)?;
                documents.push(Located {
                    value: node.value,
                    marks: node.marks,
                    anchored: reader.end_document(),
                });
            }
            _ => {}
        }
    }
}

/// A mapping and where its keys are.
type Entries = (Map<String, Value>, HashMap<String, Marks>);

/// A value with its places and its size.
#[derive(Debug, Clone)]
struct Node {
    value: Value,
    marks: Marks,
    nodes: usize,
    text: usize,
}

struct Reader<'t> {
    source: &'t str,
    events: Parser<'t, StrInput<'t>>,
    /// What was named with `&`; `None` while it is being read.
    anchors: HashMap<usize, Option<Node>>,
    /// The anchors of the document, in order, and those that an alias has named.
    named: Vec<usize>,
    used: HashSet<usize>,
    /// Each key at the top with the anchors in it.
    top: Vec<(String, Range<usize>)>,
    nodes: usize,
    text: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Unreadable> {
        loop {
            match self.events.next_event() {
                Some(Ok((Event::Anchor(_, name), span))) => {
                    // Elsewhere its first half is a name.
                    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    if !name.chars().all(fits) {
                        let what = format!("`&{name}` is no name: use letters and digits");
                        return Err(wrong(Kind::Syntax, span.start.line(), what));
                    }
                }
                Some(Ok((event, span))) => {
                    self.tag_ends(&span)?;
                    return Ok((event, span));
                }
                Some(Err(error)) => return Err(syntax(&error)),
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    /// Refuses a tag with punctuation right behind it: elsewhere that is a part of it.
    fn tag_ends(&self, span: &Span) -> Result<(), Unreadable> {
        let tag = span.tag_span().and_then(|tag| tag.byte_range());
        match tag {
            Some(tag) if self.source[tag.end..].starts_with([',', '[', ']', '{', '}']) => {
                let what = format!("a blank is missing behind `{}`", &self.source[tag]);
                Err(wrong(Kind::Syntax, span.start.line(), what))
            }
            _ => Ok(()),
        }
    }

    /// Forgets the anchors of a document; returns the keys at its top with anchors that
    /// an alias has named.
    fn end_document(&mut self) -> HashSet<String> {
        let (named, used) = (std::mem::take(&mut self.named), &self.used);
        let top = self.top.drain(..);
        let anchored = top.filter(|(_, anchors)| {
            let mut anchors = named[anchors.clone()].iter();
            anchors.any(|anchor| used.contains(anchor))
        });
        let anchored = anchored.map(|(key, _)| key).collect();
        self.used.clear();
        self.anchors.clear();
        anchored
    }

    /// Counts what is made.
    fn grow(&mut self, line: usize, nodes: usize, text: usize) -> Result<(), Unreadable> {
        self.nodes += nodes;
        self.text += text;
        if self.nodes > MOST_NODES {
            let what = format!("it has more than {MOST_NODES} values, aliases included");
            return Err(wrong(Kind::TooLarge, line, what));
        }
        if self.text > MOST_TEXT {
            let what = format!(
                "it has more than {} MiB of text, aliases included",
                MOST_TEXT >> 20
            );
            return Err(wrong(Kind::TooLarge, line, what));
        }
        Ok(())
    }

    fn node(&mut self, (event, span): (Event<'t>, Span), depth: usize) -> Result<Node, Unreadable> {
        let line = span.start.line();
        if depth > DEEPEST {
            return Err(too_deep(line));
        }
        let (before, text) = (self.nodes, self.text);
        let (anchor, value, below) = match event {
            Event::Alias(anchor) => return self.alias(anchor, line),
            Event::Scalar(text, style, anchor, tag) => {
                self.grow(line, 1, text.len())?;
                let value = scalar(&text, style, tag.as_deref(), line)?;
                (anchor, value, Below::Nothing)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.grow(line, 1, 0)?;
                self.begin(anchor);
                let (items, marks) = self.items(depth)?;
                (anchor, Value::Array(items), Below::Items(marks))
            }
            Event::MappingStart(_, anchor, _) => {
                self.grow(line, 1, 0)?;
                self.begin(anchor);
                let (map, marks) = self.entries(depth)?;
                (anchor, Value::Object(map), Below::Keys(marks))
            }
            _ => return Err(wrong(Kind::Syntax, line, "a value is missing".into())),
        };
        let node = Node {
            value,
            marks: Marks {
                line,
                below,
                spelled: None,
            },
            nodes: self.nodes - before,
            text: self.text - text,
        };
        if anchor != 0 {
            // The copy that aliases are made from.
            self.grow(line, node.nodes, node.text)?;
            self.anchors.insert(anchor, Some(node.clone()));
            self.named.push(anchor);
        }
        Ok(node)
    }

    fn begin(&mut self, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
    }

    fn alias(&mut self, anchor: usize, line: usize) -> Result<Node, Unreadable> {
        let named = self.anchors.get(&anchor).and_then(Option::as_ref);
        let Some(size) = named.map(|named| (named.nodes, named.text)) else {
            let what = "an alias stands within what it names".into();
            return Err(wrong(Kind::Meaning, line, what));
        };
        self.grow(line, size.0, size.1)?;
        self.used.insert(anchor);
        Ok(self.anchors[&anchor].clone().expect("it was counted"))
    }

    fn items(&mut self, depth: usize) -> Result<(Vec<Value>, Vec<Marks>), Unreadable> {
        let (mut items, mut marks) = (Vec::new(), Vec::new());
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::SequenceEnd) {
                return Ok((items, marks));
            }
            let node = self.node(next, depth + 1)?;
            items.push(node.value);
            marks.push(node.marks);
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Entries, Unreadable> {
        let (mut map, mut marks) = (Map::new(), HashMap::new());
        // Keys that stand there themselves, not by a merge.
        let mut said: HashMap<String, usize> = HashMap::new();
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::MappingEnd) {
                return Ok((map, marks));
            }
            let line = next.1.start.line();
            if is_merge(&next.0) {
                self.grow(line, 1, 0)?;
                let value = self.next()?;
                let several = !matches!(value.0, Event::Alias(_));
                let node = self.node(value, depth + 1)?;
                merge(node, &mut map, &mut marks, several)?;
                continue;
            }
            let written = match &next.0 {
                Event::Scalar(text, ScalarStyle::Plain, ..) => Some(text.to_string()),
                _ => None,
            };
            let key = self.key(next, depth)?;
            if let Some(earlier) = said.insert(key.clone(), line) {
                let what = format!("the key `{key}` stands there twice, first in line {earlier}");
                return Err(wrong(Kind::DuplicateKey, line, what));
            }
            let value = self.next()?;
            let first = self.named.len();
            let node = self.node(value, depth + 1)?;
            if depth == 0 {
                self.top.push((key.clone(), first..self.named.len()));
            }
            map.insert(key.clone(), node.value);
            let mark = Marks {
                line,
                below: node.marks.below,
                spelled: written.filter(|written| *written != key),
            };
            marks.insert(key, mark);
        }
    }

    /// A key as text; Helm makes text of numbers and booleans.
    fn key(&mut self, next: (Event<'t>, Span), depth: usize) -> Result<String, Unreadable> {
        let line = next.1.start.line();
        let plain = match &next.0 {
            Event::Scalar(text, ScalarStyle::Plain, ..) => Some(text),
            _ => None,
        };
        // To others the colon is a part of the word.
        if let Some(text) = plain
            && let Some(range) = next.1.byte_range()
            && let Some(behind) = self.source[range.end..].strip_prefix(':')
            && behind.starts_with([',', '[', ']', '{', '}'])
        {
            let what = format!("a blank is missing behind `{text}:`");
            return Err(wrong(Kind::Syntax, line, what));
        }
        if let Some(text) = plain
            && matches!(Plain::of(text), Plain::Float(_))
        {
            let what = format!("the key `{text}` is to be text: write it in quotes");
            return Err(wrong(Kind::FractionKey, line, what));
        }
        let unusable = |what: &str| {
            let what = format!("{what} cannot be a key; is a quote or a blank missing?");
            Err(wrong(Kind::Meaning, line, what))
        };
        match self.node(next, depth + 1)?.value {
            Value::String(text) if text.len() > LONGEST_KEY => {
                let what = format!("a key is longer than {LONGEST_KEY} bytes");
                Err(wrong(Kind::TooLarge, line, what))
            }
            Value::String(text) => Ok(text),
            Value::Bool(value) => Ok(value.to_string()),
            Value::Number(number) if number.is_i64() => Ok(number.to_string()),
            Value::Number(_) => unusable("so large a number"),
            Value::Null => unusable("nothing"),
            Value::Array(_) => unusable("a list"),
            Value::Object(_) => unusable("a mapping"),
        }
    }
}

/// Lays what `<<` names onto a mapping: as in Helm also onto what stands before it,
/// and the first of several wins.
fn merge(
    node: Node,
    map: &mut Map<String, Value>,
    marks: &mut HashMap<String, Marks>,
    several: bool,
) -> Result<(), Unreadable> {
    let line = node.marks.line;
    match (node.value, node.marks.below) {
        (Value::Object(merged), Below::Keys(merged_marks)) => {
            map.extend(merged);
            marks.extend(merged_marks);
            Ok(())
        }
        (Value::Array(values), Below::Items(items)) if several => {
            for (value, marks_of) in values.into_iter().zip(items).rev() {
                let one = Node {
                    value,
                    marks: marks_of,
                    nodes: 0,
                    text: 0,
                };
                merge(one, map, marks, false)?;
            }
            Ok(())
        }
        _ => {
            let what = "`<<` takes a mapping or a list of mappings".into();
            Err(wrong(Kind::Meaning, line, what))
        }
    }
}

fn is_merge(event: &Event<'_>) -> bool {
    let Event::Scalar(text, style, _, tag) = event else {
        return false;
    };
    let tag = tag.as_ref().and_then(|tag| core(tag));
    text == "<<"
        && (tag.is_none() && *style == ScalarStyle::Plain || tag.as_deref() == Some("merge"))
}

/// The name of a tag such as `!!int`.
fn core(tag: &Tag) -> Option<String> {
    tag.suffix_in_namespace(NAMESPACE)
        .map(|name| name.into_owned())
}

fn scalar(
    text: &str,
    style: ScalarStyle,
    tag: Option<&Tag>,
    line: usize,
) -> Result<Value, Unreadable> {
    let name = tag.and_then(core);
    let plain = match (tag, name.as_deref()) {
        (None, _) if style == ScalarStyle::Plain => Plain::of(text),
        (Some(_), Some("bool" | "int" | "float" | "null")) => Plain::of(text),
        (Some(_), Some(name @ ("binary" | "timestamp"))) => {
            let what = format!("`!!{name}` is not supported");
            return Err(wrong(Kind::Tag, line, what));
        }
        // In quotes, and of any other tag.
        _ => Plain::Text,
    };
    let fits = match name.as_deref() {
        Some("bool") => matches!(plain, Plain::Bool(_)),
        Some("int") => matches!(plain, Plain::Int(_) | Plain::Uint(_)),
        Some("float") => matches!(plain, Plain::Int(_) | Plain::Float(_)),
        Some("null") => plain == Plain::Null,
        _ => true,
    };
    if !fits {
        let what = format!("`{text}` is no {}", name.unwrap_or_default());
        return Err(wrong(Kind::Meaning, line, what));
    }
    match plain {
        Plain::Null => Ok(Value::Null),
        Plain::Bool(value) => Ok(value.into()),
        Plain::Int(value) => Ok(value.into()),
        Plain::Uint(value) => Ok(value.into()),
        Plain::Float(value) if value.is_finite() => Ok(number(value)),
        Plain::Float(_) => {
            let what = format!("`{text}` is no number that could be a value; text is quoted");
            Err(wrong(Kind::Meaning, line, what))
        }
        Plain::Text => Ok(Value::String(text.to_owned())),
    }
}

fn wrong(kind: Kind, line: usize, what: String) -> Unreadable {
    Unreadable { line, what, kind }
}

fn syntax(error: &ScanError) -> Unreadable {
    let line = error.marker().line();
    if *error.kind() == ErrorKind::RecursionLimitExceeded {
        return too_deep(line);
    }
    wrong(Kind::Syntax, line, words(error.kind()))
}

fn too_deep(line: usize) -> Unreadable {
    let what = format!("more than {DEEPEST} mappings and lists are in one another");
    wrong(Kind::TooLarge, line, what)
}
