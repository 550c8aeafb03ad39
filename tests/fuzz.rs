//! Whatever is said about values: no panic, bounded memory, and YAML bombs refused
//! with their file and line.
//!
//! Each test runs its own program once more as a child that may have 384 MiB of
//! address space (`ulimit -v`) and a bound of processor time (`ulimit -t`): what
//! takes more is ended there.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use clearml_local::files;
use clearml_local::profile::Profile;
use clearml_local::release::{Catalogue, DEFAULT, Release};
use clearml_local::settings::{KeptFile, SetArgument, SetKind, Wishes};
use clearml_local::values::{self, Error, LARGEST_FILE};
use clearml_local::yaml;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

/// Kibibytes of address space: the program alone takes about 100 MiB of it.
const SPACE: u32 = 384 << 10;

#[test]
fn nothing_said_at_random_panics_or_fills_the_memory() {
    // A minute for ten thousand.
    in_a_child("inputs", 60 + cases() / 100);
}

#[test]
fn bombs_are_refused_with_file_and_line() {
    in_a_child("bombs", 120);
}

/// Runs an ignored test of this program in bounds.
fn in_a_child(test: &str, seconds: usize) {
    let script = format!("ulimit -v {SPACE} -t {seconds}; exec \"$@\"");
    let output = Command::new("bash")
        .args(["-c", &script, "fuzz"])
        .arg(std::env::current_exe().unwrap())
        .args([
            test,
            "--exact",
            "--ignored",
            "--nocapture",
            "--test-threads=1",
        ])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {told}", output.status);
    assert!(told.contains("1 passed"), "{told}");
}

#[expect(clippy::disallowed_methods, reason = "settings of the tests")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// How many inputs are tried.
fn cases() -> usize {
    setting("FUZZ_CASES").map_or(10_000, |count| count.parse().unwrap())
}

/// The files and arguments of Helm's recorded cases: what is broken from there on.
fn seeds() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/recorded");
    let mut seeds = Vec::new();
    for name in files::list(&folder).unwrap() {
        let text = files::read(&folder.join(name)).unwrap().unwrap();
        for line in text.lines() {
            let case: Value = serde_json::from_str(line).unwrap();
            let files = case["files"].as_array().into_iter().flatten();
            let sets = case["sets"].as_array().into_iter().flatten();
            let texts = files.chain(sets.map(|set| &set["text"]));
            seeds.extend(texts.map(|text| text.as_str().unwrap().to_owned()));
        }
    }
    seeds
}

#[test]
#[ignore = "runs as a child of its own"]
fn inputs() {
    let seed = setting("E2E_SEED").unwrap_or_else(|| "none".into());
    let number = seed.bytes().fold(7, |n: u64, byte| {
        n.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    let mut random = StdRng::seed_from_u64(number);
    let seeds = seeds();
    assert!(seeds.len() > 500, "{}", seeds.len());
    let dir = tempfile::tempdir().unwrap();
    for number in 0..cases() {
        let bytes = input(&mut random, &seeds);
        // What is read when it panics.
        let told = format!(
            "E2E_SEED={seed}, case {number}: {:?}",
            bytes.escape_ascii().to_string()
        );
        let outcome = std::panic::catch_unwind(|| try_all(&bytes, dir.path(), number));
        assert!(outcome.is_ok(), "{told}");
    }
}

/// Gives an input to everything that reads what users say.
fn try_all(bytes: &[u8], dir: &Path, number: usize) {
    // Reading from the disk is slow.
    if number.is_multiple_of(50) {
        let path = dir.join("values.yaml");
        write(&path, bytes);
        let wishes = Wishes {
            values: vec![path.display().to_string().parse().unwrap()],
            set_file: vec![format!("a={}", path.display())],
            ..Wishes::default()
        };
        if let Err(error) = wishes.instance(None, dir.to_owned().into()) {
            assert!(error.to_string().contains("values.yaml"), "{error}");
        }
    }
    let text = String::from_utf8_lossy(bytes);
    let kind = SetKind::ALL[number % SetKind::ALL.len()];
    let mut argument = SetArgument::new(kind, text.as_ref());
    if kind == SetKind::File {
        let named = values::named_files(&text).into_iter();
        argument.files = named.map(|path| kept(&path, "text")).collect();
    }
    let base = kept("values.yaml", "a: [{b: 1}]\nmap: {x: 1}\n");
    let _ = values::merged(&[kept("values.yaml", &text)], &[]);
    let _ = values::merged(&[base], std::slice::from_ref(&argument));
    let _ = yaml::line_of(&text, &["a", "b", "[0]"]);
    // All that follows takes longer.
    if number.is_multiple_of(10) {
        let _ = resolve(&[&text], &[argument]);
    }
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

#[test]
#[ignore = "runs as a child of its own"]
fn bombs() {
    let mut wrong = Vec::new();
    for (name, text, line, what) in bomb_files() {
        let told = first_problem(&[&text], &[]);
        let place = format!("values.yaml{line}");
        if !(told.starts_with(&place) && told.contains(what) && told.len() < 500) {
            wrong.push(format!("{name}: {told:.400}"));
        }
    }
    for (name, kind, text, what) in bomb_arguments() {
        let told = first_problem(&[], &[SetArgument::new(kind, text)]);
        if !(told.starts_with(kind.flag()) && told.contains(what) && told.len() < 500) {
            wrong.push(format!("{name}: {told:.400}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn first_problem(texts: &[&str], sets: &[SetArgument]) -> String {
    match resolve(texts, sets) {
        Ok(_) => "nothing is wrong".into(),
        Err(error) => error.problems[0].to_string(),
    }
}

/// What it is, the file, its line as in messages, and a part of the message.
fn bomb_files() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let laughs: String = (1..12)
        .map(|level| {
            let row = vec![format!("*a{}", level - 1); 9].join(", ");
            format!("a{level}: &a{level} [{row}]\n")
        })
        .collect();
    let merges: String = (1..30)
        .map(|level| format!("a{level}: &a{level}\n  x: *a{0}\n  y: *a{0}\n", level - 1))
        .collect();
    let text = "x".repeat(100_000);
    let blocks: String = (0..1000).map(|depth| " ".repeat(depth) + "a:\n").collect();
    let anchors: String = (0..40).map(|n| format!("&a{n} [")).collect();
    vec![
        (
            "billion laughs",
            format!("a0: &a0 [x, x, x]\n{laughs}"),
            ":6",
            "more than 100000 values",
        ),
        (
            "nested aliases",
            format!("a0: &a0 [x]\n{merges}"),
            ":",
            "more than 100000 values",
        ),
        (
            "one text many times",
            format!("a: &a {text}\nb: [{}]\n", "*a, ".repeat(10_000)),
            ":2",
            "more than 4 MiB of text",
        ),
        (
            "an alias of itself",
            "a: &a\n  b: *a\n".into(),
            ":2",
            "within what it names",
        ),
        (
            "depth in flow",
            format!("a:\n  {}", "[".repeat(100_000)),
            ":2",
            "in one another",
        ),
        (
            "depth in flow, of maps",
            format!("a: {}", "{a: ".repeat(50_000)),
            ":1",
            "in one another",
        ),
        ("depth in blocks", blocks, ":65", "in one another"),
        (
            "depth in blocks, on one line",
            "- ".repeat(100_000),
            ":1",
            "in one another",
        ),
        (
            "depth in aliases",
            format!("{anchors}x{}", "]".repeat(40)).replacen("&a0", "a: &a0", 1),
            "",
            "",
        ),
        ("a long key", format!("a: 1\n{text}: 1\n"), ":2", ""),
        (
            "a long quoted key",
            format!("a: 1\n? \"{text}\"\n: 1\n"),
            ":2",
            "a key is longer than",
        ),
        (
            "a huge number",
            format!("apiserver:\n  replicaCount: {}\n", "9".repeat(100_000)),
            ":2",
            "whole number",
        ),
        (
            "a huge exponent",
            format!("apiserver:\n  replicaCount: 1e{}\n", "9".repeat(50_000)),
            ":2",
            "whole number",
        ),
        ("many documents", "---\n[]\n".repeat(100_000), ":", ""),
        (
            "many values",
            format!("a: [{}]\n", "1,".repeat(400_000)),
            ":1",
            "more than 100000 values",
        ),
        (
            "many keys that are unknown",
            (0..3_000)
                .map(|n| format!("replicaCount{n}: 1\n"))
                .collect(),
            ":1",
            "unknown key `replicaCount0`",
        ),
        (
            "many lists",
            format!("a: [{}]\n", "[],".repeat(300_000)),
            ":1",
            "more than 100000 values",
        ),
        (
            "too large a file",
            format!("# {}\n", "x".repeat(LARGEST_FILE)),
            "",
            "larger than 1 MiB",
        ),
        (
            "a comment without end",
            format!("a: # {}", "x".repeat(1_000_000)),
            ":1",
            "",
        ),
        (
            "a quote without end",
            format!("a: 1\nb: \"{}", "x\n ".repeat(300_000)),
            ":",
            "",
        ),
        (
            "an explicit key in explicit keys",
            "? ".repeat(50_000),
            ":1",
            "",
        ),
    ]
}

/// What it is, the flag, its argument, and a part of the message.
fn bomb_arguments() -> Vec<(&'static str, SetKind, String, &'static str)> {
    let places: String = (0..10_000).map(|n| format!("a{n}[65536]=,")).collect();
    let deep = |open: &str| open.repeat(100_000);
    vec![
        ("many places", SetKind::Set, places, "places of lists"),
        (
            "places in places",
            SetKind::Set,
            format!("a{}=1", "[65536]".repeat(29)),
            "places of lists",
        ),
        (
            "lists in lists",
            SetKind::Set,
            format!("a{}=1", "[0]".repeat(50_000)),
            "lists can be in one another",
        ),
        (
            "keys in keys",
            SetKind::String,
            format!("{}=1", "a.".repeat(50_000)),
            "at most 30 dots",
        ),
        (
            "a large index",
            SetKind::Set,
            "a[9999999999999999999999]=1".into(),
            "is no place in a list",
        ),
        (
            "deep JSON",
            SetKind::Json,
            format!("a={}", deep("[")),
            "it is no JSON",
        ),
        (
            "deep JSON objects",
            SetKind::Json,
            deep("{\"a\":"),
            "it is no JSON",
        ),
        (
            "a long key",
            SetKind::Set,
            format!("{}=1", "k".repeat(500_000)),
            "a key is longer than",
        ),
        (
            "a long argument",
            SetKind::Set,
            format!("a={}", "x".repeat(LARGEST_FILE)),
            "larger than 1 MiB",
        ),
        (
            "many braces",
            SetKind::Set,
            format!("a={}", deep("{")),
            "`}` is missing",
        ),
    ]
}

fn kept(path: &str, text: &str) -> KeptFile {
    KeptFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn resolve(texts: &[&str], sets: &[SetArgument]) -> Result<values::Values, Error> {
    let files: Vec<KeptFile> = texts.iter().map(|text| kept("values.yaml", text)).collect();
    static RELEASE: LazyLock<Release> =
        LazyLock::new(|| Catalogue::builtin().find(DEFAULT).unwrap());
    let resolved = values::resolve(&values::Inputs {
        release: &RELEASE,
        profile: &Profile::for_machine(4_000_000_000),
        files: &files,
        sets,
        controller: None,
    });
    resolved.map(|resolved| resolved.values)
}

#[expect(clippy::disallowed_methods, reason = "bytes that are no text")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}
