//! The permissions of the user.

use super::super::access::Need;
use super::super::facts::Missing;
use super::{Checked, Input, ticked};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kube::Observed;
use crate::words::listed;

pub(super) fn check(input: &Input<'_>, report: &mut Checked) {
    let Observed::Known(missing) = &input.facts.missing else {
        report.warn("cannot check your permissions: the cluster does not tell them");
        return;
    };
    let namespace = input.place.namespace.as_str();
    let is_missing = input
        .facts
        .survey
        .namespace
        .known()
        .is_some_and(Option::is_none);
    let of = |need: Need| {
        missing
            .iter()
            .filter(move |missing| missing.right.need == need)
    };
    // The same verbs are listed once, with their resources.
    let mut required: Vec<(&[&str], Vec<String>)> = Vec::new();
    for missing in of(Need::Always) {
        let resource = missing.right.name();
        match required
            .iter_mut()
            .find(|(verbs, _)| *verbs == missing.verbs)
        {
            Some((_, resources)) => resources.push(resource),
            None => required.push((&missing.verbs, vec![resource])),
        }
    }
    let required: Vec<String> = required
        .into_iter()
        .map(|(verbs, resources)| format!("{} {}", listed(verbs), listed(&ticked(resources))))
        .collect();
    if !required.is_empty() {
        report.find(
            Failure::PermissionMissing,
            format!(
                "permissions are missing in the namespace `{namespace}`: {}",
                required.join("; ")
            ),
            vec![Hint::run(
                "give the Role to an administrator of the cluster",
                ours!(Render, "--role --namespace {namespace}"),
            )],
        );
    }
    if is_missing && of(Need::NewNamespace).next().is_some() {
        report.find(
            Failure::NamespaceMissing,
            format!("the namespace `{namespace}` does not exist, and you may not create it"),
            vec![Hint::run(
                "ask an administrator of the cluster to create it",
                format!("kubectl create namespace {namespace}"),
            )],
        );
    }
    let optional: Vec<&Missing> = of(Need::Optional).collect();
    if !optional.is_empty() {
        let checks: Vec<&str> = optional.iter().map(|missing| missing.right.why).collect();
        let resources = ticked(optional.iter().map(|missing| missing.right.name()));
        report.warn(format!(
            "cannot check {}: no permission to list {}: see `render --role`",
            listed(&checks),
            listed(&resources)
        ));
    }
}
