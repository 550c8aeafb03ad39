//! Deployments, StatefulSets and DaemonSets: selectors and claim templates are for
//! ever, and no two of them may write to one volume.

use std::collections::HashSet;

use serde_json::Value;

use super::claims::Rebound;
use super::fields::{becomes, covers};
use super::{How, Planned, find, name, of_kind, text};

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// Workloads that are made anew, end or pause; those first that hold no data: they
/// write to the others.
pub(super) fn planned(live: &[Value], rendered: &[Value], rebound: &[Rebound]) -> Vec<Planned> {
    let moving: HashSet<&str> = rebound.iter().map(|one| one.claim.as_str()).collect();
    let mut planned: Vec<(bool, Planned)> = Vec::new();
    for is in live
        .iter()
        .filter(|object| KINDS.contains(&text(object, "/kind")))
    {
        let claims = claims_of(is);
        let moves = claims.iter().any(|claim| moving.contains(claim.as_str()));
        let decided = match find(rendered, text(is, "/kind"), name(is)) {
            Some(wanted) => kept(is, wanted, moves),
            None => ends(&claims, live, rendered),
        };
        if let Some((how, why)) = decided {
            planned.push((!claims.is_empty(), Planned::new(is, how, why)));
        }
    }
    planned.sort_by_key(|(holds_data, _)| *holds_data);
    planned.into_iter().map(|(_, planned)| planned).collect()
}

/// What is to be done with a workload that stays.
fn kept(is: &Value, wanted: &Value, moves: bool) -> Option<(How, Vec<String>)> {
    let why = for_ever(is, wanted);
    match (why.is_empty(), moves) {
        (true, false) => None,
        (true, true) => Some((How::Paused, vec!["it uses the claim".to_owned()])),
        (false, false) if text(is, "/kind") == "StatefulSet" && adopts(is, wanted) => {
            Some((How::AnewAroundItsPods, why))
        }
        (false, _) => Some((How::AnewAfterItsPods, why)),
    }
}

/// What of it the server would refuse to change, in words.
fn for_ever(is: &Value, wanted: &Value) -> Vec<String> {
    let mut why = Vec::new();
    let mut compare = |what: &str, field: &str, default: Value| {
        let (is, wanted) = (&is["spec"][field], &wanted["spec"][field]);
        let is = if is.is_null() { &default } else { is };
        let wanted = if wanted.is_null() { &default } else { wanted };
        if !(covers(is, wanted) && covers(wanted, is)) {
            why.push(becomes(what, is, wanted));
        }
    };
    let selector = |object: &Value| object["spec"]["selector"]["matchLabels"].clone();
    if text(is, "/kind") == "StatefulSet" {
        compare("service", "serviceName", "".into());
        compare(
            "pod management",
            "podManagementPolicy",
            "OrderedReady".into(),
        );
        why.extend(templates(is, wanted));
    }
    let (former, now) = (selector(is), selector(wanted));
    let expressions = |object: &Value| object["spec"]["selector"]["matchExpressions"].clone();
    if former != now && !(covers(&former, &now) && covers(&now, &former)) {
        why.push(becomes("selector", &former, &now));
    } else if expressions(is) != expressions(wanted) {
        why.push("its selector expressions change".to_owned());
    }
    why
}

/// Where claim templates differ.
fn templates(is: &Value, wanted: &Value) -> Vec<String> {
    let list = |object: &Value| -> Vec<Value> {
        let found = object["spec"]["volumeClaimTemplates"].as_array();
        found.cloned().unwrap_or_default()
    };
    let (is, wanted) = (list(is), list(wanted));
    let names = |list: &[Value]| {
        let names: Vec<String> = list.iter().map(|one| name(one).to_owned()).collect();
        Value::from(names)
    };
    if names(&is) != names(&wanted) {
        return vec![becomes("claim templates", &names(&is), &names(&wanted))];
    }
    let differing = is
        .iter()
        .zip(&wanted)
        .filter(|(is, wanted)| !covers(is, wanted) || loses(is, wanted));
    differing
        .map(|(is, wanted)| {
            let size = |one: &Value| one["spec"]["resources"]["requests"]["storage"].clone();
            let what = format!("claim template {}", name(is));
            if covers(&size(is), &size(wanted)) {
                format!("{what} changes")
            } else {
                becomes(&what, &size(is), &size(wanted))
            }
        })
        .collect()
}

/// Whether a claim template has something that is no longer rendered, beside what the
/// server fills in.
fn loses(is: &Value, wanted: &Value) -> bool {
    let lost = |pointer: &str, filled_in: &[&str]| {
        let keys = is.pointer(pointer).and_then(Value::as_object);
        keys.into_iter().flatten().any(|(key, _)| {
            let rendered = wanted.pointer(pointer).and_then(|map| map.get(key));
            rendered.is_none() && !filled_in.contains(&key.as_str())
        })
    };
    lost("/metadata/labels", &[])
        || lost("/metadata/annotations", &[])
        || lost("/spec", &["volumeMode"])
}

/// Whether pods of the former template are pods of the new selector.
fn adopts(is: &Value, wanted: &Value) -> bool {
    let labels = &is["spec"]["template"]["metadata"]["labels"];
    covers(labels, &wanted["spec"]["selector"]["matchLabels"])
        && wanted["spec"]["selector"]["matchExpressions"].is_null()
}

/// A workload that goes ends first where its storage is used on: two databases on one
/// volume destroy it, or wait for each other's lock.
fn ends(claims: &[String], live: &[Value], rendered: &[Value]) -> Option<(How, Vec<String>)> {
    const CLAIM: &str = "PersistentVolumeClaim";
    let volume = |claim: &str| {
        let claim = find(live, CLAIM, claim);
        claim.map(|claim| text(claim, "/spec/volumeName"))
    };
    let used_on = claims.iter().find(|claim| {
        let volume = volume(claim).filter(|volume| !volume.is_empty());
        of_kind(rendered, CLAIM).any(|wanted| {
            name(wanted) == claim.as_str()
                || volume.is_some_and(|volume| text(wanted, "/spec/volumeName") == volume)
        })
    })?;
    let why = format!("it is no longer rendered, and the data of {used_on} are still used");
    Some((How::Ended, vec![why]))
}

fn claims_of(workload: &Value) -> Vec<String> {
    let spec = &workload["spec"];
    let volumes = spec.pointer("/template/spec/volumes");
    let volumes = volumes.and_then(Value::as_array).into_iter().flatten();
    let named = volumes.map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    let mut claims: Vec<String> = named
        .filter(|claim| !claim.is_empty())
        .map(str::to_owned)
        .collect();
    let replicas = spec["replicas"].as_u64().unwrap_or(1).max(1);
    let templates = spec["volumeClaimTemplates"].as_array();
    for template in templates.into_iter().flatten() {
        let of_pod = |pod| format!("{}-{}-{pod}", name(template), name(workload));
        claims.extend((0..replicas).map(of_pod));
    }
    claims
}
