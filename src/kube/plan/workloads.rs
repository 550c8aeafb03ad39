//! Plans Deployments, StatefulSets and DaemonSets: their selectors and claim templates
//! are immutable, and two of them must never write to one volume.

use std::collections::HashSet;

use serde_json::Value;

use super::claims::{Rebound, claims_of_pods};
use super::fields::{change, covers};
use super::{Action, PlannedChange, find, name, of_kind, text};

const KINDS: [&str; 3] = ["Deployment", "StatefulSet", "DaemonSet"];

/// Plans workloads that are recreated, deleted or paused. Those without data come first,
/// because they write to the others.
pub(super) fn planned(
    live: &[Value],
    rendered: &[Value],
    rebound: &[Rebound],
) -> Vec<PlannedChange> {
    let rebinding: HashSet<&str> = rebound.iter().map(|one| one.claim.as_str()).collect();
    let mut planned: Vec<(bool, PlannedChange)> = Vec::new();
    for current in live
        .iter()
        .filter(|object| KINDS.contains(&text(object, "/kind")))
    {
        let claims = claims_of(current);
        let rebinds = claims
            .iter()
            .any(|claim| rebinding.contains(claim.as_str()));
        let decided = match find(rendered, text(current, "/kind"), name(current)) {
            Some(wanted) => changed(current, wanted, rebinds),
            None => removed(&claims, live, rendered),
        };
        if let Some((how, why)) = decided {
            planned.push((!claims.is_empty(), PlannedChange::new(current, how, why)));
        }
    }
    planned.sort_by_key(|(holds_data, _)| *holds_data);
    planned.into_iter().map(|(_, planned)| planned).collect()
}

/// Plans a workload that is still rendered.
fn changed(current: &Value, wanted: &Value, rebinds: bool) -> Option<(Action, Vec<String>)> {
    let why = immutable_changes(current, wanted);
    match (why.is_empty(), rebinds) {
        (true, false) => None,
        (true, true) => Some((Action::ScaleToZero, vec!["it uses the claim".to_owned()])),
        (false, false) if text(current, "/kind") == "StatefulSet" && adopts(current, wanted) => {
            Some((Action::RecreateAroundItsPods, why))
        }
        (false, _) => Some((Action::RecreateAfterItsPods, why)),
    }
}

/// Describes the changes that the server would refuse.
fn immutable_changes(current: &Value, wanted: &Value) -> Vec<String> {
    let mut why = Vec::new();
    let mut compare = |what: &str, field: &str, default: Value| {
        let (current, wanted) = (&current["spec"][field], &wanted["spec"][field]);
        let current = if current.is_null() { &default } else { current };
        let wanted = if wanted.is_null() { &default } else { wanted };
        if !(covers(current, wanted) && covers(wanted, current)) {
            why.push(change(what, current, wanted));
        }
    };
    let selector = |object: &Value| object["spec"]["selector"]["matchLabels"].clone();
    if text(current, "/kind") == "StatefulSet" {
        compare("service", "serviceName", "".into());
        compare(
            "pod management",
            "podManagementPolicy",
            "OrderedReady".into(),
        );
        why.extend(templates(current, wanted));
    }
    let (previous, now) = (selector(current), selector(wanted));
    let expressions = |object: &Value| object["spec"]["selector"]["matchExpressions"].clone();
    if previous != now && !(covers(&previous, &now) && covers(&now, &previous)) {
        why.push(change("selector", &previous, &now));
    } else if expressions(current) != expressions(wanted) {
        why.push("its selector expressions change".to_owned());
    }
    why
}

/// Describes the changes of claim templates.
fn templates(current: &Value, wanted: &Value) -> Vec<String> {
    let list = |object: &Value| -> Vec<Value> {
        let found = object["spec"]["volumeClaimTemplates"].as_array();
        found.cloned().unwrap_or_default()
    };
    let (current, wanted) = (list(current), list(wanted));
    let names = |list: &[Value]| {
        let names: Vec<String> = list.iter().map(|one| name(one).to_owned()).collect();
        Value::from(names)
    };
    if names(&current) != names(&wanted) {
        return vec![change("claim templates", &names(&current), &names(&wanted))];
    }
    let differing = current
        .iter()
        .zip(&wanted)
        .filter(|(current, wanted)| !covers(current, wanted) || loses_fields(current, wanted));
    differing
        .map(|(current, wanted)| {
            let size = |one: &Value| one["spec"]["resources"]["requests"]["storage"].clone();
            let what = format!("claim template {}", name(current));
            if covers(&size(current), &size(wanted)) {
                format!("{what} changes")
            } else {
                change(&what, &size(current), &size(wanted))
            }
        })
        .collect()
}

/// Returns whether a claim template has fields that are no longer rendered, except those
/// that the server sets.
fn loses_fields(current: &Value, wanted: &Value) -> bool {
    let lost = |pointer: &str, set_by_server: &[&str]| {
        let keys = current.pointer(pointer).and_then(Value::as_object);
        keys.into_iter().flatten().any(|(key, _)| {
            let rendered = wanted.pointer(pointer).and_then(|map| map.get(key));
            rendered.is_none() && !set_by_server.contains(&key.as_str())
        })
    };
    lost("/metadata/labels", &[])
        || lost("/metadata/annotations", &[])
        || lost("/spec", &["volumeMode"])
}

/// Returns whether the new selector matches the existing pods.
fn adopts(current: &Value, wanted: &Value) -> bool {
    let labels = &current["spec"]["template"]["metadata"]["labels"];
    covers(labels, &wanted["spec"]["selector"]["matchLabels"])
        && wanted["spec"]["selector"]["matchExpressions"].is_null()
}

/// Plans a workload that is no longer rendered: it is deleted first if another one uses
/// its volume, because two databases on one volume destroy it, or wait for each other's
/// lock.
fn removed(claims: &[String], live: &[Value], rendered: &[Value]) -> Option<(Action, Vec<String>)> {
    const CLAIM: &str = "PersistentVolumeClaim";
    let volume = |claim: &str| {
        let claim = find(live, CLAIM, claim);
        claim.map(|claim| text(claim, "/spec/volumeName"))
    };
    let still_used = claims.iter().find(|claim| {
        let volume = volume(claim).filter(|volume| !volume.is_empty());
        of_kind(rendered, CLAIM).any(|wanted| {
            name(wanted) == claim.as_str()
                || volume.is_some_and(|volume| text(wanted, "/spec/volumeName") == volume)
        })
    })?;
    let why = format!("it is no longer rendered, and the data of {still_used} are still used");
    Some((Action::DeleteWithItsPods, vec![why]))
}

fn claims_of(workload: &Value) -> Vec<String> {
    let volumes = workload.pointer("/spec/template/spec/volumes");
    let volumes = volumes.and_then(Value::as_array).into_iter().flatten();
    let named = volumes.map(|volume| text(volume, "/persistentVolumeClaim/claimName"));
    let mut claims: Vec<String> = named
        .filter(|claim| !claim.is_empty())
        .map(str::to_owned)
        .collect();
    claims.extend(claims_of_pods(workload).map(|(claim, _)| claim));
    claims
}
