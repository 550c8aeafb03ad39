//! Random values files, in the YAML notations that users write.

use rand::RngExt;
use rand::rngs::StdRng;

use super::generate::{NAMES, choose, mutate, numeral};

pub fn file(random: &mut StdRng) -> String {
    let mut text = String::new();
    let mut anchors = Vec::new();
    if random.random_ratio(1, 20) {
        text.push_str("# a comment: not a key\n");
    }
    entries(random, &mut text, 0, 3, &mut anchors);
    if random.random_ratio(1, 12) {
        text.push_str("---\n");
        entries(random, &mut text, 0, 2, &mut Vec::new());
    }
    if random.random_ratio(1, 6) {
        let pieces = [
            ":", ": ", "- ", "\n", " ", "{", "}", "[", "]", ",", "'", "\"", "#", "&a ", "*a", "!",
            "|", ">", "\t", "0", "~",
        ];
        return mutate(random, &text, &pieces);
    }
    text
}

fn entries(
    random: &mut StdRng,
    text: &mut String,
    indent: usize,
    depth: usize,
    anchors: &mut Vec<String>,
) {
    let mut names: Vec<&str> = Vec::new();
    for _ in 0..random.random_range(1..5) {
        let name = choose(random, &NAMES);
        if !names.contains(&name) || random.random_ratio(1, 60) {
            names.push(name);
        }
    }
    let pad = " ".repeat(indent);
    for name in names {
        let key = match random.random_range(0..25) {
            0 => format!("\"{name}\""),
            1 => format!("'{name}'"),
            2 => choose(
                random,
                &[
                    "1",
                    "true",
                    "no",
                    "0x10",
                    "k.e.y",
                    "null",
                    "-",
                    "1.5",
                    "2001-01-01",
                ],
            )
            .to_owned(),
            _ => name.to_owned(),
        };
        if random.random_ratio(1, 15) && !anchors.is_empty() {
            let anchor = anchors[random.random_range(0..anchors.len())].clone();
            text.push_str(&format!("{pad}<<: *{anchor}\n"));
        }
        text.push_str(&format!("{pad}{key}:"));
        node(random, text, indent, depth, anchors);
        if random.random_ratio(1, 30) {
            text.push_str(&format!("{pad}# a comment\n\n"));
        }
    }
}

/// Writes the value after a `:` or a `-`, and the end of the line.
fn node(
    random: &mut StdRng,
    text: &mut String,
    indent: usize,
    depth: usize,
    anchors: &mut Vec<String>,
) {
    let deeper = indent
        + choose(random, &["2", "2", "4", "1"])
            .parse::<usize>()
            .unwrap_or(2);
    let anchored = random
        .random_ratio(1, 12)
        .then(|| format!("x{}", anchors.len()));
    if let Some(anchor) = &anchored {
        text.push_str(&format!(" &{anchor}"));
    }
    match random.random_range(0..if depth == 0 { 8 } else { 12 }) {
        0 => text.push('\n'),
        1 => {
            text.push(' ');
            flow(random, text, 2);
            text.push('\n');
        }
        2 => {
            let style = choose(random, &["|", ">", "|-", ">-", "|+", ">+"]);
            let pad = " ".repeat(deeper);
            text.push_str(&format!(" {style}\n{pad}key: no\n{pad}# text\n"));
            if random.random_ratio(1, 2) {
                text.push_str(&format!("\n{pad}  more: [text\n{pad}end\n"));
            }
        }
        3 if anchored.is_none() && !anchors.is_empty() => {
            let anchor = &anchors[random.random_range(0..anchors.len())];
            text.push_str(&format!(" *{anchor}\n"));
        }
        3..8 => {
            let word = word(random);
            let after = choose(random, &["", "", "", " ", " # c"]);
            text.push_str(&format!(" {word}{after}\n"));
        }
        8..10 => {
            text.push('\n');
            entries(random, text, deeper, depth - 1, anchors);
        }
        _ => {
            text.push('\n');
            let pad = " ".repeat(if random.random_ratio(1, 2) && indent > 0 {
                deeper
            } else {
                indent
            });
            for _ in 0..random.random_range(1..4) {
                text.push_str(&format!("{pad}-"));
                node(random, text, pad.len(), depth.saturating_sub(1), anchors);
            }
        }
    }
    // An anchor can be used once its value is complete.
    anchors.extend(anchored);
}

const WORDS: [&str; 50] = [
    "y",
    "Yes",
    "no",
    "NO",
    "on",
    "off",
    "true",
    "False",
    "~",
    "null",
    "NULL",
    "nULL",
    "0",
    "00",
    "07",
    "08",
    "0644",
    "0o17",
    "0b101",
    "0x1F",
    "1_000",
    "+1",
    "-1",
    "1.",
    ".5",
    "1e3",
    "1e999",
    "1.5",
    "9223372036854775807",
    "18446744073709551615",
    "2001-01-01",
    "12:30",
    "word",
    "two words",
    "a#b",
    "a:b",
    "50Gi",
    "100m",
    "'quoted'",
    "\"quo\\ted\"",
    "'it''s'",
    "\"\\u00e9\\n\"",
    "''",
    "\"\"",
    "é😀",
    "!!str 1",
    "!!int \"7\"",
    "!own x",
    "http://x:80/y?z=1",
    "-Xmx2g -Xms2g",
];

fn word(random: &mut StdRng) -> String {
    match random.random_range(0..6) {
        0 => numeral(random),
        _ => choose(random, &WORDS).to_owned(),
    }
}

fn flow(random: &mut StdRng, text: &mut String, depth: usize) {
    let inner = |random: &mut StdRng, text: &mut String| {
        if depth > 0 && random.random_ratio(1, 3) {
            flow(random, text, depth - 1);
        } else {
            text.push_str(choose(
                random,
                &[
                    "1",
                    "word",
                    "true",
                    "'a, b'",
                    "\"x\"",
                    "null",
                    "0644",
                    "1.5",
                    "two words",
                ],
            ));
        }
    };
    let list = random.random_ratio(1, 2);
    text.push(if list { '[' } else { '{' });
    let names = ["a", "b", "c"];
    for (number, name) in names.iter().take(random.random_range(0..4)).enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        if !list {
            text.push_str(&format!("{name}: "));
        }
        inner(random, text);
    }
    text.push(if list { ']' } else { '}' });
}
