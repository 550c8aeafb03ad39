//! The version of Kubernetes.

use super::{Checked, Input};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::version;

/// The oldest minor version of Kubernetes 1 that has everything that is applied: it
/// enforces pod security levels.
const OLDEST: u64 = 25;
/// The minor versions that the types of the client are made for.
const KNOWN: std::ops::RangeInclusive<u64> = 33..=37;
/// The minor version that the tests run on.
const TESTED: u64 = 37;

pub(super) fn check(input: &Input<'_>, report: &mut Checked) {
    let version = &input.facts.survey.version;
    let (oldest, newest) = (KNOWN.start(), KNOWN.end());
    let parsed = version::parse(version).filter(|version| version.major == 1);
    match parsed.map(|version| version.minor) {
        Some(minor) if minor < OLDEST => report.find(
            Failure::KubernetesTooOld,
            format!("Kubernetes {version} is too old: it must be 1.{OLDEST} or later"),
            vec![Hint::text("update the cluster, or use another one")],
        ),
        Some(minor) if KNOWN.contains(&minor) => {}
        _ => report.warn(format!(
            "Kubernetes {version} is not a known version: 1.{oldest} to 1.{newest} are known, and \
             1.{TESTED} is tested"
        )),
    }
}
