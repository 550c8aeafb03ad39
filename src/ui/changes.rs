//! What an `up` would change: for people as a unified diff, for programs as JSON.

use std::path::Path;

use serde_json::{Value, json};
use similar::TextDiff;

use super::Paint;
use crate::hint::ours;
use crate::kube::{Compared, Planned};
use crate::settings::to_type;
use crate::words;
use crate::yaml;

#[derive(Debug, Clone, PartialEq)]
pub struct ChangesView {
    /// The instance.
    pub name: String,
    /// `cluster`, `nothing` where there is none, or `unknown` where it cannot be asked.
    pub against: &'static str,
    pub unasked: Option<String>,
    /// The place for the data, where it would be created.
    pub data_dir: Option<String>,
    pub node: Vec<String>,
    pub planned: Vec<Planned>,
    pub objects: Vec<Compared>,
    /// The revision that would be gone back to.
    pub back_to: Option<u32>,
}

impl ChangesView {
    fn differs(&self) -> bool {
        !(self.node.is_empty() && self.planned.is_empty() && self.objects.is_empty())
    }
}

/// For programs.
pub(super) fn value(view: &ChangesView) -> Value {
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
        "unasked": view.unasked,
        "changed": view.differs(),
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

/// For people; empty where nothing would change.
pub(super) fn text(view: &ChangesView, paint: Paint, home: Option<&Path>) -> String {
    let mut text = String::new();
    let mut plans: Vec<String> = Vec::new();
    if !view.node.is_empty() {
        let why = view.node.join("; ");
        plans.push(format!(
            "the node is recreated, its data and images are kept: {why}"
        ));
    }
    plans.extend(view.planned.iter().map(Planned::to_string));
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

/// What it comes to, in words.
pub(super) fn sentence(view: &ChangesView) -> String {
    let counted = counted(view);
    match view.back_to {
        Some(number) => format!("Rollback to revision {number}. {counted}"),
        None => counted,
    }
}

fn counted(view: &ChangesView) -> String {
    match view.against {
        "unknown" => {
            let why = view
                .unasked
                .as_deref()
                .unwrap_or("the cluster does not answer");
            return format!("Cannot compare with the cluster: {why}.");
        }
        "nothing" => {
            return format!(
                "There is no cluster yet: {} would be created. Print the manifests: {}",
                words::count(view.objects.len() as u64, "object"),
                ours!(Render).of(to_type(&view.name))
            );
        }
        _ if !view.differs() => return "Nothing would change.".into(),
        _ => {}
    }
    let count = |what: &str| view.objects.iter().filter(|o| change(o) == what).count();
    let counts = [
        (count("changed"), "to change"),
        (count("created"), "to create"),
        (count("removed"), "to remove"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if told.is_empty() {
        return "No objects to change.".into();
    }
    format!("Objects: {}.", told.join(", "))
}
