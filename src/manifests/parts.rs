//! Parts of the context of templates.

use serde_json::{Value, json};

use super::{Inputs, claims};
use crate::values::{Claim, Image, Pods};

/// Merges two maps; the second takes precedence.
pub(super) fn merge(mut one: Value, other: Value) -> Value {
    if let (Value::Object(one), Value::Object(other)) = (&mut one, other) {
        one.extend(other);
    }
    one
}

fn image(image: &Image) -> Value {
    json!({
        "reference": image.reference,
        "pull_policy": image.pull_policy,
    })
}

/// Returns the context for the pods of a component.
pub(super) fn pods(pods: &Pods) -> Value {
    json!({
        "image": image(&pods.image),
        "resources": pods.resources,
        "extra_envs": pods.extra_envs,
    })
}

pub(super) fn claim(inputs: &Inputs<'_>, claim: &Claim) -> Value {
    json!({
        "enabled": claim.enabled,
        "size": claim.size,
        "class": claims::class(inputs, claim),
        "access_modes": claim.access_modes,
    })
}
