//! The changes that an `up` would make, as a unified diff or as JSON.

use std::path::Path;

use serde_json::{Value, json};
use similar::TextDiff;

use super::Paint;
use crate::hint::ours;
use crate::kube::{Compared, PlannedChange};
use crate::settings::non_default;
use crate::words;
use crate::yaml;

#[derive(Debug, Clone, PartialEq)]
pub struct ChangesView {
    pub name: String,
    /// `cluster`, `nothing` if there is no cluster, or `unknown` if it is unavailable.
    pub against: &'static str,
    /// Why the cluster is unavailable.
    pub unavailable: Option<String>,
    /// The location of the data, if it would be created.
    pub data_dir: Option<String>,
    /// Why the node would be recreated.
    pub node: Vec<String>,
    /// Objects that cannot be changed in place.
    pub planned: Vec<PlannedChange>,
    /// Objects that would change.
    pub objects: Vec<Compared>,
    /// The target, if this is a rollback.
    pub back_to: Option<u32>,
}

impl ChangesView {
    fn has_changes(&self) -> bool {
        !(self.node.is_empty() && self.planned.is_empty() && self.objects.is_empty())
    }
}

pub(super) fn to_json(view: &ChangesView) -> Value {
    let objects = view.objects.iter().map(|one| {
        json!({
            "kind": one.kind,
            "name": one.name,
            "namespace": one.namespace,
            "change": change(one),
            "before": one.before,
            "after": one.after,
        })
    });
    json!({
        "against": view.against,
        "unasked": view.unavailable,
        "changed": view.has_changes(),
        "backTo": view.back_to,
        "dataDir": view.data_dir,
        "node": view.node,
        "planned": view.planned,
        "objects": objects.collect::<Vec<Value>>(),
    })
}

fn change(compared: &Compared) -> &'static str {
    match (&compared.before, &compared.after) {
        (None, _) => "created",
        (_, None) => "removed",
        _ => "changed",
    }
}

/// Returns the human-readable changes; empty if nothing would change.
pub(super) fn text(view: &ChangesView, paint: Paint, home: Option<&Path>) -> String {
    let mut text = String::new();
    let mut plans: Vec<String> = Vec::new();
    if !view.node.is_empty() {
        let why = view.node.join("; ");
        plans.push(format!(
            "the node is recreated, its data and images are kept: {why}"
        ));
    }
    plans.extend(view.planned.iter().map(PlannedChange::to_string));
    if !plans.is_empty() {
        text.push_str(&paint.strong("Cannot be changed in place:"));
        text.push('\n');
        for plan in &plans {
            text.push_str(&format!("  {} {plan}\n", paint.caution("!")));
        }
        text.push('\n');
    }
    if let Some(place) = &view.data_dir {
        let place = words::path(Path::new(place), home);
        text.push_str(&paint.good(&format!("+ data directory {place}")));
        text.push('\n');
    }
    for one in &view.objects {
        if view.against == "nothing" {
            let line = format!("+ {}/{}", one.kind, one.name);
            text.push_str(&paint.good(&line));
            text.push('\n');
        } else {
            unified(one, paint, &mut text);
        }
    }
    text
}

fn unified(one: &Compared, paint: Paint, text: &mut String) {
    let name = format!("{}/{}", one.kind, one.name);
    let yaml = |side: &Option<Value>| side.as_ref().map(yaml::to_string).unwrap_or_default();
    let header = |side: &Option<Value>| side.as_ref().map_or("/dev/null", |_| name.as_str());
    let (before, after) = (yaml(&one.before), yaml(&one.after));
    let diff = TextDiff::from_lines(&before, &after);
    let diff = diff
        .unified_diff()
        .context_radius(3)
        .header(header(&one.before), header(&one.after))
        .to_string();
    for line in diff.lines() {
        let line = words::safe(line);
        let painted = match line.as_bytes() {
            [b'-', b'-', b'-', ..] | [b'+', b'+', b'+', ..] => paint.strong(&line),
            [b'@', ..] => paint.accent(&line),
            [b'+', ..] => paint.good(&line),
            [b'-', ..] => paint.bad(&line),
            _ => line,
        };
        text.push_str(&painted);
        text.push('\n');
    }
}

/// Returns a summary sentence.
pub(super) fn sentence(view: &ChangesView) -> String {
    let summary = summary(view);
    match view.back_to {
        Some(number) => format!("Rollback to revision {number}. {summary}"),
        None => summary,
    }
}

fn summary(view: &ChangesView) -> String {
    match view.against {
        "unknown" => {
            let why = view
                .unavailable
                .as_deref()
                .unwrap_or("the cluster does not answer");
            return format!("Cannot compare with the cluster: {why}.");
        }
        "nothing" => {
            return format!(
                "There is no cluster yet: {} would be created. Print the manifests: {}",
                words::count(view.objects.len() as u64, "object"),
                ours!(Render).of(non_default(&view.name))
            );
        }
        _ if !view.has_changes() => return "Nothing would change.".into(),
        _ => {}
    }
    let count = |action: &str| view.objects.iter().filter(|o| change(o) == action).count();
    let counts = [
        (count("changed"), "to change"),
        (count("created"), "to create"),
        (count("removed"), "to remove"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, action)| format!("{count} {action}"))
        .collect();
    if parts.is_empty() {
        return "No objects to change.".into();
    }
    format!("Objects: {}.", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::Action;
    use crate::options::{Format, OutputOptions};
    use crate::ui::fixtures::{output, policy, without_progress};

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
}
