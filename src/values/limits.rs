//! What the profile of the machine chose gives way to what the user chose, where both
//! do not fit one another.

use serde_json::{Value, json};

use super::kind;
use super::overrides::Overrides;
use crate::component::Component;
use crate::profile::Profile;
use crate::quantity::{bytes, java_bytes};

const MIB: f64 = (1 << 20) as f64;

/// Changes requests, limits and the heap that the user did not choose.
pub(super) fn give_way(tree: &mut Value, overrides: &Overrides, profile: &Profile) {
    let sets = |path: &[&str]| overrides.has(path);
    for component in Component::ALL {
        let name = component.name();
        for what in ["cpu", "memory"] {
            let ours = |kind: &str| !sets(&[name, "resources", kind, what]);
            let amount = |kind: &str| tree[name]["resources"][kind][what].clone();
            let (request, limit) = (amount("requests"), amount("limits"));
            let (Some(asked), Some(limited)) = (size(&request), size(&limit)) else {
                continue;
            };
            // Less than 1 MiB is a slip of the unit, which is told.
            if asked <= limited || (what == "memory" && limited < MIB) {
                continue;
            }
            if ours("requests") {
                tree[name]["resources"]["requests"][what] = limit;
            } else if ours("limits") {
                tree[name]["resources"]["limits"][what] = request;
            }
        }
    }
    heap(tree, &sets, profile);
}

fn size(amount: &Value) -> Option<f64> {
    kind::text(amount).as_deref().and_then(bytes)
}

/// Elasticsearch's heap is half of its limit, as in every profile.
fn heap(tree: &mut Value, sets: &dyn Fn(&[&str]) -> bool, profile: &Profile) {
    let elastic = &mut tree["elasticsearch"];
    let Some(options) = kind::text(&elastic["esJavaOpts"]) else {
        return;
    };
    let heap = heap_of(&options).and_then(java_bytes);
    let limit = size(&elastic["resources"]["limits"]["memory"]);
    let (Some(heap), Some(limit)) = (heap, limit) else {
        return;
    };
    if heap < limit {
        return;
    }
    if !sets(&["elasticsearch", "resources", "limits", "memory"]) {
        elastic["resources"]["limits"]["memory"] = json!(format!("{:.0}Mi", 2.0 * heap / MIB));
    } else if !sets(&["elasticsearch", "esJavaOpts"]) {
        let fitting = format!("{:.0}m", (limit / 2.0 / MIB).floor());
        elastic["esJavaOpts"] = json!(profile.java_options_with(&fitting));
    }
}

/// The heap's size in Java's options: the last one counts.
pub(super) fn heap_of(options: &str) -> Option<&str> {
    let options = options.split_whitespace();
    options
        .filter_map(|option| option.strip_prefix("-Xmx"))
        .next_back()
}
