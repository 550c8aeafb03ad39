//! Random changes of documents that are read as JSON. Most of them keep the document readable,
//! so that the code behind the parser is reached too.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Map, Number, Value, json};

/// Texts that have a meaning for some reader.
const TEXTS: [&str; 36] = [
    "",
    " ",
    "0",
    "-1",
    "18446744073709551615",
    "9223372036854775808",
    "1e999",
    "NaN",
    "999999999999999999999Gi",
    "-5m",
    "9999-12-31T23:59:59.999999999Z",
    "-009999-01-02T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "2026-11-23T13:41:30.999+23:59",
    "../../../../etc/passwd",
    "/",
    "//a//b/..",
    "a:b:c:d@sha256:e",
    "sha256:",
    "127.0.0.1:99999/x",
    "[::1]",
    "http://user:p%zz@[::1]:0/%",
    "$(id); `id`",
    "-rf",
    "\0",
    "\u{1b}[2J\u{1b}]0;x\u{7}",
    "\u{202e}gnp.exe",
    "e\u{301}\u{301}\u{301}",
    "\u{feff}x",
    "\u{10ffff}👩‍👩‍👧‍👦",
    "a\r\nb\n\nc",
    "%s%n{}",
    "true",
    "null",
    "back-off 5m0s restarting failed container=main",
    "0/1 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint {a: b}.",
];

const NUMBERS: [i64; 12] = [
    0,
    1,
    -1,
    255,
    65_536,
    2_147_483_647,
    -2_147_483_648,
    4_294_967_296,
    253_402_207_200,
    253_402_207_201,
    i64::MAX,
    i64::MIN,
];

pub struct Mutations {
    random: StdRng,
}

impl Mutations {
    /// The changes of one input; the same for the same arguments.
    pub fn new(seed: &str, number: usize) -> Mutations {
        let start = 1_469_598_103_934_665_603 ^ number as u64;
        let hash = seed.bytes().fold(start, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
        });
        Mutations {
            random: StdRng::seed_from_u64(hash),
        }
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.random.random_range(0..limit.max(1))
    }

    pub fn one_in(&mut self, number: u32) -> bool {
        self.random.random_ratio(1, number)
    }

    /// Returns the text of a changed document. A few are broken as texts too.
    pub fn text(&mut self, document: &Value) -> Vec<u8> {
        let changed = self.tree(document);
        let mut bytes = serde_json::to_vec(&changed).unwrap();
        if self.one_in(8) {
            self.bytes(&mut bytes);
        }
        bytes
    }

    /// Returns a document with one to four changes.
    pub fn tree(&mut self, document: &Value) -> Value {
        let mut changed = document.clone();
        for _ in 0..=self.below(4) {
            self.change(&mut changed, document);
        }
        changed
    }

    /// Changes a few bytes.
    pub fn bytes(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            let to = at + self.below((bytes.len() - at).min(40) + 1);
            match self.below(6) {
                0 => bytes.truncate(at),
                1 => _ = bytes.drain(at..to),
                2 => bytes.insert(at, self.random.random()),
                3 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                4 => {
                    let token = [
                        "[", "{\"a\":", "\"", "\n", "\0", ",", "}", "\\u", "1e", "- ",
                    ];
                    let token = token.choose(&mut self.random).copied().unwrap_or_default();
                    let times = 1 + self.below(300);
                    bytes.splice(at..at, token.repeat(times).into_bytes());
                }
                _ => {
                    let piece = bytes[at..to].repeat(2);
                    bytes.splice(at..at, piece);
                }
            }
        }
    }

    fn change(&mut self, document: &mut Value, original: &Value) {
        let mut at = self.below(count(document));
        let node = find(document, &mut at).expect("the number is below the count");
        match self.below(16) {
            0 => *node = self.scalar(),
            1 => {
                let mut other = self.below(count(original));
                let other = find_ref(original, &mut other);
                *node = other.cloned().unwrap_or_default();
            }
            2 => {
                let depth = self.size(200);
                let in_list = self.one_in(2);
                for _ in 0..depth {
                    let inner = node.take();
                    *node = if in_list {
                        json!([inner])
                    } else {
                        json!({"a": inner})
                    };
                }
            }
            3 => {
                let times = self.size(4000);
                *node = json!(self.some_text().repeat(times));
            }
            _ => self.similar(node),
        }
    }

    /// Changes a node and keeps its type.
    fn similar(&mut self, node: &mut Value) {
        match node {
            Value::Null => *node = self.scalar(),
            Value::Bool(value) => *value = !*value,
            Value::Number(number) => *number = self.number(number),
            Value::String(text) => *text = self.similar_text(text),
            Value::Array(items) => self.items(items),
            Value::Object(map) => self.entries(map),
        }
    }

    fn items(&mut self, items: &mut Vec<Value>) {
        let at = self.below(items.len());
        match (self.below(4), items.get(at).cloned()) {
            (0, Some(_)) => _ = items.remove(at),
            (1, Some(item)) => {
                let more = self.size(60);
                items.resize(items.len() + more, item);
            }
            (2, Some(_)) => _ = items.swap_remove(at),
            (_, Some(item)) => items.insert(0, item),
            (_, None) => items.push(self.scalar()),
        }
    }

    fn entries(&mut self, map: &mut Map<String, Value>) {
        let keys: Vec<String> = map.keys().cloned().collect();
        let one = keys.choose(&mut self.random).cloned().unwrap_or_default();
        let other = keys.choose(&mut self.random).cloned().unwrap_or_default();
        match self.below(4) {
            0 => _ = map.remove(&one),
            1 => {
                let key = self.similar_text(&one);
                let value = map.get(&other).cloned().unwrap_or_default();
                map.insert(key, value);
            }
            2 => _ = map.insert(one, Value::Null),
            _ => {
                let (first, second) = (map.get(&one).cloned(), map.get(&other).cloned());
                if let (Some(first), Some(second)) = (first, second) {
                    map.insert(one, second);
                    map.insert(other, first);
                }
            }
        }
    }

    fn number(&mut self, number: &Number) -> Number {
        let number = number.as_i64().unwrap_or_default();
        match self.below(4) {
            0 => number.wrapping_add(1).into(),
            1 => number.wrapping_neg().into(),
            2 => number.saturating_mul(1000).into(),
            _ => NUMBERS
                .choose(&mut self.random)
                .map_or_else(|| 0.into(), |&n| n.into()),
        }
    }

    fn similar_text(&mut self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let at = self.below(characters.len() + 1);
        match self.below(5) {
            0 => characters.truncate(at),
            1 => characters.insert(
                at,
                ['0', '9', ':', '/', '.', '-', ' ', '\n', 'é', '\0'][self.below(10)],
            ),
            2 => {
                let more: Vec<char> = self.some_text().chars().collect();
                characters.splice(at..at, more);
            }
            3 if at < characters.len() => _ = characters.remove(at),
            _ => return self.some_text().to_owned(),
        }
        characters.into_iter().collect()
    }

    /// A small number, and sometimes one below a limit.
    fn size(&mut self, limit: usize) -> usize {
        match self.one_in(20) {
            true => 1 + self.below(limit),
            false => 1 + self.below(3),
        }
    }

    fn scalar(&mut self) -> Value {
        match self.below(6) {
            0 => Value::Null,
            1 => json!(self.one_in(2)),
            2 => json!(u64::MAX),
            3 => json!(-1.5e300),
            4 => json!(NUMBERS.choose(&mut self.random)),
            _ => json!(self.some_text()),
        }
    }

    fn some_text(&mut self) -> &'static str {
        TEXTS.choose(&mut self.random).copied().unwrap_or_default()
    }
}

fn children(node: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match node {
        Value::Array(items) => Box::new(items.iter()),
        Value::Object(map) => Box::new(map.values()),
        _ => Box::new(std::iter::empty()),
    }
}

fn count(node: &Value) -> usize {
    1 + children(node).map(count).sum::<usize>()
}

fn find_ref<'a>(node: &'a Value, at: &mut usize) -> Option<&'a Value> {
    if *at == 0 {
        return Some(node);
    }
    *at -= 1;
    children(node).find_map(|child| find_ref(child, at))
}

/// Returns the node with this number, counted from the root.
fn find<'a>(node: &'a mut Value, at: &mut usize) -> Option<&'a mut Value> {
    if *at == 0 {
        return Some(node);
    }
    *at -= 1;
    match node {
        Value::Array(items) => items.iter_mut().find_map(|child| find(child, at)),
        Value::Object(map) => map.values_mut().find_map(|child| find(child, at)),
        _ => None,
    }
}
