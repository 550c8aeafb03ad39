//! Claims: nothing in them can be changed, but that some classes let them grow.

use serde_json::Value;

use super::fields::{becomes, covers};
use super::{How, Impossible, Planned, find, name, of_kind, text};
use crate::quantity::bytes;

const CLAIM: &str = "PersistentVolumeClaim";

const SIZE: &str = "/spec/resources/requests/storage";
const CLASS: &str = "/spec/storageClassName";
const MODES: &str = "/spec/accessModes";

/// A claim that is made again.
pub(super) struct Rebound {
    /// The claim that is there.
    pub(super) claim: String,
    pub(super) planned: Planned,
}

/// The claims that are to be bound again.
pub(super) fn rebound(live: &[Value], rendered: &[Value]) -> Result<Vec<Rebound>, Impossible> {
    let mut rebound = Vec::new();
    for wanted in of_kind(rendered, CLAIM) {
        let Some(holder) = holder(live, rendered, wanted) else {
            continue;
        };
        let why = differences(holder, wanted);
        if why.is_empty() {
            continue;
        }
        match volume_kept(live, rendered, holder, wanted) {
            Some(volume) => rebound.push(Rebound {
                claim: name(holder).to_owned(),
                planned: Planned::new(
                    holder,
                    How::BoundAgain {
                        volume: volume.to_owned(),
                        claim: name(wanted).to_owned(),
                    },
                    why,
                ),
            }),
            None if grows(live, holder, wanted) => {}
            None => {
                return Err(Impossible {
                    claim: name(holder).to_owned(),
                    why: format!(
                        "{}; the class `{}` provisioned its volume, and its data would be left \
                         behind",
                        why.join(", "),
                        text(holder, CLASS)
                    ),
                });
            }
        }
    }
    Ok(rebound)
}

/// The live claim that a rendered one takes the place of: that of its name, else the
/// one that is bound to its volume.
fn holder<'a>(live: &'a [Value], rendered: &[Value], wanted: &Value) -> Option<&'a Value> {
    find(live, CLAIM, name(wanted)).or_else(|| {
        let volume = text(wanted, "/spec/volumeName");
        of_kind(live, CLAIM).find(|claim| {
            let is_rendered = find(rendered, CLAIM, name(claim)).is_some();
            !volume.is_empty() && text(claim, "/spec/volumeName") == volume && !is_rendered
        })
    })
}

fn differences(holder: &Value, wanted: &Value) -> Vec<String> {
    let field = |object: &Value, pointer: &str| object.pointer(pointer).cloned();
    let mut why = Vec::new();
    if name(holder) != name(wanted) {
        why.push(format!("its name changes to {}", name(wanted)));
    }
    let fields = [
        ("size", SIZE),
        ("class", CLASS),
        ("access", MODES),
        ("volume", "/spec/volumeName"),
    ];
    for (what, pointer) in fields {
        // What is not rendered was filled in by the server.
        let Some(rendered) = field(wanted, pointer) else {
            continue;
        };
        let is = field(holder, pointer).unwrap_or_default();
        if !covers(&is, &rendered) {
            why.push(becomes(what, &is, &rendered));
        }
    }
    why
}

/// The volume that holds the data before and after, where that is known: it is one of
/// ours, kept when its claim goes.
fn volume_kept<'a>(
    live: &[Value],
    rendered: &'a [Value],
    holder: &Value,
    wanted: &'a Value,
) -> Option<&'a str> {
    const VOLUME: &str = "PersistentVolume";
    const PATH: &str = "/spec/hostPath/path";
    let (former, volume) = (
        text(holder, "/spec/volumeName"),
        text(wanted, "/spec/volumeName"),
    );
    let ours = find(rendered, VOLUME, volume)?;
    let kept = |object: &Value| text(object, "/spec/persistentVolumeReclaimPolicy") == "Retain";
    // A claim that was never bound has nothing to leave behind.
    if former == volume || former.is_empty() {
        return Some(volume);
    }
    let former = find(live, VOLUME, former)?;
    let same = !text(ours, PATH).is_empty() && text(former, PATH) == text(ours, PATH);
    (same && kept(former)).then_some(volume)
}

/// Whether all that changes is that the claim grows, and its class lets it.
fn grows(live: &[Value], holder: &Value, wanted: &Value) -> bool {
    let mut grown = holder.clone();
    if let (Some(size), Some(wanted)) = (grown.pointer_mut(SIZE), wanted.pointer(SIZE)) {
        *size = wanted.clone();
    }
    let size = |claim: &Value| bytes(text(claim, SIZE));
    let class = find(live, "StorageClass", text(holder, CLASS));
    let may_grow = class.is_some_and(|class| class["allowVolumeExpansion"] == true);
    may_grow && size(wanted) > size(holder) && differences(&grown, wanted).is_empty()
}
