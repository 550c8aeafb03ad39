//! Volumes and claims with names and paths of our own: what a provisioner makes
//! is not found again after the cluster was made anew.

use serde_json::{Value, json};

use super::Inputs;
use crate::component::{Component, NAMESPACE};
use crate::kube::{COMPONENT_LABEL, KEEP_LABEL};
use crate::values::{Claim, Values};

/// One volume of a component's, of which replicas have one each.
struct Kept<'a> {
    component: Component,
    claim: &'a Claim,
    name: String,
    /// The folder below the data directory.
    folder: String,
}

/// The folders below the data directory in which components keep their data, each
/// with the component that owns it.
pub fn folders(values: &Values) -> Vec<(String, Component)> {
    let kept = kept(values);
    kept.into_iter()
        .map(|kept| (kept.folder, kept.component))
        .collect()
}

fn kept(values: &Values) -> Vec<Kept<'_>> {
    let mut all = Vec::new();
    for component in values.installed() {
        let Some(claim) = values.claim(component).filter(|claim| claim.enabled) else {
            continue;
        };
        // All pods of the file server share one.
        let volumes = match component {
            Component::Fileserver => 1,
            _ => values.replicas(component),
        };
        for index in 0..volumes {
            all.push(Kept {
                component,
                claim,
                name: claim_name(values, component, index),
                folder: match index {
                    0 => component.to_string(),
                    index => format!("{component}-{index}"),
                },
            });
        }
    }
    all
}

/// The claim's name: the chart's, or the one that a StatefulSet looks for.
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

/// The volumes, then the claims. A claim without an empty class gets the default
/// class, and with it silently a new, empty volume.
pub(super) fn objects(inputs: &Inputs<'_>) -> Vec<Value> {
    let kept = kept(inputs.values);
    let volumes = kept.iter().map(|kept| volume(inputs, kept));
    volumes.chain(kept.iter().map(pvc)).collect()
}

fn volume_name(kept: &Kept<'_>) -> String {
    format!("clearml-{}", kept.folder)
}

fn labels(component: Component) -> Value {
    json!({COMPONENT_LABEL: component.name(), KEEP_LABEL: "true"})
}

fn volume(inputs: &Inputs<'_>, kept: &Kept<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(kept), "labels": labels(kept.component)},
        "spec": {
            "capacity": {"storage": kept.claim.size},
            "accessModes": kept.claim.access_modes,
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": kept.claim.class,
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": NAMESPACE,
                "name": kept.name,
            },
            "hostPath": {
                "path": format!("{}/{}", inputs.data_root, kept.folder),
                "type": "Directory",
            },
        },
    })
}

fn pvc(kept: &Kept<'_>) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": kept.name, "namespace": NAMESPACE, "labels": labels(kept.component)},
        "spec": {
            "accessModes": kept.claim.access_modes,
            "storageClassName": kept.claim.class,
            "volumeName": volume_name(kept),
            "resources": {"requests": {"storage": kept.claim.size}},
        },
    })
}
