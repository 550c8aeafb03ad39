//! Who the namespace and its objects belong to: another instance, an installation by Helm,
//! or another program. Nothing of others is changed.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use super::super::commands::helm;
use super::claims::claims;
use super::{Checked, Input, name, text, ticked};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kube::INSTANCE_LABEL;
use crate::words::listed;

/// How many objects a message lists.
const LISTED: usize = 5;
const HELM_RELEASE: &str = "/metadata/annotations/meta.helm.sh~1release-name";
const MANAGED_BY: &str = "/metadata/labels/app.kubernetes.io~1managed-by";

pub(super) fn check(input: &Input<'_>, report: &mut Checked) {
    terminating(input, report);
    if other_instance(input, report) {
        return;
    }
    helm_releases(input, report);
    foreign(input, report);
}

fn terminating(input: &Input<'_>, report: &mut Checked) {
    let namespace = input
        .facts
        .survey
        .namespace
        .known()
        .and_then(Option::as_ref);
    let status = namespace.and_then(|namespace| namespace.status.as_ref());
    if status.and_then(|status| status.phase.as_deref()) != Some("Terminating") {
        return;
    }
    let name = &input.place.namespace;
    let get = input
        .place
        .kubectl()
        .run(&format!("get namespace {name} --output yaml"));
    report.find(
        Failure::NamespaceTerminating,
        format!("the namespace `{name}` is being deleted: nothing can be created in it"),
        vec![
            Hint::text("wait until it is gone, or use another namespace"),
            Hint::run("see what it waits for", get),
        ],
    );
}

/// Checks that no other instance is in the namespace.
fn other_instance(input: &Input<'_>, report: &mut Checked) -> bool {
    // The label of the namespace only tells who created it.
    let secrets = input.facts.survey.secrets.known().into_iter().flatten();
    let of_meta = |meta: &ObjectMeta| meta.labels.as_ref()?.get(INSTANCE_LABEL).cloned();
    let live = input.facts.live.iter().filter_map(instance_of);
    let mut others = secrets.filter_map(of_meta).chain(live.map(str::to_owned));
    let Some(other) = others.find(|instance| instance != input.instance) else {
        return false;
    };
    report.find(
        Failure::NamespaceInUse,
        format!(
            "the namespace `{}` has the server of the instance `{other}`",
            input.place.namespace
        ),
        vec![
            Hint::text("use another namespace: `--namespace NAMESPACE`"),
            Hint::run("or work with that instance", ours!(Up).of(Some(&other))),
        ],
    );
    true
}

fn instance_of(object: &Value) -> Option<&str> {
    object["metadata"]["labels"][INSTANCE_LABEL].as_str()
}

/// Refuses objects of Helm. They cannot be taken over in place: server-side apply would
/// keep fields of the chart, such as its init containers, beside ours.
fn helm_releases(input: &Input<'_>, report: &mut Checked) {
    let existing = stored_releases(input);
    let release_of = |object: &Value| {
        let release = text(object, HELM_RELEASE);
        let by_helm = !release.is_empty() || text(object, MANAGED_BY) == "Helm";
        by_helm.then(|| release.to_owned())
    };
    let managed = input
        .facts
        .live
        .iter()
        .filter(|object| instance_of(object).is_none());
    let managed: Vec<(&Value, String)> = managed
        .filter_map(|object| Some((object, release_of(object)?)))
        // A claim without its release is data that an earlier installation left.
        .filter(|(object, release)| !is_claim(object) || existing.contains(release))
        .collect();
    if managed.is_empty() {
        return;
    }
    let releases: BTreeSet<&str> = managed
        .iter()
        .map(|(_, release)| release.as_str())
        .collect();
    let releases: Vec<&str> = releases
        .into_iter()
        .filter(|name| !name.is_empty())
        .collect();
    let objects: Vec<String> = managed
        .iter()
        .filter(|(object, _)| !is_claim(object))
        .map(|(object, _)| identity(object))
        .collect();
    let of_release = match releases.as_slice() {
        [] => "of Helm".to_owned(),
        [one] => format!("of the Helm release `{one}`"),
        many => format!("of the Helm releases {}", listed(&ticked(many))),
    };
    report.find(
        Failure::HelmReleasePresent,
        format!(
            "the namespace `{}` has objects {of_release} with the names of this server: {}. \
             `helm uninstall` deletes claims with their data; to keep the data, make Helm forget \
             the release instead: claims and volumes stay, everything else is created again from \
             your values",
            input.place.namespace,
            shown(managed.iter().map(|(object, _)| identity(object))),
        ),
        move_over(input, &releases, &existing, &objects),
    );
}

/// Returns the steps from a Helm release to this program, in their order. None deletes a
/// claim, a volume or a namespace.
fn move_over(
    input: &Input<'_>,
    releases: &[&str],
    existing: &BTreeSet<String>,
    objects: &[String],
) -> Vec<Hint> {
    let place = input.place;
    let mut steps = Vec::new();
    let stored = releases
        .iter()
        .filter(|release| existing.contains(**release));
    for release in stored.clone() {
        let values = helm(
            place,
            &format!("get values {release} > {release}-values.yaml"),
        );
        steps.push(Hint::run("save the values of the release", values));
    }
    for volume in volumes(input) {
        // In any case: Kubernetes keeps such a volume even if its claim is deleted.
        let patch = format!(
            r#"patch persistentvolume {volume} --patch '{{"spec":{{"persistentVolumeReclaimPolicy":"Retain"}}}}'"#
        );
        steps.push(Hint::run(
            "protect the data of each volume",
            place.kubectl().run(&patch),
        ));
    }
    for release in stored {
        let forget = format!("delete secrets --selector owner=helm,name={release}");
        steps.push(Hint::run(
            "make Helm forget the release",
            place.kubectl().run(&forget),
        ));
    }
    if !objects.is_empty() {
        let delete = format!("delete {}", objects.join(" "));
        steps.push(Hint::run(
            "delete its objects, but no claims",
            place.kubectl().run(&delete),
        ));
    }
    steps.push(Hint::run(
        "install the server, which finds the claims",
        ours!(Up, "-f VALUES"),
    ));
    steps
}

/// Returns the names of the releases that Helm knows in the namespace.
fn stored_releases(input: &Input<'_>) -> BTreeSet<String> {
    let secrets = input.facts.survey.secrets.known().into_iter().flatten();
    let labels = secrets.filter_map(|secret| secret.labels.as_ref());
    let of_helm = labels.filter(|labels| labels.get("owner").is_some_and(|owner| owner == "helm"));
    of_helm
        .filter_map(|labels| labels.get("name").cloned())
        .collect()
}

/// Returns the volumes of the claims that the server will use.
fn volumes(input: &Input<'_>) -> Vec<String> {
    let wanted: Vec<String> = claims(input).into_iter().map(|claim| claim.name).collect();
    let existing = input.facts.survey.claims.known().into_iter().flatten();
    let ours = existing.filter(|claim| {
        let name = claim.metadata.name.as_ref();
        name.is_some_and(|name| wanted.contains(name))
    });
    let volumes = ours.filter_map(|claim| claim.spec.as_ref()?.volume_name.clone());
    volumes.filter(|volume| !volume.is_empty()).collect()
}

/// Refuses objects of other programs with the names of ours, except claims, which are
/// data.
fn foreign(input: &Input<'_>, report: &mut Checked) {
    let is_foreign = |object: &&Value| {
        instance_of(object).is_none()
            && text(object, HELM_RELEASE).is_empty()
            && text(object, MANAGED_BY) != "Helm"
            && !is_claim(object)
    };
    let foreign: Vec<&Value> = input.facts.live.iter().filter(is_foreign).collect();
    if foreign.is_empty() {
        return;
    }
    report.find(
        Failure::ObjectsOfOthers,
        format!(
            "the namespace `{}` has objects with the names of this server that clearml-local did \
             not create: {}",
            input.place.namespace,
            shown(foreign.into_iter().map(identity)),
        ),
        vec![Hint::text("use another namespace: `--namespace NAMESPACE`")],
    );
}

fn is_claim(object: &Value) -> bool {
    text(object, "/kind") == "PersistentVolumeClaim"
}

/// Returns kind and name, as kubectl takes them.
fn identity(object: &Value) -> String {
    format!("{}/{}", text(object, "/kind").to_lowercase(), name(object))
}

fn shown(identities: impl Iterator<Item = String>) -> String {
    let mut all: Vec<String> = identities.collect();
    let more = all.split_off(all.len().min(LISTED)).len();
    if more > 0 {
        all.push(format!("{more} more"));
    }
    listed(&all)
}
