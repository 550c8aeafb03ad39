//! Whether the nodes can run the pods: size, architecture, selectors and taints.

use std::collections::HashMap;

use k8s_openapi::api::core::v1::{Node, NodeSelectorRequirement, NodeSelectorTerm, Taint};

use super::workloads::{Size, Workload, requests};
use super::{Checked, Input};
use crate::failures::Failure;
use crate::hint::Hint;
use crate::quantity::bytes;

const ARCHITECTURE: &str = "kubernetes.io/arch";
/// The architecture of the images of the servers. Those of the databases have several.
const SUPPORTED: &str = "amd64";

pub(super) fn check(input: &Input<'_>, workloads: &[Workload], report: &mut Checked) {
    let Some(nodes) = input.facts.survey.nodes.known() else {
        return;
    };
    let architecture = |node: &&Node| label(node, ARCHITECTURE) == Some(SUPPORTED);
    if !nodes.iter().any(|node| architecture(&node)) {
        report.find(
            Failure::ClusterArchitecture,
            format!("the cluster has no node with the architecture {SUPPORTED}, which the images of the server need"),
            vec![Hint::text("add such a node, or use another cluster")],
        );
        return;
    }
    let free = free(input, nodes);
    for workload in workloads {
        let suitable: Vec<&Node> = nodes
            .iter()
            .filter(|node| can_run(workload, node))
            .collect();
        let is_server = workload
            .component
            .is_some_and(|component| !component.is_database());
        let (suitable, others): (Vec<&Node>, Vec<&Node>) = match is_server {
            true => suitable.into_iter().partition(architecture),
            false => (suitable, Vec::new()),
        };
        if suitable.is_empty() {
            report.find(
                Failure::NodeSelector,
                format!(
                    "no node can run the pods of {workload}: none has their node selector and \
                     only taints that they tolerate{}",
                    if is_server {
                        ", with the architecture amd64"
                    } else {
                        ""
                    }
                ),
                vec![Hint::text(
                    "change `nodeSelector` and `tolerations` in the values",
                )],
            );
            continue;
        }
        if let Some(other) = others.first() {
            report.find(
                Failure::ClusterArchitecture,
                format!(
                    "pods of {workload} could start on the node `{}`, whose architecture is {}; \
                     their image is only for {SUPPORTED}",
                    node_name(other),
                    label(other, ARCHITECTURE).unwrap_or("unknown")
                ),
                vec![Hint::text(format!(
                    "set `nodeSelector` to `{ARCHITECTURE}: {SUPPORTED}` for the servers in the \
                     values"
                ))],
            );
        }
        fits(input, workload, &suitable, free.as_ref(), report);
    }
}

/// Checks the requests of a workload's pod against the nodes that can run it.
fn fits(
    input: &Input<'_>,
    workload: &Workload,
    nodes: &[&Node],
    free: Option<&HashMap<&str, Size>>,
    report: &mut Checked,
) {
    let wanted = workload.requests();
    if !nodes.iter().any(|node| wanted.fits(allocatable(node))) {
        let by_memory = |one: &&&Node, other: &&&Node| {
            allocatable(one)
                .memory
                .total_cmp(&allocatable(other).memory)
        };
        let Some(largest) = nodes.iter().max_by(by_memory) else {
            return;
        };
        report.find(
            Failure::NoRoom,
            format!(
                "no node can hold a pod of {workload}: it requests {wanted}, and the largest node \
                 `{}` has {}",
                node_name(largest),
                allocatable(largest)
            ),
            vec![Hint::text(
                "request less in `resources` of the values, or add a larger node",
            )],
        );
        return;
    }
    let Some(free) = free.filter(|_| !input.exists(&workload.kind, &workload.name)) else {
        return;
    };
    let has_room = |node: &&&Node| {
        let free = free.get(node_name(node)).copied().unwrap_or_default();
        wanted.fits(free)
    };
    if !nodes.iter().any(|node| has_room(&node)) {
        report.warn(format!(
            "no node has room for a pod of {workload} at the moment: it requests {wanted}"
        ));
    }
}

/// Returns what the pods of each node leave free, if they are known.
fn free<'a>(input: &Input<'_>, nodes: &'a [Node]) -> Option<HashMap<&'a str, Size>> {
    let pods = input.facts.survey.pods.known()?;
    let mut free: HashMap<&str, Size> = nodes
        .iter()
        .map(|node| (node_name(node), allocatable(node)))
        .collect();
    for spec in pods.iter().filter_map(|pod| pod.spec.as_ref()) {
        let node = spec.node_name.as_deref().unwrap_or_default();
        if let Some(free) = free.get_mut(node) {
            *free = *free - requests(spec);
        }
    }
    Some(free)
}

fn allocatable(node: &Node) -> Size {
    let status = node.status.as_ref();
    let allocatable = status.and_then(|status| status.allocatable.as_ref());
    let amount = |resource: &str| allocatable.and_then(|all| bytes(&all.get(resource)?.0));
    Size {
        cpu: amount("cpu").unwrap_or_default(),
        memory: amount("memory").unwrap_or_default(),
    }
}

/// Returns whether a node accepts the pods of a workload, whatever else runs on it.
fn can_run(workload: &Workload, node: &Node) -> bool {
    let spec = node.spec.as_ref();
    if spec.is_some_and(|spec| spec.unschedulable == Some(true)) {
        return false;
    }
    let mut taints = spec.iter().flat_map(|spec| spec.taints.iter().flatten());
    let pod = &workload.pod;
    let mut selector = pod.node_selector.iter().flatten();
    let affinity = pod.affinity.as_ref();
    let affinity = affinity.and_then(|affinity| affinity.node_affinity.as_ref());
    let required = affinity.and_then(|affinity| {
        affinity
            .required_during_scheduling_ignored_during_execution
            .as_ref()
    });
    taints.all(|taint| taint.effect == "PreferNoSchedule" || tolerates(workload, taint))
        && selector.all(|(key, value)| label(node, key) == Some(value))
        && required.is_none_or(|required| {
            let mut terms = required.node_selector_terms.iter();
            terms.any(|term| matches(term, node))
        })
}

fn tolerates(workload: &Workload, taint: &Taint) -> bool {
    let mut tolerations = workload.pod.tolerations.iter().flatten();
    tolerations.any(|toleration| {
        let effect = toleration.effect.as_deref().unwrap_or_default();
        let key = toleration.key.as_deref().unwrap_or_default();
        let value = toleration.value.as_deref().unwrap_or_default();
        let has_value = toleration.operator.as_deref() == Some("Exists")
            || value == taint.value.as_deref().unwrap_or_default();
        (effect.is_empty() || effect == taint.effect)
            && (key.is_empty() || key == taint.key)
            && has_value
    })
}

/// Returns whether a node meets all requirements of a term. Numbers are not compared.
fn matches(term: &NodeSelectorTerm, node: &Node) -> bool {
    let meets = |requirement: &NodeSelectorRequirement, value: Option<&str>| {
        let values = requirement.values.as_deref().unwrap_or_default();
        let is_listed = value.is_some_and(|value| values.iter().any(|one| one == value));
        match requirement.operator.as_str() {
            "In" => is_listed,
            "NotIn" => !is_listed,
            "Exists" => value.is_some(),
            "DoesNotExist" => value.is_none(),
            _ => true,
        }
    };
    let mut labels = term.match_expressions.iter().flatten();
    let mut fields = term.match_fields.iter().flatten();
    labels.all(|one| meets(one, label(node, &one.key)))
        && fields.all(|one| meets(one, Some(node_name(node))))
}

fn label<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    let labels = node.metadata.labels.as_ref()?;
    labels.get(key).map(String::as_str)
}

fn node_name(node: &Node) -> &str {
    node.metadata.name.as_deref().unwrap_or_default()
}
