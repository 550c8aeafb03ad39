//! Every entry of the catalogue of failures has an observation as its test data, named by the
//! failure, and is decided from it on the way that the program takes: `recorded/ID.json` is
//! what a cluster or an engine answered, with its origin. What `up` prints is a snapshot.

#![expect(clippy::print_stderr, reason = "skipped tests are reported")]
#![expect(
    clippy::disallowed_methods,
    reason = "recorded observations, and the environment of the programs that the tests run"
)]

mod cases;
mod cluster;
mod command;
#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod common;
mod elsewhere;
mod engine;
#[path = "../commands/engine.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod fake;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use cases::{Case, Input};
use clearml_local::testing::evidence::Shown;
use clearml_local::testing::failures::Failure;
use clearml_local::testing::kube::install_crypto;
use elsewhere::ELSEWHERE;

/// The most lines that a failed `up` shows.
const LINES: usize = 25;

/// How many cases are decided at the same time.
const THREADS: usize = 8;

#[test]
fn every_recorded_observation_is_decided_as_its_failure() {
    install_crypto();
    let mut wrong = Vec::new();
    for (case, shown) in decided(possible(cases::all())) {
        let Some(shown) = shown else {
            wrong.push(format!("{}: nothing is found", case.name));
            continue;
        };
        wrong.extend(why_wrong(&case, &shown));
        insta::with_settings!({
            snapshot_path => "snapshots", prepend_module_to_snapshot => false,
            omit_expression => true, description => case.origin.as_str(),
        }, { insta::assert_snapshot!(case.name.as_str(), shown.text) });
    }
    assert_eq!(wrong, [""; 0], "{wrong:#?}");
}

/// What is printed for a failure.
struct Printed {
    /// The identifiers.
    failures: Vec<String>,
    text: String,
}

impl From<Shown> for Printed {
    fn from(shown: Shown) -> Printed {
        let ids = shown.failures.iter().map(|one| one.id().to_owned());
        Printed {
            failures: ids.collect(),
            text: shown.text,
        }
    }
}

/// Returns the cases that this host can decide.
fn possible(cases: Vec<Case>) -> Vec<Case> {
    let is_possible = |case: &Case| match &case.input {
        Input::Command(line) => command::is_possible(line),
        Input::Cluster(_) | Input::Engine(_) => true,
    };
    let (possible, others): (Vec<_>, Vec<_>) = cases.into_iter().partition(is_possible);
    for case in others {
        eprintln!("SKIPPED: {} needs namespaces of Linux", case.name);
    }
    possible
}

/// Decides all cases, several at a time, because some commands wait.
fn decided(cases: Vec<Case>) -> Vec<(Case, Option<Printed>)> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            match cases.get(index) {
                Some(case) => done.push((index, decide(case))),
                None => return done,
            }
        }
    };
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let joined = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        joined.collect()
    });
    done.sort_by_key(|(index, _)| *index);
    let shown = done.into_iter().map(|(_, shown)| shown);
    cases.into_iter().zip(shown).collect()
}

fn decide(case: &Case) -> Option<Printed> {
    match &case.input {
        Input::Cluster(recorded) => cluster::decide(recorded).map(Printed::from),
        Input::Engine(recorded) => engine::decide(recorded).map(Printed::from),
        Input::Command(line) => Some(command::decide(line)),
    }
}

/// Returns what is wrong with what is printed for a failure.
fn why_wrong(case: &Case, shown: &Printed) -> Vec<String> {
    let name = &case.name;
    let mut wrong = Vec::new();
    if shown.failures != [case.failure.as_str()] {
        wrong.push(format!("{name}: decided as {:?}", shown.failures));
    }
    let text = &shown.text;
    if text.lines().count() > LINES {
        wrong.push(format!("{name}: more than {LINES} lines"));
    }
    if !text.starts_with("error: ") {
        wrong.push(format!("{name}: does not begin with the cause"));
    }
    // An invalid option or value says what was expected.
    let is_usage =
        |failure: &&Failure| failure.id() == case.failure && failure.code().number() == 2;
    let needs_remedy = !Failure::ALL.iter().any(|failure| is_usage(&failure));
    if needs_remedy && !text.contains("\n  hint: ") {
        wrong.push(format!("{name}: has no remedy"));
    }
    if case.origin.trim().is_empty() {
        wrong.push(format!("{name}: has no origin"));
    }
    wrong
}

#[test]
fn every_entry_has_an_observation_or_says_why_not() {
    let mut known: BTreeSet<String> = Failure::ALL.iter().map(|one| one.id().to_owned()).collect();
    let recorded: BTreeSet<String> = cases::all().into_iter().map(|case| case.failure).collect();
    let elsewhere = ELSEWHERE.iter().map(|(id, ..)| *id);
    for id in recorded.iter().map(String::as_str).chain(elsewhere) {
        assert!(known.remove(id), "{id} is unknown, or listed twice");
    }
    assert!(known.is_empty(), "without an observation: {known:?}");
}

#[test]
fn the_tests_of_other_failures_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (id, test, _) in ELSEWHERE {
        let (file, name) = test.split_once("::").unwrap();
        let source = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(source.contains(&format!("fn {name}(")), "{id}: {test}");
    }
}

/// A snapshot of a case that was renamed or removed says nothing.
#[test]
fn every_snapshot_belongs_to_a_case() {
    let cases: BTreeSet<String> = cases::all().into_iter().map(|case| case.name).collect();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failures/snapshots");
    for entry in std::fs::read_dir(directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        // insta writes `.snap.new` beside one that differs.
        let case = name.strip_suffix(".snap");
        assert!(case.is_none_or(|case| cases.contains(case)), "{name}");
    }
}
