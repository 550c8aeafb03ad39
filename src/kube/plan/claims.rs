//! Plans claims, which are immutable, except that some classes allow them to grow.

use std::cmp::Ordering;

use serde_json::Value;

use super::fields::{change, covers};
use super::{Action, ImpossibleChange, PlannedChange, find, name, of_kind, text};
use crate::quantity::bytes;

const CLAIM: &str = "PersistentVolumeClaim";

const SIZE: &str = "/spec/resources/requests/storage";
const CLASS: &str = "/spec/storageClassName";
const MODES: &str = "/spec/accessModes";

/// The most pods of a StatefulSet whose claims are considered. No server has more, and a damaged
/// answer may have any number.
const MOST: u64 = 100;

/// Returns the claims that Kubernetes creates for the pods of a StatefulSet, each with its
/// template. One that is scaled to 0 pods keeps those of its first pod.
pub(crate) fn claims_of_pods(set: &Value) -> impl Iterator<Item = (String, &Value)> {
    let spec = &set["spec"];
    let pods = spec["replicas"].as_u64().unwrap_or(1).clamp(1, MOST);
    let templates = spec["volumeClaimTemplates"].as_array();
    templates.into_iter().flatten().flat_map(move |template| {
        (0..pods).map(move |pod| {
            let claim = format!("{}-{}-{pod}", name(template), name(set));
            (claim, template)
        })
    })
}

/// A claim that is recreated.
pub(super) struct Rebound {
    /// The existing claim.
    pub(super) claim: String,
    pub(super) planned: PlannedChange,
}

/// Plans the claims that must be rebound.
pub(super) fn rebound(
    live: &[Value],
    rendered: &[Value],
) -> Result<Vec<Rebound>, ImpossibleChange> {
    let mut rebound = Vec::new();
    for wanted in of_kind(rendered, CLAIM) {
        let Some(existing) = existing(live, rendered, wanted) else {
            continue;
        };
        let why = differences(existing, wanted);
        if why.is_empty() {
            continue;
        }
        match retained_volume(live, rendered, existing, wanted) {
            Some(volume) => rebound.push(Rebound {
                claim: name(existing).to_owned(),
                planned: PlannedChange::new(
                    existing,
                    Action::Rebind {
                        volume: volume.to_owned(),
                        claim: name(wanted).to_owned(),
                    },
                    why,
                ),
            }),
            None if !is_bound(existing) => rebound.push(Rebound {
                claim: name(existing).to_owned(),
                planned: PlannedChange::new(existing, Action::Recreate, why),
            }),
            None if grows(live, existing, wanted) => {}
            None => {
                let class = text(existing, CLASS);
                let reason = match changes_size(existing, wanted) {
                    Some(Ordering::Greater) => {
                        format!("the class `{class}` does not allow volumes to grow")
                    }
                    Some(_) => "a volume cannot shrink".to_owned(),
                    None => format!(
                        "the class `{class}` provisioned its volume, and its data would be left \
                         behind"
                    ),
                };
                return Err(ImpossibleChange {
                    claim: name(existing).to_owned(),
                    why: format!("{}; {reason}", why.join(", ")),
                });
            }
        }
    }
    Ok(rebound)
}

/// Returns the live claim that a rendered one replaces: the one with its name, otherwise
/// the one that is bound to its volume.
fn existing<'a>(live: &'a [Value], rendered: &[Value], wanted: &Value) -> Option<&'a Value> {
    find(live, CLAIM, name(wanted)).or_else(|| {
        let volume = text(wanted, "/spec/volumeName");
        of_kind(live, CLAIM).find(|claim| {
            let is_rendered = find(rendered, CLAIM, name(claim)).is_some();
            !volume.is_empty() && text(claim, "/spec/volumeName") == volume && !is_rendered
        })
    })
}

fn differences(existing: &Value, wanted: &Value) -> Vec<String> {
    let field = |object: &Value, pointer: &str| object.pointer(pointer).cloned();
    let mut why = Vec::new();
    if name(existing) != name(wanted) {
        why.push(format!("its name changes to {}", name(wanted)));
    }
    let fields = [
        ("size", SIZE),
        ("class", CLASS),
        ("access", MODES),
        ("volume", "/spec/volumeName"),
    ];
    for (what, pointer) in fields {
        // The server has set fields that are not rendered.
        let Some(rendered) = field(wanted, pointer) else {
            continue;
        };
        let current = field(existing, pointer).unwrap_or_default();
        if !covers(&current, &rendered) {
            why.push(change(what, &current, &rendered));
        }
    }
    why
}

/// Returns the volume with the data before and after the change, if it is one of ours
/// that is retained without its claim.
fn retained_volume<'a>(
    live: &[Value],
    rendered: &'a [Value],
    existing: &Value,
    wanted: &'a Value,
) -> Option<&'a str> {
    const VOLUME: &str = "PersistentVolume";
    const PATH: &str = "/spec/hostPath/path";
    let (previous, volume) = (
        text(existing, "/spec/volumeName"),
        text(wanted, "/spec/volumeName"),
    );
    let ours = find(rendered, VOLUME, volume)?;
    let kept = |object: &Value| text(object, "/spec/persistentVolumeReclaimPolicy") == "Retain";
    // A claim that was never bound has no data.
    if previous == volume || previous.is_empty() {
        return Some(volume);
    }
    let previous = find(live, VOLUME, previous)?;
    let same = !text(ours, PATH).is_empty() && text(previous, PATH) == text(ours, PATH);
    (same && kept(previous)).then_some(volume)
}

/// Returns whether the claim has a volume. A claim that waits for one has no data.
fn is_bound(claim: &Value) -> bool {
    !text(claim, "/spec/volumeName").is_empty()
}

/// Returns how the size changes, if nothing else does.
fn changes_size(existing: &Value, wanted: &Value) -> Option<Ordering> {
    let mut resized = existing.clone();
    if let (Some(size), Some(wanted)) = (resized.pointer_mut(SIZE), wanted.pointer(SIZE)) {
        *size = wanted.clone();
    }
    let size = |claim: &Value| bytes(text(claim, SIZE));
    let order = size(wanted)?.partial_cmp(&size(existing)?)?;
    differences(&resized, wanted).is_empty().then_some(order)
}

/// Returns whether the only change is that the claim grows, and its class allows it. If no
/// classes may be read, the server checks this.
fn grows(live: &[Value], existing: &Value, wanted: &Value) -> bool {
    let class = find(live, "StorageClass", text(existing, CLASS));
    let unknown = of_kind(live, "StorageClass").next().is_none();
    let may_grow = unknown || class.is_some_and(|class| class["allowVolumeExpansion"] == true);
    may_grow && changes_size(existing, wanted) == Some(Ordering::Greater)
}
