//! Plans changes that Kubernetes cannot make in place, from the live and the rendered
//! objects, before anything is changed. Pure.

mod claims;
mod fields;
mod workloads;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use self::claims::Rebound;
pub(crate) use self::claims::claims_of_pods;

/// What is done with an object before the apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum Action {
    /// A workload is deleted with its pods, because another one uses its volume.
    DeleteWithItsPods,
    /// A workload is recreated after its pods have stopped.
    RecreateAfterItsPods,
    /// A workload has no pods while its claim is rebound.
    ScaleToZero,
    /// A claim is recreated, with the same or another name, and bound to the same volume.
    Rebind {
        /// The volume, whose data are kept.
        volume: String,
        /// The name of the new claim.
        claim: String,
    },
    /// A workload is recreated while its pods keep running, and adopts them.
    RecreateAroundItsPods,
    /// An object without data is recreated.
    Recreate,
    /// An object is deleted before others are created.
    DeleteFirst,
}

/// An object that cannot be changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedChange {
    /// Such as `StatefulSet`.
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
    #[serde(flatten)]
    pub how: Action,
    /// The reason, such as `size changes from 5Gi to 6Gi`.
    pub why: String,
}

impl PlannedChange {
    fn new(object: &Value, how: Action, why: Vec<String>) -> PlannedChange {
        PlannedChange {
            kind: text(object, "/kind").to_owned(),
            name: name(object).to_owned(),
            namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
            how,
            why: why.join(", "),
        }
    }

    /// Returns whether this is the object with that kind and name.
    pub(super) fn is_about(&self, kind: &str, name: &str) -> bool {
        self.kind == kind && self.name == name
    }
}

impl fmt::Display for PlannedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} ", self.kind, self.name)?;
        match &self.how {
            Action::DeleteWithItsPods => write!(f, "is deleted with its pods")?,
            Action::RecreateAfterItsPods => write!(f, "is recreated after its pods have stopped")?,
            Action::ScaleToZero => write!(f, "is scaled to zero meanwhile")?,
            Action::Rebind { volume, claim } if *claim == self.name => {
                write!(f, "is bound to {volume} again, the data are kept")?;
            }
            Action::Rebind { volume, claim } => {
                write!(
                    f,
                    "is replaced by {claim}, bound to {volume}, the data are kept"
                )?;
            }
            Action::RecreateAroundItsPods => write!(f, "is recreated, its pods keep running")?,
            Action::Recreate => write!(f, "is recreated")?,
            Action::DeleteFirst => write!(f, "is deleted first")?,
        }
        write!(f, ": {}", self.why)
    }
}

/// A change that cannot be made without losing data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot change the claim {claim}: {why}")]
pub struct ImpossibleChange {
    pub claim: String,
    /// The reason.
    pub why: String,
}

/// Returns what must be done before the rendered objects are applied, in this order.
/// `live` are the instance's workloads, claims, volumes and services, and the storage
/// classes.
///
/// # Errors
/// If a change would leave data behind.
pub fn plan(live: &[Value], rendered: &[Value]) -> Result<Vec<PlannedChange>, ImpossibleChange> {
    let rebound = claims::rebound(live, rendered)?;
    let mut planned = workloads::planned(live, rendered, &rebound);
    planned.extend(rebound.into_iter().map(|Rebound { planned, .. }| planned));
    planned.extend(services(live, rendered));
    planned.sort_by_key(|one| match one.how {
        Action::DeleteWithItsPods | Action::RecreateAfterItsPods | Action::ScaleToZero => 0,
        Action::Rebind { .. } => 1,
        Action::RecreateAroundItsPods | Action::Recreate | Action::DeleteFirst => 2,
    });
    Ok(planned)
}

/// Plans services that gain or lose their cluster address, or have a node port that
/// another service needs.
fn services(live: &[Value], rendered: &[Value]) -> Vec<PlannedChange> {
    let headless = |service: &Value| text(service, "/spec/clusterIP") == "None";
    let mut planned = Vec::new();
    for current in of_kind(live, "Service") {
        let wanted = find(rendered, "Service", name(current));
        let mut why = Vec::new();
        match wanted.map(|wanted| (headless(current), headless(wanted))) {
            Some((false, true)) => why.push("it loses its cluster address".to_owned()),
            Some((true, false)) => why.push("it gets a cluster address".to_owned()),
            _ => {}
        }
        let current_ports = node_ports(current);
        for other in of_kind(rendered, "Service").filter(|other| name(other) != name(current)) {
            let ports = node_ports(other);
            let conflict = ports.iter().find(|port| current_ports.contains(port));
            why.extend(conflict.map(|port| format!("{} needs node port {port}", name(other))));
        }
        let how = match wanted {
            Some(_) => Action::Recreate,
            None => Action::DeleteFirst,
        };
        if !why.is_empty() {
            planned.push(PlannedChange::new(current, how, why));
        }
    }
    planned
}

fn node_ports(service: &Value) -> Vec<u64> {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    ports
        .filter_map(|port| port["nodePort"].as_u64())
        .filter(|port| *port > 0)
        .collect()
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    let found = object.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

fn of_kind<'a>(objects: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    objects
        .iter()
        .filter(move |object| text(object, "/kind") == kind)
}

fn find<'a>(objects: &'a [Value], kind: &'a str, wanted: &str) -> Option<&'a Value> {
    of_kind(objects, kind).find(|object| name(object) == wanted)
}

#[cfg(test)]
mod tests;
