//! Random inputs: mutations of the recorded cases of Helm. The tests of the main crate
//! include this file too.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

const RECORDED: [&str; 8] = [
    include_str!("../oracle/recorded/coalesce.jsonl"),
    include_str!("../oracle/recorded/differences.jsonl"),
    include_str!("../oracle/recorded/file.jsonl"),
    include_str!("../oracle/recorded/files.jsonl"),
    include_str!("../oracle/recorded/json.jsonl"),
    include_str!("../oracle/recorded/merge.jsonl"),
    include_str!("../oracle/recorded/set.jsonl"),
    include_str!("../oracle/recorded/string.jsonl"),
];

/// A source of random inputs.
pub struct Inputs {
    random: StdRng,
    texts: Vec<String>,
}

impl Inputs {
    pub fn new(seed: &str) -> Inputs {
        let number = seed.bytes().fold(7, |n: u64, byte| {
            n.wrapping_mul(31).wrapping_add(u64::from(byte))
        });
        let texts = texts();
        assert!(texts.len() > 500, "{}", texts.len());
        Inputs {
            random: StdRng::seed_from_u64(number),
            texts,
        }
    }

    pub fn next(&mut self) -> Vec<u8> {
        input(&mut self.random, &self.texts)
    }
}

/// The files and arguments of the recorded cases.
fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for line in RECORDED.iter().flat_map(|recorded| recorded.lines()) {
        let case: Value = serde_json::from_str(line).unwrap();
        let files = case["files"].as_array().into_iter().flatten();
        let sets = case["sets"].as_array().into_iter().flatten();
        let found = files.chain(sets.map(|set| &set["text"]));
        texts.extend(found.map(|text| text.as_str().unwrap().to_owned()));
    }
    texts
}

fn input(random: &mut StdRng, seeds: &[String]) -> Vec<u8> {
    let seed = |random: &mut StdRng| {
        let seed = seeds.choose(random).map(String::as_bytes);
        seed.unwrap_or_default().to_vec()
    };
    let mut bytes = if random.random_ratio(1, 10) {
        (0..random.random_range(0..200))
            .map(|_| random.random())
            .collect()
    } else {
        seed(random)
    };
    for _ in 0..random.random_range(0..6) {
        let at = random.random_range(0..=bytes.len());
        let to = random.random_range(at..=bytes.len());
        match random.random_range(0..7) {
            0 => bytes.truncate(at),
            1 => {
                bytes.drain(at..to);
            }
            2 => bytes.insert(at, random.random()),
            3 => {
                let other = seed(random);
                bytes.splice(at..to, other);
            }
            4 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
            5 => {
                let token = [
                    "[", "{", "&a ", "*a", "- ", ": ", "\n", "\\", ",", "=", "<<: ", "\"", "|",
                    "65536]",
                ];
                let token = token.choose(random).copied().unwrap_or_default();
                let times = random.random_range(1..60);
                bytes.splice(at..at, token.repeat(times).into_bytes());
            }
            _ if bytes.len() < 20_000 => {
                let piece = bytes[at..to].repeat(random.random_range(1..9));
                bytes.splice(at..at, piece);
            }
            _ => {}
        }
    }
    bytes
}
