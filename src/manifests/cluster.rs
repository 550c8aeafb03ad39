//! What objects need in an existing cluster: pods move between nodes, and users notice it if
//! a server is updated or a node is drained.

use serde_json::{Value, json};

use super::Inputs;
use crate::component::Component;
use crate::kube::COMPONENT_LABEL;

/// Seconds between the decision to stop a pod and the signal to its server. On a local node,
/// only kube-proxy needs to notice, which updates once a second.
const PAUSE_OF_NODE: u32 = 3;
/// In an existing cluster, ingress controllers and load balancers follow later.
const PAUSE_OF_CLUSTER: u32 = 10;
/// Seconds within which a server must end, including the pause.
const GRACE_PERIOD: u32 = PAUSE_OF_CLUSTER + 30;

/// Returns how long a server responds after its pod was told to stop, in seconds: requests
/// arrive until everything that forwards them uses another pod.
pub(super) fn stop_pause(inputs: &Inputs<'_>, component: Component) -> u32 {
    match inputs.is_for_cluster() && is_replaced_while_it_runs(component) {
        true => PAUSE_OF_CLUSTER,
        false => PAUSE_OF_NODE,
    }
}

/// Returns whether two pods of a server may run at the same time during an update. All pods
/// of the file server share a volume that only one node can mount.
fn is_replaced_while_it_runs(component: Component) -> bool {
    matches!(component, Component::Apiserver | Component::Webserver)
}

/// Returns an affinity that spreads replicas over nodes, unless the values have one. It
/// is soft, so that one node can run all of them.
pub(super) fn spread(inputs: &Inputs<'_>, component: Component) -> Option<Value> {
    let values = inputs.values;
    let is_spread = match component {
        Component::Mongodb | Component::Elasticsearch => true,
        _ => inputs.is_for_cluster() && is_replaced_while_it_runs(component),
    };
    let own = values.pods(component).affinity.as_object();
    let has_affinity = own.is_some_and(|own| !own.is_empty());
    if !is_spread || has_affinity || values.replicas(component) < 2 {
        return None;
    }
    let selector = json!({"matchLabels": {COMPONENT_LABEL: component.name()}});
    let term = json!({"labelSelector": selector, "topologyKey": "kubernetes.io/hostname"});
    Some(
        json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution":
        [{"weight": 100, "podAffinityTerm": term}]}}),
    )
}

/// Completes the workloads, and adds a disruption budget for each that has several pods.
pub(super) fn complete(objects: &mut Vec<Value>) {
    let is_workload = |object: &Value| object["spec"].get("template").is_some();
    for object in objects.iter_mut().filter(|object| is_workload(object)) {
        replace_pods(object);
        keep_owner_of_volumes(object);
    }
    let budgets: Vec<Value> = objects.iter().filter_map(budget).collect();
    for budget in budgets {
        let selector = |object: &Value| object["spec"]["selector"].clone();
        let has_one = objects.iter().any(|object| {
            object["kind"] == "PodDisruptionBudget" && selector(object) == selector(&budget)
        });
        if !has_one {
            objects.push(budget);
        }
    }
}

/// Sets how the pods of a server are replaced.
fn replace_pods(object: &mut Value) {
    let component = object["metadata"]["labels"][COMPONENT_LABEL].as_str();
    match component.and_then(Component::from_name) {
        Some(Component::Fileserver) => object["spec"]["strategy"] = json!({"type": "Recreate"}),
        Some(component) if is_replaced_while_it_runs(component) => {
            // A new pod responds before an old one stops.
            object["spec"]["strategy"] =
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0}});
            object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] =
                json!(GRACE_PERIOD);
        }
        _ => {}
    }
}

/// Without this, the kubelet changes the group of all files each time a pod starts, which
/// takes minutes for large volumes.
fn keep_owner_of_volumes(object: &mut Value) {
    let context = object.pointer_mut("/spec/template/spec/securityContext");
    if let Some(context) = context.filter(|context| context.get("fsGroup").is_some()) {
        context["fsGroupChangePolicy"] = json!("OnRootMismatch");
    }
}

/// Returns the budget with which a node is drained one pod at a time. A single pod has none:
/// its node could not be drained.
fn budget(workload: &Value) -> Option<Value> {
    let several = workload["spec"]["replicas"].as_u64()? > 1;
    several.then(|| {
        json!({
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {
                "name": workload["metadata"]["name"],
                "labels": {COMPONENT_LABEL: workload["metadata"]["labels"][COMPONENT_LABEL]},
            },
            "spec": {"maxUnavailable": 1, "selector": workload["spec"]["selector"]},
        })
    })
}
