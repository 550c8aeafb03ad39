//! Reads values files as Helm does.
//!
//! The parser emits events with positions. The reader interprets mappings, aliases and
//! merge keys as Go's `yaml.v2` does, and limits their size.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use granit_parser::{
    ErrorKind as ScanErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag,
};
use serde_json::{Map, Value};

use crate::document::{Children, Document, Lines, Marks};
use crate::scalar::{Plain, number};
use crate::{Error, ErrorKind, MAX_KEY_BYTES, Position, syntax};

/// The maximum depth of nested mappings and lists.
const MAX_DEPTH: usize = 64;

/// The maximum number of keys, values and items in a file, after expansion of aliases.
const MAX_NODES: usize = 100_000;

/// The maximum number of bytes of text in a file, after expansion of aliases.
const MAX_TEXT: usize = 4 << 20;

const NAMESPACE: &str = "tag:yaml.org,2002:";

/// See [`Document::read_all`].
pub(crate) fn read(text: &str) -> Result<Vec<Document>, Error> {
    let options = granit_parser::options! {
        emit_comments: false,
        emit_anchor_events: true,
        flow_nesting_limit: 4 * MAX_DEPTH,
        block_nesting_limit: 4 * MAX_DEPTH,
    };
    // Helm adds a newline at the end, which block scalars keep.
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
                documents.push(Document {
                    value: node.value,
                    lines: Lines {
                        marks: node.marks,
                        anchored: reader.end_document(),
                    },
                });
            }
            _ => {}
        }
    }
}

/// The entries of a mapping, and their marks.
type Entries = (Map<String, Value>, HashMap<String, Marks>);

/// A value with its marks and its size.
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
    /// The values of anchors; `None` while the value is being read.
    anchors: HashMap<usize, Option<Node>>,
    /// The anchors of the document, in order.
    named: Vec<usize>,
    /// The anchors that an alias uses.
    used: HashSet<usize>,
    /// The top-level keys, with the range in `named` of the anchors in their values.
    top: Vec<(String, Range<usize>)>,
    nodes: usize,
    text: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), Error> {
        loop {
            match self.events.next_event() {
                Some(Ok((Event::Anchor(_, name), span))) => {
                    // In YAML 1.1 other characters end the name.
                    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
                    if !name.chars().all(fits) {
                        let message =
                            format!("invalid anchor `&{name}`: use letters, digits, `_` and `-`");
                        return Err(Error::at(start(&span), ErrorKind::Syntax(message)));
                    }
                }
                Some(Ok((event, span))) => {
                    self.check_tag_end(&span)?;
                    return Ok((event, span));
                }
                Some(Err(error)) => return Err(syntax_error(&error)),
                None => return Ok((Event::StreamEnd, Span::default())),
            }
        }
    }

    /// Rejects a tag that is followed by punctuation, which YAML 1.1 makes part of the tag.
    fn check_tag_end(&self, span: &Span) -> Result<(), Error> {
        let tag = span.tag_span().and_then(|tag| tag.byte_range());
        match tag {
            Some(tag) if self.source[tag.end..].starts_with([',', '[', ']', '{', '}']) => {
                Err(missing_space(span, &self.source[tag]))
            }
            _ => Ok(()),
        }
    }

    /// Clears the anchors of a document. Returns the top-level keys whose values
    /// contain an anchor that an alias uses.
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

    /// Counts values and text, and enforces the limits.
    fn count(&mut self, at: Position, nodes: usize, text: usize) -> Result<(), Error> {
        self.nodes += nodes;
        self.text += text;
        if self.nodes > MAX_NODES {
            return Err(Error::at(at, ErrorKind::TooManyValues(MAX_NODES)));
        }
        if self.text > MAX_TEXT {
            return Err(Error::at(at, ErrorKind::TooMuchText(MAX_TEXT)));
        }
        Ok(())
    }

    fn node(&mut self, (event, span): (Event<'t>, Span), depth: usize) -> Result<Node, Error> {
        let at = start(&span);
        if depth > MAX_DEPTH {
            return Err(Error::at(at, ErrorKind::TooDeep(MAX_DEPTH)));
        }
        let (before, text) = (self.nodes, self.text);
        let (anchor, value, children) = match event {
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => {
                self.count(at, 1, text.len())?;
                let value = scalar(&text, style, tag.as_deref(), at)?;
                (anchor, value, Children::None)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.count(at, 1, 0)?;
                self.declare_anchor(anchor);
                let (items, marks) = self.items(depth)?;
                (anchor, Value::Array(items), Children::Items(marks))
            }
            Event::MappingStart(_, anchor, _) => {
                self.count(at, 1, 0)?;
                self.declare_anchor(anchor);
                let (map, marks) = self.entries(depth)?;
                (anchor, Value::Object(map), Children::Keys(marks))
            }
            _ => return Err(Error::at(at, ErrorKind::Syntax("missing value".into()))),
        };
        let node = Node {
            value,
            marks: Marks {
                line: at.line,
                children,
                spelling: None,
            },
            nodes: self.nodes - before,
            text: self.text - text,
        };
        if anchor != 0 {
            // The copy that aliases clone counts too.
            self.count(at, node.nodes, node.text)?;
            self.anchors.insert(anchor, Some(node.clone()));
            self.named.push(anchor);
        }
        Ok(node)
    }

    fn declare_anchor(&mut self, anchor: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Result<Node, Error> {
        let named = self.anchors.get(&anchor).and_then(Option::as_ref);
        let Some(size) = named.map(|named| (named.nodes, named.text)) else {
            return Err(Error::at(at, ErrorKind::RecursiveAlias));
        };
        self.count(at, size.0, size.1)?;
        self.used.insert(anchor);
        Ok(self.anchors[&anchor]
            .clone()
            .expect("its size was just read"))
    }

    fn items(&mut self, depth: usize) -> Result<(Vec<Value>, Vec<Marks>), Error> {
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

    fn entries(&mut self, depth: usize) -> Result<Entries, Error> {
        let (mut map, mut marks) = (Map::new(), HashMap::new());
        // The lines of keys that the mapping has itself, not from a merge key.
        let mut own: HashMap<String, usize> = HashMap::new();
        loop {
            let next = self.next()?;
            if matches!(next.0, Event::MappingEnd) {
                return Ok((map, marks));
            }
            let at = start(&next.1);
            if is_merge(&next.0) {
                self.count(at, 1, 0)?;
                let value = self.next()?;
                let at = start(&value.1);
                let allow_list = !matches!(value.0, Event::Alias(_));
                let node = self.node(value, depth + 1)?;
                merge(node, &mut map, &mut marks, allow_list)
                    .map_err(|kind| Error::at(at, kind))?;
                continue;
            }
            let source_text = match &next.0 {
                Event::Scalar(text, ScalarStyle::Plain, ..) => Some(text.to_string()),
                _ => None,
            };
            let key = self.key(next, depth)?;
            if let Some(first_line) = own.insert(key.clone(), at.line) {
                return Err(Error::at(at, ErrorKind::DuplicateKey { key, first_line }));
            }
            let value = self.next()?;
            let first = self.named.len();
            let node = self.node(value, depth + 1)?;
            if depth == 0 {
                self.top.push((key.clone(), first..self.named.len()));
            }
            map.insert(key.clone(), node.value);
            let mark = Marks {
                line: at.line,
                children: node.marks.children,
                spelling: source_text.filter(|source_text| *source_text != key),
            };
            marks.insert(key, mark);
        }
    }

    /// Reads a key. Like Helm, it converts numbers and booleans to strings.
    fn key(&mut self, next: (Event<'t>, Span), depth: usize) -> Result<String, Error> {
        let at = start(&next.1);
        let plain = match &next.0 {
            Event::Scalar(text, ScalarStyle::Plain, ..) => Some(text),
            _ => None,
        };
        // In YAML 1.1 the colon is part of the key.
        if let Some(text) = plain
            && let Some(range) = next.1.byte_range()
            && let Some(after) = self.source[range.end..].strip_prefix(':')
            && after.starts_with([',', '[', ']', '{', '}'])
        {
            return Err(missing_space(&next.1, &format!("{text}:")));
        }
        if let Some(text) = plain
            && matches!(Plain::of(text), Plain::Float(_))
        {
            return Err(Error::at(at, ErrorKind::FractionKey(text.to_string())));
        }
        let invalid = |found| Err(Error::at(at, ErrorKind::InvalidKey(found)));
        match self.node(next, depth + 1)?.value {
            Value::String(text) if text.len() > MAX_KEY_BYTES => {
                Err(Error::at(at, ErrorKind::KeyTooLong(MAX_KEY_BYTES)))
            }
            Value::String(text) => Ok(text),
            Value::Bool(value) => Ok(value.to_string()),
            Value::Number(number) if number.is_i64() => Ok(number.to_string()),
            Value::Number(_) => invalid("a number beyond 64 bits"),
            Value::Null => invalid("null"),
            Value::Array(_) => invalid("a list"),
            Value::Object(_) => invalid("a mapping"),
        }
    }
}

/// Merges the value of `<<` into a mapping. As in Helm, it overrides the keys before it, and
/// the first of several mappings takes precedence.
fn merge(
    node: Node,
    map: &mut Map<String, Value>,
    marks: &mut HashMap<String, Marks>,
    allow_list: bool,
) -> Result<(), ErrorKind> {
    match (node.value, node.marks.children) {
        (Value::Object(merged), Children::Keys(merged_marks)) => {
            map.extend(merged);
            marks.extend(merged_marks);
            Ok(())
        }
        (Value::Array(values), Children::Items(items)) if allow_list => {
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
        _ => Err(ErrorKind::InvalidMergeKey),
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

/// Returns the name of a tag of YAML itself: `int` for `!!int`.
fn core(tag: &Tag) -> Option<String> {
    tag.suffix_in_namespace(NAMESPACE)
        .map(|name| name.into_owned())
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Value, Error> {
    let name = tag.and_then(core);
    let plain = match (tag, name.as_deref()) {
        (None, _) if style == ScalarStyle::Plain => Plain::of(text),
        (Some(_), Some("bool" | "int" | "float" | "null")) => Plain::of(text),
        (Some(_), Some(name @ ("binary" | "timestamp"))) => {
            return Err(Error::at(at, ErrorKind::UnsupportedTag(name.to_owned())));
        }
        // Quoted scalars, and those with other tags.
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
        let (tag, text) = (name.unwrap_or_default(), text.to_owned());
        return Err(Error::at(at, ErrorKind::TagMismatch { tag, text }));
    }
    match plain {
        Plain::Null => Ok(Value::Null),
        Plain::Bool(value) => Ok(value.into()),
        Plain::Int(value) => Ok(value.into()),
        Plain::Uint(value) => Ok(value.into()),
        Plain::Float(value) if value.is_finite() => Ok(number(value)),
        Plain::Float(_) => Err(Error::at(at, ErrorKind::NotFinite(text.to_owned()))),
        Plain::Text => Ok(Value::String(text.to_owned())),
    }
}

fn start(span: &Span) -> Position {
    position(&span.start)
}

/// The parser counts lines from 1, columns from 0.
fn position(marker: &Marker) -> Position {
    Position {
        line: marker.line(),
        column: marker.col() + 1,
    }
}

fn missing_space(span: &Span, before: &str) -> Error {
    let message = format!("missing space after `{before}`");
    Error::at(start(span), ErrorKind::Syntax(message))
}

fn syntax_error(error: &ScanError) -> Error {
    let kind = match error.kind() {
        ScanErrorKind::RecursionLimitExceeded => ErrorKind::TooDeep(MAX_DEPTH),
        kind => ErrorKind::Syntax(syntax::message(kind)),
    };
    Error::at(position(error.marker()), kind)
}
