//! Changes that `up` would make, and the history.

use jiff::Timestamp;
use serde_json::json;

use super::{output, policy, without_progress};
use crate::kube::{Action, Compared, PlannedChange};
use crate::options::{Format, OutputOptions};
use crate::revisions::{Entry, ValueChange};
use crate::ui::ChangesView;

fn compared(kind: &str, before: Option<u32>, after: Option<u32>) -> Compared {
    let side = |replicas: Option<u32>| {
        replicas.map(|replicas| {
            json!({"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "clearml-web"},
                "spec": {"replicas": replicas, "\u{1b}[2Jescape": "x"}})
        })
    };
    Compared {
        kind: kind.into(),
        name: "clearml-web".into(),
        namespace: Some("clearml".into()),
        before: side(before),
        after: side(after),
    }
}

fn view() -> ChangesView {
    ChangesView {
        name: "demo".into(),
        against: "cluster",
        unavailable: None,
        data_dir: None,
        node: vec!["--web-port changes from 30080 to 8080".into()],
        planned: vec![PlannedChange {
            kind: "PersistentVolumeClaim".into(),
            name: "clearml-mongodb".into(),
            namespace: Some("clearml".into()),
            how: Action::Rebind {
                volume: "clearml-mongodb".into(),
                claim: "clearml-mongodb".into(),
            },
            why: "size changes from 50Gi to 60Gi".into(),
        }],
        objects: vec![
            compared("Deployment", Some(1), Some(2)),
            compared("ConfigMap", None, Some(1)),
            compared("Service", Some(1), None),
        ],
        back_to: None,
    }
}

#[test]
fn changes() {
    let (output, out, err) = output(policy(without_progress(), true, Some(80)));
    output.changes(&view(), None).unwrap();
    insta::assert_snapshot!(format!("{}\n{}", out.text(), err.text()));
}

#[test]
fn changes_without_colour() {
    let printed = |view: ChangesView| {
        let (output, out, err) = output(policy(without_progress(), false, None));
        output.changes(&view, None).unwrap();
        out.text() + &err.text()
    };
    let nothing = ChangesView {
        node: Vec::new(),
        planned: Vec::new(),
        objects: Vec::new(),
        ..view()
    };
    let new = ChangesView {
        against: "nothing",
        data_dir: Some("/srv/my data".into()),
        objects: vec![compared("ConfigMap", None, Some(1))],
        ..nothing.clone()
    };
    let unknown = ChangesView {
        against: "unknown",
        unavailable: Some("the node is stopped".into()),
        ..nothing.clone()
    };
    assert_eq!(printed(nothing), "Nothing would change.\n");
    insta::assert_snapshot!(printed(new) + &printed(unknown));
}

#[test]
fn changes_as_json() {
    let json = OutputOptions {
        format: Format::Json,
        ..OutputOptions::default()
    };
    let (output, out, _) = output(policy(json, false, None));
    output.changes(&view(), Some("dry-run")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
    assert_eq!(
        (out.text().lines().count(), &line["event"]),
        (1, &json!("dry-run"))
    );
    assert_eq!(line["planned"][0]["how"], "rebind");
    let changes = line["objects"].as_array().unwrap().iter();
    let changes: Vec<_> = changes.map(|one| one["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["changed", "created", "removed"]);
}

#[test]
fn history() {
    let at: Timestamp = "2026-02-03T12:00:00Z".parse().unwrap();
    let entry = |revision, result, changes: &[(&str, &str, &str)]| Entry {
        revision,
        at,
        release: "1.5.0".into(),
        program: "0.1.0".into(),
        result,
        reason: None,
        code: None,
        back_to: None,
        current: result == "ready",
        changes: Some(
            changes
                .iter()
                .map(|(key, old, new)| ValueChange {
                    key: (*key).into(),
                    old: Some((*old).into()),
                    new: Some((*new).into()),
                })
                .collect(),
        ),
    };
    let failed = Entry {
        reason: Some("apiserver cannot be scheduled on the node".into()),
        code: Some(64),
        ..entry(9, "failed", &[("apiserver.replicaCount", "1", "2")])
    };
    let back = Entry {
        back_to: Some(8),
        ..entry(10, "ready", &[("apiserver.replicaCount", "2", "1")])
    };
    let (output, out, _) = output(policy(without_progress(), true, Some(80)));
    let entries = [entry(8, "superseded", &[]), failed, back];
    output.history(&entries).unwrap();
    insta::assert_snapshot!(out.text());
}
