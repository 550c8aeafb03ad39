//! Each finding from the statuses and messages of a real Kubernetes 1.37 node, as far as
//! they could be provoked.

mod logs;
mod placement;
mod runs;

use serde_json::Value;

use super::fixtures::{pod, seen};
use super::{Cause, ComponentObservation, Finding, diagnose};
use crate::component::Component;
use crate::error::Code;
use crate::hint::Hint;

pub(super) fn with_status(component: Component, status: Value) -> ComponentObservation {
    seen(component, vec![pod(status)], Vec::new())
}

pub(super) fn find(seen: &ComponentObservation) -> Finding {
    diagnose(seen, &[]).expect("a finding")
}

#[track_caller]
pub(super) fn assert_finding(finding: &Finding, kind: Cause, code: Code, heals: bool) {
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
