//! Each finding from what a real API server says: the statuses and messages of a
//! Kubernetes 1.37 node, where they could be provoked.

mod placed;
mod runs;
mod told;

use serde_json::Value;

use super::fixtures::{pod, seen};
use super::{Cause, ComponentObservation, Finding, diagnose};
use crate::component::Component;
use crate::error::Code;
use crate::hint::Hint;

pub(super) fn one(component: Component, status: Value) -> ComponentObservation {
    seen(component, vec![pod(status)], Vec::new())
}

pub(super) fn find(seen: &ComponentObservation) -> Finding {
    diagnose(seen, &[]).expect("a finding")
}

#[track_caller]
pub(super) fn is(finding: &Finding, kind: Cause, code: Code, heals: bool) {
    assert_eq!(
        (finding.kind, finding.code, finding.heals),
        (kind, code, heals),
        "{finding:?}"
    );
    assert!(
        finding.cause.starts_with(finding.component.name()),
        "{finding:?}"
    );
    assert!(!finding.hints.is_empty(), "{finding:?}");
    for hint in finding.hints.iter().map(Hint::to_string) {
        assert!(!hint.contains("--purge") && !hint.contains("rm "), "{hint}");
    }
}
