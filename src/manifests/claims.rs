//! Volumes and claims with names and paths of our own: what a provisioner makes
//! is not found again after the cluster was made anew.

use serde_json::{Value, json};

use super::Inputs;
use crate::component::{Component, NAMESPACE};

/// The name of a component's volume.
fn volume_name(component: Component) -> String {
    format!("clearml-{component}")
}

/// The claim's size, a quantity.
fn size<'a>(inputs: &Inputs<'a>, component: Component) -> &'a str {
    match component {
        Component::Mongodb => &inputs.values.mongodb.size,
        Component::Redis => &inputs.values.redis.size,
        Component::Elasticsearch => &inputs.values.elasticsearch.size,
        _ => &inputs.values.fileserver_size,
    }
}

/// The volumes, then the claims. A claim without an empty class gets the default
/// class, and with it silently a new, empty volume.
pub(super) fn objects(inputs: &Inputs<'_>) -> Vec<Value> {
    let kept = Component::ALL
        .into_iter()
        .filter_map(|component| Some((component, component.claim()?)));
    let (volumes, claims): (Vec<Value>, Vec<Value>) = kept
        .map(|(component, claim)| {
            (
                volume(inputs, component, claim),
                pvc(inputs, component, claim),
            )
        })
        .unzip();
    volumes.into_iter().chain(claims).collect()
}

fn labels(component: Component) -> Value {
    json!({"clearml-local.io/component": component.name(), "clearml-local.io/keep": "true"})
}

fn volume(inputs: &Inputs<'_>, component: Component, claim: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": volume_name(component), "labels": labels(component)},
        "spec": {
            "capacity": {"storage": size(inputs, component)},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": NAMESPACE,
                "name": claim,
            },
            "hostPath": {
                "path": format!("{}/{component}", inputs.data_root),
                "type": "Directory",
            },
        },
    })
}

fn pvc(inputs: &Inputs<'_>, component: Component, claim: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim, "namespace": NAMESPACE, "labels": labels(component)},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeName": volume_name(component),
            "resources": {"requests": {"storage": size(inputs, component)}},
        },
    })
}
