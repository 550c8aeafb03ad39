//! The checks: pure functions of what was observed and of the rendered objects.

mod claims;
mod ingress;
mod owners;
mod ports;
mod quotas;
mod rights;
mod room;
mod security;
mod storage;
mod version;
mod workloads;

use serde_json::Value;

use self::workloads::Workload;
use super::facts::Facts;
use crate::failures::Failure;
use crate::hint::Hint;
use crate::preflight::Finding;
use crate::provider::Checked;
use crate::settings::ClusterSettings;

pub(super) struct Input<'a> {
    pub(super) facts: &'a Facts,
    /// The objects that are applied.
    pub(super) objects: &'a [Value],
    pub(super) instance: &'a str,
    pub(super) place: &'a ClusterSettings,
}

pub(super) fn check(input: &Input<'_>) -> Checked {
    let mut report = Checked::default();
    let workloads: Vec<Workload> = input.objects.iter().filter_map(Workload::of).collect();
    version::check(input, &mut report);
    rights::check(input, &mut report);
    owners::check(input, &mut report);
    storage::check(input, &mut report);
    ingress::check(input, &mut report);
    ports::check(input, &mut report);
    room::check(input, &workloads, &mut report);
    security::check(input, &workloads, &mut report);
    quotas::check(input, &workloads, &mut report);
    report
}

impl Checked {
    fn find(&mut self, failure: Failure, what: String, remedies: Vec<Hint>) {
        self.findings.push(Finding {
            what,
            remedies,
            failure,
        });
    }

    fn warn(&mut self, text: impl Into<String>) {
        self.warnings.push(text.into());
    }
}

impl Input<'_> {
    /// Returns whether an object with the kind and name of this one exists.
    fn exists(&self, kind: &str, name: &str) -> bool {
        let live = &self.facts.live;
        live.iter()
            .any(|live| text(live, "/kind") == kind && text(live, "/metadata/name") == name)
    }

    fn of_kind<'b>(&'b self, kind: &'b str) -> impl Iterator<Item = &'b Value> {
        let objects = self.objects.iter();
        objects.filter(move |object| text(object, "/kind") == kind)
    }
}

/// Returns a text of an object; empty if it has none.
fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

/// Returns names in backticks, for a list in a message.
fn ticked(names: impl IntoIterator<Item = impl std::fmt::Display>) -> Vec<String> {
    let names = names.into_iter();
    names.map(|name| format!("`{name}`")).collect()
}

#[cfg(test)]
mod tests;
