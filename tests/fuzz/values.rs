//! Arbitrary values never cause a panic and need bounded memory. Bombs are rejected
//! with file and line.
//!
//! `crates/helm-values` has the same tests for Helm's language. These tests cover
//! everything that reads a user's values, from the file to the resolved values.

use std::path::Path;
use std::sync::LazyLock;

use clearml_local::testing::inputs::{KeptFile, SetArgument, SetKind};
use clearml_local::testing::options::Options;
use clearml_local::testing::profile::Profile;
use clearml_local::testing::release::{Catalogue, DEFAULT, Release};
use clearml_local::testing::settings::{InputFile, Instance};
use clearml_local::testing::values::{self, Error};
use helm_values::file_names;

use crate::inputs::Inputs;
use crate::{bombs, bounds};

#[test]
fn random_values_cause_no_panic_and_need_bounded_memory() {
    // Allows one minute, and 10 ms for each input.
    bounds::run("values::random_values", 60 + bounds::cases() / 100);
}

#[test]
fn bombs_are_rejected_with_file_and_line() {
    bounds::run("values::all_bombs", 120);
}

#[test]
#[ignore = "runs as a child process"]
fn random_values() {
    let seed = bounds::seed();
    let mut inputs = Inputs::new(&seed);
    let dir = tempfile::tempdir().unwrap();
    for number in 0..bounds::cases() {
        let bytes = inputs.next();
        let outcome = std::panic::catch_unwind(|| try_all(&bytes, dir.path(), number));
        let input = bytes.escape_ascii().to_string();
        assert!(outcome.is_ok(), "E2E_SEED={seed}, case {number}: {input:?}");
    }
}

/// Passes an input to everything that reads values.
fn try_all(bytes: &[u8], dir: &Path, number: usize) {
    // Reading from the disk is slow.
    if number.is_multiple_of(50) {
        let path = dir.join("values.yaml");
        write(&path, bytes);
        let file: InputFile = path.display().to_string().parse().unwrap();
        let mut options = Options::default();
        options.values.values = vec![file.into()];
        options.values.set.set_file = vec![format!("a={}", path.display())];
        if let Err(error) = options.apply(Instance::with_defaults(dir.to_owned().into())) {
            assert!(error.to_string().contains("values.yaml"), "{error}");
        }
    }
    let text = String::from_utf8_lossy(bytes);
    let kind = SetKind::ALL[number % SetKind::ALL.len()];
    let mut argument = SetArgument::new(kind, text.as_ref());
    if kind == SetKind::File {
        let named = file_names(&text).into_iter();
        argument.files = named.map(|path| stored(&path, "text")).collect();
    }
    // The rules take longer than Helm's merge, which has its own test.
    if number.is_multiple_of(10) {
        let _ = resolve(&[&text], &[argument]);
    }
}

#[test]
#[ignore = "runs as a child process"]
fn all_bombs() {
    let mut failures = Vec::new();
    for (name, text, line, reason) in bombs::files().into_iter().chain(chart_bombs()) {
        let message = first_problem(&[&text], &[]);
        let location = format!("values.yaml{line}");
        if !(message.starts_with(&location) && message.contains(reason) && message.len() < 500) {
            failures.push(format!("{name}: {message:.400}"));
        }
    }
    for (name, kind, text, reason) in bombs::arguments() {
        let message = first_problem(&[], &[SetArgument::new(kind, text)]);
        if !(message.starts_with(kind.flag()) && message.contains(reason) && message.len() < 500) {
            failures.push(format!("{name}: {message:.400}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn first_problem(texts: &[&str], sets: &[SetArgument]) -> String {
    match resolve(texts, sets) {
        Ok(_) => "accepted".into(),
        Err(error) => error.problems[0].to_string(),
    }
}

/// Bombs that are valid for Helm: the name, the text, the line as in
/// `values.yaml:LINE`, and a part of the message.
fn chart_bombs() -> Vec<(&'static str, String, &'static str, &'static str)> {
    let anchors: String = (0..40).map(|n| format!("&a{n} [")).collect();
    vec![
        (
            "depth in aliases",
            format!("{anchors}x{}", "]".repeat(40)).replacen("&a0", "a: &a0", 1),
            "",
            "",
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
        (
            "many keys that are unknown",
            (0..3_000)
                .map(|n| format!("replicaCount{n}: 1\n"))
                .collect(),
            ":1",
            "unknown key `replicaCount0`",
        ),
        (
            "a comment without end",
            format!("a: # {}", "x".repeat(1_000_000)),
            ":1",
            "",
        ),
    ]
}

fn stored(path: &str, text: &str) -> KeptFile {
    KeptFile {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}

fn resolve(texts: &[&str], sets: &[SetArgument]) -> Result<values::Values, Error> {
    let files: Vec<KeptFile> = texts
        .iter()
        .map(|text| stored("values.yaml", text))
        .collect();
    static RELEASE: LazyLock<Release> =
        LazyLock::new(|| Catalogue::builtin().find(DEFAULT).unwrap());
    let resolved = values::resolve(&values::Inputs {
        release: &RELEASE,
        target: values::Target::Node {
            profile: &Profile::for_memory(4_000_000_000),
            controller: None,
        },
        files: &files,
        sets,
    });
    resolved.map(|resolved| resolved.values)
}

#[expect(clippy::disallowed_methods, reason = "bytes that may not be text")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}
