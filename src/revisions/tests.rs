use serde_json::json;

use super::*;
use crate::inputs::{SetArgument, SetKind};

fn revision(replicas: u32) -> Revision {
    let set = format!("apiserver.replicaCount={replicas}");
    let mut instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
    instance.values.sets = vec![SetArgument::new(SetKind::Set, set)];
    let values = json!({"apiserver": {"replicaCount": replicas}});
    Revision::new(instance, values, None)
}

fn failed() -> Outcome {
    Outcome::Failed {
        code: 61,
        reason: "apiserver keeps ending".into(),
    }
}

/// 1 ready, 2 ready, 3 failed.
fn history() -> History {
    let mut history = History::default();
    for (replicas, outcome) in [(1, Outcome::Ready), (2, Outcome::Ready), (3, failed())] {
        let (number, _) = history.start(revision(replicas));
        history.finish(number, outcome);
    }
    history
}

#[test]
fn the_same_values_and_release_are_no_new_revision() {
    let mut history = history();
    let before = history.clone();
    assert_eq!(history.start(revision(3)), (3, false));
    assert_eq!(history, before);
    assert_eq!(history.start(revision(1)), (4, false));
    history.finish(4, Outcome::Ready);
    assert_eq!(history.start(revision(1)), (4, true));
}

#[test]
fn a_number_that_no_revision_can_have_is_not_exceeded() {
    let mut history = History::default();
    history.insert(Revision {
        number: u32::MAX,
        ..revision(1)
    });
    assert_eq!(history.start(revision(2)), (u32::MAX, false));
    assert_eq!(history.entries(true).len(), 1);
}

#[test]
fn a_good_revision_stays_good_and_an_unfinished_one_was_interrupted() {
    let mut history = history();
    history.finish(2, failed());
    assert_eq!(history.target(None).unwrap().number, 2);
    history.start(revision(4));
    history.start(revision(5));
    let results: Vec<&str> = history.entries(true).iter().map(|e| e.result).collect();
    assert_eq!(
        results,
        [
            "superseded",
            "superseded",
            "failed",
            "interrupted",
            "running"
        ]
    );
    assert_eq!(history.entries(false)[4].result, "interrupted");
}

#[test]
fn rollback_finds_the_last_good_revision_or_reports_that_there_is_none() {
    let history = history();
    assert_eq!(history.target(None).unwrap().number, 2);
    assert_eq!(history.target(Some(1)).unwrap().number, 1);
    assert_eq!(
        history.target(Some(7)).unwrap_err().to_string(),
        "revision 7 does not exist: revisions 1 to 3 are kept"
    );
    let mut first = History::default();
    assert_eq!(
        first.target(None).unwrap_err().to_string(),
        "cannot roll back: nothing was installed yet"
    );
    first.start(revision(1));
    assert_eq!(
        first.target(None).unwrap_err().to_string(),
        "cannot roll back: no revision before 1 was ready"
    );
}

#[test]
fn entries_list_the_changes() {
    let entries = history().entries(false);
    assert_eq!(entries[0].changes, None);
    let changes = entries[1].changes.as_ref().unwrap();
    assert_eq!(changes[0].to_string(), "apiserver.replicaCount: 1 → 2");
    assert_eq!(entries[2].reason.as_deref(), Some("apiserver keeps ending"));
    assert!(entries[2].current);
}
