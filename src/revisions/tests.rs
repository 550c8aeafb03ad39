use serde_json::json;

use super::*;
use crate::inputs::{SetArgument, SetKind};

fn revision(replicas: u32) -> Revision {
    let set = format!("apiserver.replicaCount={replicas}");
    let instance = Instance {
        sets: vec![SetArgument::new(SetKind::Set, set)],
        ..Instance::with_defaults(std::path::PathBuf::from("/data").into())
    };
    let values = json!({"apiserver": {"replicaCount": replicas}});
    Revision::new(instance, values, None)
}

fn failed() -> Ending {
    Ending::Failed {
        code: 61,
        reason: "apiserver keeps ending".into(),
    }
}

/// 1 ready, 2 ready, 3 failed.
fn history() -> History {
    let mut history = History::default();
    for (replicas, ending) in [(1, Ending::Ready), (2, Ending::Ready), (3, failed())] {
        let (number, _) = history.begin(revision(replicas));
        history.end(number, ending);
    }
    history
}

#[test]
fn the_same_choice_is_no_new_revision() {
    let mut history = history();
    let before = history.clone();
    assert_eq!(history.begin(revision(3)), (3, false));
    assert_eq!(history, before);
    assert_eq!(history.begin(revision(1)), (4, false));
    history.end(4, Ending::Ready);
    assert_eq!(history.begin(revision(1)), (4, true));
}

#[test]
fn what_was_good_stays_good_and_what_nobody_ended_was_interrupted() {
    let mut history = history();
    history.end(2, failed());
    assert_eq!(history.target(None).unwrap().number, 2);
    history.begin(revision(4));
    history.begin(revision(5));
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
fn rollback_finds_the_last_good_one_or_says_that_there_is_none() {
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
    first.begin(revision(1));
    assert_eq!(
        first.target(None).unwrap_err().to_string(),
        "cannot roll back: no revision before 1 was ready"
    );
}

#[test]
fn entries_say_what_changed() {
    let entries = history().entries(false);
    assert_eq!(entries[0].changes, None);
    let changes = entries[1].changes.as_ref().unwrap();
    assert_eq!(changes[0].to_string(), "apiserver.replicaCount: 1 → 2");
    assert_eq!(entries[2].reason.as_deref(), Some("apiserver keeps ending"));
    assert!(entries[2].current);
}
