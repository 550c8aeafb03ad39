//! The claims of the rendered objects, also those that StatefulSets create.

use serde_json::Value;

use super::{Input, name};
use crate::kube::claims_of_pods;
use crate::quantity::bytes;

pub(super) struct Claim {
    pub(super) name: String,
    /// `None` for the default class; empty for volumes that an administrator creates.
    pub(super) class: Option<String>,
    /// In bytes.
    pub(super) size: f64,
}

impl Claim {
    fn new(name: String, spec: &Value) -> Claim {
        let size = spec["resources"]["requests"]["storage"].as_str();
        Claim {
            name,
            class: spec["storageClassName"].as_str().map(str::to_owned),
            size: size.and_then(bytes).unwrap_or_default(),
        }
    }
}

/// Returns all claims, each once.
pub(super) fn claims(input: &Input<'_>) -> Vec<Claim> {
    let rendered = input.of_kind("PersistentVolumeClaim");
    let mut all: Vec<Claim> = rendered
        .map(|claim| Claim::new(name(claim).to_owned(), &claim["spec"]))
        .collect();
    for set in input.of_kind("StatefulSet") {
        for (claim, template) in claims_of_pods(set) {
            if !all.iter().any(|known| known.name == claim) {
                all.push(Claim::new(claim, &template["spec"]));
            }
        }
    }
    all
}
