//! Storage classes and their provisioners.

use std::collections::BTreeMap;

use k8s_openapi::api::storage::v1::StorageClass;

use super::claims::claims;
use super::{Checked, Input, ticked};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::words::{either, listed};

const IS_DEFAULT: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

/// The provisioner of volumes that an administrator creates.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// Provisioners that were part of Kubernetes, with the drivers that replaced them.
const IN_TREE: [(&str, &str); 7] = [
    ("kubernetes.io/aws-ebs", "ebs.csi.aws.com"),
    ("kubernetes.io/azure-disk", "disk.csi.azure.com"),
    ("kubernetes.io/azure-file", "file.csi.azure.com"),
    ("kubernetes.io/cinder", "cinder.csi.openstack.org"),
    ("kubernetes.io/gce-pd", "pd.csi.storage.gke.io"),
    ("kubernetes.io/portworx-volume", "pxd.portworx.com"),
    ("kubernetes.io/vsphere-volume", "csi.vsphere.vmware.com"),
];

pub(super) fn check(input: &Input<'_>, report: &mut Checked) {
    let survey = &input.facts.survey;
    let Some(classes) = survey.storage_classes.known() else {
        return;
    };
    let mut checked: BTreeMap<String, &StorageClass> = BTreeMap::new();
    for (wanted, claims) in wanted(input) {
        let found = match &wanted {
            Some(wanted) => classes.iter().find(|class| name_of(class) == wanted),
            None => default_class(classes),
        };
        match found {
            Some(class) => _ = checked.insert(name_of(class).to_owned(), class),
            None => missing(input, report, wanted.as_deref(), &claims, classes),
        }
    }
    for class in checked.into_values() {
        provisioner(input, report, class);
    }
}

/// Returns the classes that claims need, with the claims; `None` is the default class.
/// Claims that exist keep their volume. An empty name stands for volumes without a class,
/// which an administrator creates.
fn wanted(input: &Input<'_>) -> BTreeMap<Option<String>, Vec<String>> {
    let mut all: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
    for claim in claims(input) {
        if claim.class.as_deref() != Some("") && !has_claim(input, &claim.name) {
            all.entry(claim.class).or_default().push(claim.name);
        }
    }
    all
}

fn has_claim(input: &Input<'_>, wanted: &str) -> bool {
    let claims = input.facts.survey.claims.known();
    claims.is_some_and(|claims| {
        let mut names = claims
            .iter()
            .filter_map(|claim| claim.metadata.name.as_deref());
        names.any(|name| name == wanted)
    })
}

fn missing(
    input: &Input<'_>,
    report: &mut Checked,
    wanted: Option<&str>,
    claims: &[String],
    classes: &[StorageClass],
) {
    let claims = listed(&ticked(claims));
    let names = ticked(classes.iter().map(name_of));
    let what = match (wanted, names.is_empty()) {
        (_, true) => format!("the cluster has no storage class, which the claims {claims} need"),
        (Some(wanted), _) => format!(
            "the storage class `{wanted}` of the claims {claims} does not exist: expected {}",
            either(&names)
        ),
        (None, _) => format!(
            "the cluster has no default storage class, and the claims {claims} name none: \
             expected {}",
            either(&names)
        ),
    };
    let list = input.place.kubectl().run("get storageclasses");
    report.find(
        Failure::StorageClassMissing,
        what,
        vec![
            Hint::text("set the classes in the values, such as `mongodb.persistence.storageClass`"),
            Hint::run("see the classes of the cluster", list),
        ],
    );
}

fn provisioner(input: &Input<'_>, report: &mut Checked, class: &StorageClass) {
    let survey = &input.facts.survey;
    let provisioner = class.provisioner.as_str();
    let class = name_of(class);
    if provisioner == NO_PROVISIONER {
        report.warn(format!(
            "the storage class `{class}` has no provisioner: claims stay pending until an \
             administrator creates volumes for them"
        ));
        return;
    }
    let replaced = IN_TREE.iter().find(|(old, _)| *old == provisioner);
    let driver = replaced.map_or(provisioner, |(_, driver)| driver);
    let Some(drivers) = survey.drivers.known() else {
        return;
    };
    let mut names = drivers
        .iter()
        .filter_map(|driver| driver.metadata.name.as_deref());
    if names.any(|name| name == driver) {
        return;
    }
    // Every driver registers itself; other provisioners do not.
    if replaced.is_some() || driver.contains("csi") {
        let list = input.place.kubectl().run("get csidrivers");
        report.find(
            Failure::StorageDriverMissing,
            format!(
                "the provisioner of the storage class `{class}` is not installed: the cluster \
                 has no driver `{driver}`"
            ),
            vec![
                Hint::text("install the driver, or use another storage class"),
                Hint::run("see the drivers of the cluster", list),
            ],
        );
    } else if !runs(input, provisioner) {
        report.warn(format!(
            "cannot find the provisioner `{provisioner}` of the storage class `{class}`: if no \
             pod provides it, claims stay pending"
        ));
    }
}

/// Returns whether a pod seems to be the provisioner: the last part of its name is in the
/// name, an image, an argument or a variable of the pod.
fn runs(input: &Input<'_>, provisioner: &str) -> bool {
    let Some(pods) = input.facts.survey.pods.known() else {
        return true;
    };
    let part = provisioner.rsplit('/').next().unwrap_or(provisioner);
    pods.iter().any(|pod| {
        let named = pod
            .metadata
            .name
            .as_deref()
            .unwrap_or_default()
            .contains(part);
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        named
            || containers.into_iter().any(|container| {
                let image = container.image.iter();
                let words = container.args.iter().chain(&container.command).flatten();
                let variables = container.env.iter().flatten();
                let variables = variables.filter_map(|variable| variable.value.as_ref());
                image
                    .chain(words)
                    .chain(variables)
                    .any(|text| text.contains(part))
            })
    })
}

/// Returns the default class: of several, the newest.
fn default_class(classes: &[StorageClass]) -> Option<&StorageClass> {
    let is_default = |class: &&StorageClass| {
        let annotations = class.metadata.annotations.as_ref();
        let value = |key: &&str| annotations.and_then(|all| all.get(*key));
        IS_DEFAULT
            .iter()
            .any(|key| value(key).is_some_and(|value| value == "true"))
    };
    let defaults = classes.iter().filter(is_default);
    defaults.max_by_key(|class| class.metadata.creation_timestamp.as_ref().map(|at| at.0))
}

fn name_of(class: &StorageClass) -> &str {
    class.metadata.name.as_deref().unwrap_or_default()
}
