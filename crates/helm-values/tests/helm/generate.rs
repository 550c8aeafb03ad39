//! Random cases: arguments as users write them, and broken ones.

use std::collections::BTreeMap;

use helm_values::SetKind;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use serde_json::{Map, Value, json};

use super::case::{Case, Operation, Set};
use super::generate_files;

pub fn case(random: &mut StdRng) -> Case {
    if random.random_ratio(1, 8) {
        return Case {
            operation: Operation::Coalesce,
            defaults: map(random, 3),
            user: map(random, 3),
            ..Case::default()
        };
    }
    let files = match random.random_range(0..10) {
        0..3 => 0,
        3..9 => 1,
        _ => 2,
    };
    let sets = match random.random_range(0..10) {
        0..2 => 0,
        2..8 => 1,
        _ => 3,
    };
    Case {
        files: (0..files).map(|_| generate_files::file(random)).collect(),
        sets: (0..sets).map(|_| set(random)).collect(),
        ..Case::default()
    }
}

/// Returns one of the words.
pub fn choose<'a>(random: &mut StdRng, words: &[&'a str]) -> &'a str {
    words.choose(random).copied().unwrap_or_default()
}

/// There are few names, so that arguments often refer to existing keys.
pub const NAMES: [&str; 12] = [
    "a", "b", "c", "list", "map", "a", "b", "x-y", "ключ", "😀", "é", "a b",
];

fn set(random: &mut StdRng) -> Set {
    let kind = *SetKind::ALL.choose(random).unwrap_or(&SetKind::Set);
    let mut files = BTreeMap::new();
    if kind == SetKind::File {
        files.insert("one.txt".into(), "one\n".into());
        files.insert("two.txt".into(), "a: {b,c}=[d]\\\né😀".into());
    }
    let mut text = if kind == SetKind::Json && random.random_ratio(1, 4) {
        format!("{}{}", spaces(random), json_text(random, true))
    } else {
        let parts: Vec<String> = (0..random.random_range(1..4))
            .map(|_| format!("{}={}", key(random), value(random, kind)))
            .collect();
        let separator = if random.random_ratio(1, 10) {
            ", "
        } else {
            ","
        };
        parts.join(separator)
    };
    if random.random_ratio(1, 6) {
        text = mutate(
            random,
            &text,
            &[".", "=", ",", "[", "]", "{", "}", "\\", "\"", " ", "0"],
        );
    }
    Set { kind, text, files }
}

fn key(random: &mut StdRng) -> String {
    let mut key = name(random);
    for _ in 0..random.random_range(0..3) {
        if random.random_ratio(1, 3) {
            let index = choose(
                random,
                &[
                    "0", "1", "2", "0", "1", "2", "3", "0", "1", "2", "0", "1", "2", "-1", "x",
                    "01", "+1", "65537", "",
                ],
            );
            key.push_str(&format!("[{index}]"));
        } else {
            key.push('.');
            key.push_str(&name(random));
        }
    }
    key
}

fn name(random: &mut StdRng) -> String {
    match random.random_range(0..30) {
        0 => String::new(),
        1 => r"k\.e".into(),
        2 => r"\[0\]".into(),
        3 => r"e\=q".into(),
        _ => choose(random, &NAMES).to_owned(),
    }
}

const WORDS: [&str; 36] = [
    "",
    "0",
    "00",
    "007",
    "1",
    "-1",
    "+1",
    "-0",
    "42",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1.5",
    "1e3",
    ".5",
    "0x1F",
    "1_000",
    "true",
    "True",
    "FALSE",
    "null",
    "NuLL",
    "yes",
    "~",
    "word",
    "two words",
    " blank ",
    r"a\,b",
    r"\{a\}",
    r"back\\slash",
    r"\n",
    "é😀",
    "a=b",
    "a.b",
    "[0]",
    "\"quoted\"",
];

fn value(random: &mut StdRng, kind: SetKind) -> String {
    if kind == SetKind::Json {
        return format!(
            "{}{}{}",
            spaces(random),
            json_text(random, false),
            spaces(random)
        );
    }
    let word = |random: &mut StdRng| {
        if kind == SetKind::File {
            choose(
                random,
                &[
                    "one.txt", "two.txt", "one.txt", "two.txt", "one.txt", "two.txt", "none.txt",
                    "",
                ],
            )
            .to_owned()
        } else if random.random_ratio(1, 8) {
            numeral(random)
        } else {
            choose(random, &WORDS).to_owned()
        }
    };
    if random.random_ratio(1, 5) {
        let items: Vec<String> = (0..random.random_range(0..4))
            .map(|_| word(random))
            .collect();
        let ending = choose(random, &["}", "}", "}", "}", "", "} ", "}x", "}}"]);
        return format!("{{{}{ending}", items.join(","));
    }
    word(random)
}

/// Returns a text that resembles a number.
pub fn numeral(random: &mut StdRng) -> String {
    let parts = [
        "0", "1", "9", "7", "00", "12", "-", "+", ".", "e", "E", "_", "x", "0x", "0b", "0o", "f",
    ];
    (0..random.random_range(1..5))
        .map(|_| choose(random, &parts))
        .collect()
}

fn spaces(random: &mut StdRng) -> &'static str {
    match random.random_range(0..12) {
        0 => " ",
        1 => "\t \n",
        2 => "\u{a0}",
        _ => "",
    }
}

fn json_text(random: &mut StdRng, is_object: bool) -> String {
    let words = [
        "",
        "0",
        "1",
        "-1",
        "01",
        "1.5",
        "1e3",
        "1E+2",
        "-",
        "1.",
        "1e999",
        "true",
        "false",
        "null",
        "nul",
        "\"a\"",
        "\"a,b\"",
        "\"\\u00e9\\n\"",
        "\"\\x\"",
        "\"",
        "'a'",
        "word",
        "123456789012345678901234567890",
        "0.1",
        "1e-7",
        "-0.0",
        "9007199254740993",
    ];
    if !is_object && random.random_ratio(2, 3) {
        let is_valid = random.random_ratio(3, 4);
        let words = if is_valid {
            &["1", "true", "\"a,b\"", "null", "1.5e3"]
        } else {
            &words[..]
        };
        return choose(random, words).to_owned();
    }
    let tree = if is_object {
        Value::Object(map(random, 2))
    } else {
        tree(random, 2)
    };
    let text = tree.to_string();
    if random.random_ratio(1, 6) {
        return mutate(
            random,
            &text,
            &["{", "}", "[", "]", ",", ":", "\"", " ", "0", "\\"],
        );
    }
    text
}

/// Applies random changes to a text.
pub fn mutate(random: &mut StdRng, text: &str, pieces: &[&str]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..random.random_range(1..3) {
        let at = random.random_range(0..=chars.len());
        match random.random_range(0..3) {
            0 if at < chars.len() => {
                chars.remove(at);
            }
            1 if at < chars.len() => {
                let from = random.random_range(0..=at);
                let piece: Vec<char> = chars[from..at].to_vec();
                chars.splice(at..at, piece);
            }
            _ => {
                let piece = choose(random, pieces);
                chars.splice(at..at, piece.chars());
            }
        }
    }
    chars.into_iter().collect()
}

/// Returns a map whose keys are from [`NAMES`].
pub fn map(random: &mut impl Rng, depth: usize) -> Map<String, Value> {
    let mut map = Map::new();
    for _ in 0..random.random_range(0..5) {
        let name = NAMES.choose(random).copied().unwrap_or_default();
        map.insert(name.to_owned(), tree(random, depth));
    }
    map
}

fn tree(random: &mut impl Rng, depth: usize) -> Value {
    match random.random_range(0..if depth == 0 { 7 } else { 11 }) {
        0 | 1 => Value::Null,
        2 => json!(true),
        3 => json!(random.random_range(-3..100)),
        4 => json!(1.5),
        5 => json!("text"),
        6 => json!(""),
        7 | 8 => (0..random.random_range(0..3))
            .map(|_| tree(random, depth - 1))
            .collect(),
        _ => Value::Object(map(random, depth - 1)),
    }
}
