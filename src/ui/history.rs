//! The history: one line for each revision, oldest first, followed by its changes.

use super::table::{self, Cell};
use super::{Paint, Policy};
use crate::revisions::Entry;
use crate::words;

/// How many changes of a revision are shown.
const MAX_CHANGES: usize = 12;

pub(super) fn text(entries: &[Entry], policy: &Policy) -> String {
    let paint = Paint::new(policy.stdout_colour);
    let rows: Vec<Vec<Cell>> = entries.iter().map(|entry| row(entry, paint)).collect();
    let lines = table::lines(&rows, "", None);
    let mut text = String::new();
    for (line, entry) in lines.iter().zip(entries) {
        text.push_str(line);
        text.push('\n');
        for detail in details(entry) {
            text.push_str(&format!("     {}\n", words::one_line(&detail)));
        }
    }
    text
}

fn row(entry: &Entry, paint: Paint) -> Vec<Cell> {
    let number = words::right(&entry.revision.to_string(), 3);
    let at = entry.at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let result = match (entry.result, entry.code) {
        ("failed", Some(code)) => format!("failed ({code})"),
        (result, _) => result.to_owned(),
    };
    let painted = |text: &str| match entry.result {
        "ready" => paint.good(text),
        "failed" => paint.bad(text),
        "interrupted" | "running" => paint.caution(text),
        _ => paint.quiet(text),
    };
    let note = match entry.back_to {
        Some(number) => format!("rollback to {number}"),
        None => String::new(),
    };
    vec![
        Cell::painted(number, |text| paint.strong(text)),
        Cell::new(at),
        Cell::new(format!("release {}", entry.release)),
        Cell::painted(result, painted),
        Cell::new(note),
    ]
}

/// Returns the reason of a failure, then the changes.
fn details(entry: &Entry) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    lines.extend(entry.reason.clone());
    let changes = entry.changes.as_deref().unwrap_or_default();
    lines.extend(changes.iter().take(MAX_CHANGES).map(ToString::to_string));
    if changes.len() > MAX_CHANGES {
        let more = changes.len() - MAX_CHANGES;
        lines.push(format!("and {}", words::count(more as u64, "more value")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::revisions::ValueChange;
    use crate::ui::fixtures::{output, policy, without_progress};

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
}
