//! What Kubernetes cannot change in place, and what is done instead: worked out from
//! what is there and what is rendered, before anything is touched; pure.

mod claims;
mod fields;
mod workloads;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use self::claims::Rebound;

/// What is done with an object, beside applying it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "how", rename_all = "kebab-case")]
pub enum How {
    /// A workload ends with its pods: another takes its volume.
    Ended,
    /// A workload is made anew when its pods have ended.
    AnewAfterItsPods,
    /// A workload has no pods while its claim is bound again.
    Paused,
    /// A claim is made again, under its name or another, and bound to the same
    /// volume.
    BoundAgain {
        /// The volume, whose data nobody touches.
        volume: String,
        /// The name of the claim that is made.
        claim: String,
    },
    /// A workload is made anew; its pods run on and are its own again.
    AnewAroundItsPods,
    /// An object that holds nothing is made anew.
    Anew,
    /// An object is removed before others are made, and not after.
    Removed,
}

/// One object that cannot be changed in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Such as `StatefulSet`.
    pub kind: String,
    pub name: String,
    pub namespace: Option<String>,
    #[serde(flatten)]
    pub how: How,
    /// What asks for it, such as `size 5Gi becomes 6Gi`.
    pub why: String,
}

impl Planned {
    fn new(object: &Value, how: How, why: Vec<String>) -> Planned {
        Planned {
            kind: text(object, "/kind").to_owned(),
            name: name(object).to_owned(),
            namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
            how,
            why: why.join(", "),
        }
    }

    /// Whether that object is meant.
    pub(super) fn is_about(&self, kind: &str, name: &str) -> bool {
        self.kind == kind && self.name == name
    }
}

impl fmt::Display for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} ", self.kind, self.name)?;
        match &self.how {
            How::Ended => write!(f, "is deleted with its pods")?,
            How::AnewAfterItsPods => write!(f, "is recreated after its pods have stopped")?,
            How::Paused => write!(f, "is scaled to zero meanwhile")?,
            How::BoundAgain { volume, claim } if *claim == self.name => {
                write!(f, "is bound to {volume} again, the data are kept")?;
            }
            How::BoundAgain { volume, claim } => {
                write!(
                    f,
                    "is replaced by {claim}, bound to {volume}, the data are kept"
                )?;
            }
            How::AnewAroundItsPods => write!(f, "is recreated, its pods keep running")?,
            How::Anew => write!(f, "is recreated")?,
            How::Removed => write!(f, "is deleted first")?,
        }
        write!(f, ": {}", self.why)
    }
}

/// A change that cannot be made at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot change the claim {claim}: {why}")]
pub struct Impossible {
    pub claim: String,
    /// What is in the way.
    pub why: String,
}

/// What is to be done, in that order, before the rendered objects are applied.
/// `live` are the instance's workloads, claims, volumes and services, and the storage
/// classes.
///
/// # Errors
/// When a change would leave data behind.
pub fn plan(live: &[Value], rendered: &[Value]) -> Result<Vec<Planned>, Impossible> {
    let rebound = claims::rebound(live, rendered)?;
    let mut planned = workloads::planned(live, rendered, &rebound);
    planned.extend(rebound.into_iter().map(|Rebound { planned, .. }| planned));
    planned.extend(services(live, rendered));
    planned.sort_by_key(|one| match one.how {
        How::Ended | How::AnewAfterItsPods | How::Paused => 0,
        How::BoundAgain { .. } => 1,
        How::AnewAroundItsPods | How::Anew | How::Removed => 2,
    });
    Ok(planned)
}

/// Services that get or lose an address of their own, or have a node port that another
/// is to have.
fn services(live: &[Value], rendered: &[Value]) -> Vec<Planned> {
    let headless = |service: &Value| text(service, "/spec/clusterIP") == "None";
    let mut planned = Vec::new();
    for is in of_kind(live, "Service") {
        let wanted = find(rendered, "Service", name(is));
        let mut why = Vec::new();
        match wanted.map(|wanted| (headless(is), headless(wanted))) {
            Some((false, true)) => why.push("it loses its cluster address".to_owned()),
            Some((true, false)) => why.push("it gets a cluster address".to_owned()),
            _ => {}
        }
        let held = node_ports(is);
        for other in of_kind(rendered, "Service").filter(|other| name(other) != name(is)) {
            let ports = node_ports(other);
            let taken = ports.iter().find(|port| held.contains(port));
            why.extend(taken.map(|port| format!("{} needs node port {port}", name(other))));
        }
        let how = match wanted {
            Some(_) => How::Anew,
            None => How::Removed,
        };
        if !why.is_empty() {
            planned.push(Planned::new(is, how, why));
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
