//! The claims, and the volumes of a local node. There, both have fixed names and paths: the
//! volumes of a provisioner would not be found again after the cluster is recreated.

use serde_json::{Value, json};

use super::{Inputs, Target};
use crate::component::Component;
use crate::kube::{COMPONENT_LABEL, KEEP_LABEL};
use crate::values::{Claim, Values};

/// The path of the data directory in a local node.
pub const DATA_ROOT: &str = "/var/local-path-provisioner";

/// A volume of a component. Each replica has its own.
struct DataVolume<'a> {
    component: Component,
    claim: &'a Claim,
    name: String,
    /// The subdirectory of the data directory.
    dir: String,
}

/// Returns the subdirectories of the data directory in which components store data, with
/// the component that owns each.
pub fn data_dirs(values: &Values) -> Vec<(String, Component)> {
    let volumes = volumes(values);
    volumes
        .into_iter()
        .map(|volume| (volume.dir, volume.component))
        .collect()
}

fn volumes(values: &Values) -> Vec<DataVolume<'_>> {
    let mut all = Vec::new();
    for component in values.installed() {
        let Some(claim) = values.claim(component).filter(|claim| claim.enabled) else {
            continue;
        };
        // All pods of the file server share one volume.
        let count = match component {
            Component::Fileserver => 1,
            _ => values.replicas(component),
        };
        for index in 0..count {
            all.push(DataVolume {
                component,
                claim,
                name: claim_name(values, component, index),
                dir: match index {
                    0 => component.to_string(),
                    index => format!("{component}-{index}"),
                },
            });
        }
    }
    all
}

/// Returns the name of a claim: the chart's, or the one that the StatefulSet expects.
fn claim_name(values: &Values, component: Component, index: u32) -> String {
    match component {
        Component::Redis => format!("redis-data-clearml-redis-master-{index}"),
        Component::Mongodb if values.mongodb.replica_set => {
            format!("datadir-clearml-mongodb-{index}")
        }
        Component::Mongodb => "clearml-mongodb".into(),
        Component::Elasticsearch => {
            let name = values.elasticsearch.full_name();
            format!("{name}-{name}-{index}")
        }
        _ => format!("{}-data", values.names.server(component)),
    }
}

/// Renders the claims, after the volumes of a local node. The claims have the names that
/// StatefulSets expect, so that all of them are found by label and can grow.
pub(super) fn objects(inputs: &Inputs<'_>) -> Vec<Value> {
    let all = volumes(inputs.values);
    let mut objects = Vec::new();
    if let Target::Node { data_root, .. } = inputs.target {
        objects.extend(all.iter().map(|one| volume(inputs, one, data_root)));
    }
    objects.extend(all.iter().map(|one| pvc(inputs, one)));
    objects
}

fn volume_name(volume: &DataVolume<'_>) -> String {
    format!("clearml-{}", volume.dir)
}

fn labels(component: Component) -> Value {
    json!({COMPONENT_LABEL: component.name(), KEEP_LABEL: "true"})
}

fn volume(inputs: &Inputs<'_>, volume: &DataVolume<'_>, data_root: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(volume), "labels": labels(volume.component)},
        "spec": {
            "capacity": {"storage": volume.claim.size},
            "accessModes": volume.claim.access_modes,
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": volume.claim.class,
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": inputs.namespace,
                "name": volume.name,
            },
            "hostPath": {
                "path": format!("{data_root}/{}", volume.dir),
                "type": "Directory",
            },
        },
    })
}

fn pvc(inputs: &Inputs<'_>, volume: &DataVolume<'_>) -> Value {
    let mut spec = json!({"accessModes": volume.claim.access_modes});
    if let Some(class) = class(inputs, volume.claim) {
        spec["storageClassName"] = json!(class);
    }
    if !inputs.is_for_cluster() {
        spec["volumeName"] = json!(volume_name(volume));
    }
    spec["resources"] = json!({"requests": {"storage": volume.claim.size}});
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": volume.name, "namespace": inputs.namespace, "labels": labels(volume.component)},
        "spec": spec,
    })
}

/// Returns the storage class of a claim, or `None` for the default class of the cluster. On a
/// local node, an empty class is written: with the default class, a claim would silently get
/// a new, empty volume.
pub(super) fn class<'a>(inputs: &Inputs<'_>, claim: &'a Claim) -> Option<&'a str> {
    let class = claim.class.as_str();
    (!inputs.is_for_cluster() || !class.is_empty()).then_some(class)
}
