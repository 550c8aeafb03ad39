//! The labels and settings that all objects and pods have in common.

use serde_json::{Value, json};

use super::Inputs;
use crate::component::{Component, RELEASE_NAME};
use crate::kube::{COMPONENT_LABEL, INSTANCE_LABEL};

/// The chart whose names and values these objects follow.
const CHART: &str = "clearml-4.0.0";

/// The value of `managed-by` and `heritage`, which is `Helm` in charts.
const MANAGER: &str = "clearml-local";

/// Kinds without a namespace.
pub(super) const CLUSTER_SCOPED: [&str; 5] = [
    "Namespace",
    "PersistentVolume",
    "ClusterRole",
    "ClusterRoleBinding",
    "IngressClass",
];

/// Adds the namespace and labels. In pod templates, also disables the variables of
/// services, which the server would read as settings, and the token of the service
/// account.
pub(super) fn add(object: &mut Value, inputs: &Inputs<'_>) {
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    if !CLUSTER_SCOPED.contains(&kind.as_str()) {
        object["metadata"]["namespace"] = json!(inputs.namespace);
    }
    let component = object["metadata"]["labels"][COMPONENT_LABEL].clone();
    let labels = [
        ("helm.sh/chart", CHART),
        ("app.kubernetes.io/name", &inputs.values.names.name),
        ("app.kubernetes.io/instance", RELEASE_NAME),
        ("app.kubernetes.io/version", &inputs.release.server),
        ("app.kubernetes.io/managed-by", MANAGER),
        (INSTANCE_LABEL, inputs.instance),
    ];
    for (name, value) in labels {
        object["metadata"]["labels"][name] = json!(value);
    }
    let of_sub_chart = of_sub_chart(&component, inputs);
    for (name, value) in &of_sub_chart {
        object["metadata"]["labels"][*name] = json!(value);
    }
    if let Some(pod) = object.pointer_mut("/spec/template") {
        pod["metadata"]["labels"][INSTANCE_LABEL] = json!(inputs.instance);
        // The pod of a job finishes, and a component with a finished pod would not be
        // ready.
        if kind != "Job" {
            pod["metadata"]["labels"][COMPONENT_LABEL] = component;
            for (name, value) in of_sub_chart {
                // Labels in a selector cannot be changed in place.
                if name != "heritage" && pod["metadata"]["labels"].get(name).is_none() {
                    pod["metadata"]["labels"][name] = json!(value);
                }
            }
        }
        pod["spec"]["enableServiceLinks"] = json!(false);
        pod["spec"]["automountServiceAccountToken"] = json!(false);
    }
}

/// Returns the labels that the objects of a database have in the chart's sub-charts,
/// because users select by them.
fn of_sub_chart(component: &Value, inputs: &Inputs<'_>) -> Vec<(&'static str, String)> {
    let is = |one: Component| *component == one.name();
    let labels = |labels: &[(&'static str, &str)]| {
        let owned = labels
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        owned.collect()
    };
    if is(Component::Mongodb) {
        labels(&[
            ("helm.sh/chart", "mongodb-10.3.4"),
            ("app.kubernetes.io/name", "mongodb"),
            ("app.kubernetes.io/component", "mongodb"),
        ])
    } else if is(Component::Redis) {
        labels(&[
            ("app", "redis"),
            ("chart", "redis-10.9.0"),
            ("release", RELEASE_NAME),
            ("heritage", MANAGER),
        ])
    } else if is(Component::Elasticsearch) {
        labels(&[
            ("app", &inputs.values.elasticsearch.full_name()),
            ("chart", "elasticsearch"),
            ("release", RELEASE_NAME),
            ("heritage", MANAGER),
        ])
    } else {
        Vec::new()
    }
}
