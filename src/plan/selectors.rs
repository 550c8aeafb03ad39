//! Checks of the node selectors in the values against the labels of the node.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use crate::error::Result;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::kube::Cluster;
use crate::kubectl::Kubectl;
use crate::path::quoted;
use crate::preflight::{Failed, Finding};
use crate::values::keys::{self, Key};

const HOSTNAME: &str = "kubernetes.io/hostname";

/// The labels of one node.
pub(crate) type Labels = BTreeMap<String, String>;

/// Refuses selectors that no node matches before anything is applied: the pods would stay
/// pending.
pub(crate) async fn check(plan: &Plan, kubectl: &Kubectl, cluster: &Cluster) -> Result<()> {
    if wanted(plan).next().is_none() {
        return Ok(());
    }
    let nodes = cluster.node_labels().await?;
    match finding(plan, &nodes, kubectl) {
        Some(finding) => Err(Failed {
            findings: vec![finding],
        }
        .into()),
        None => Ok(()),
    }
}

/// Returns the key and the selector of each component that has one.
fn wanted(plan: &Plan) -> impl Iterator<Item = (&'static Key<Labels>, &Labels)> {
    let installed = plan.values.installed().into_iter();
    installed.filter_map(|component| {
        let selector = &plan.values.pods(component).node_selector;
        let key = &keys::pods(component).node_selector;
        (!selector.is_empty()).then_some((key, selector))
    })
}

/// Returns a finding if no node matches the selectors.
pub(crate) fn finding(plan: &Plan, nodes: &[Labels], kubectl: &Kubectl) -> Option<Finding> {
    let mut missing: BTreeMap<String, Vec<&Key<Labels>>> = BTreeMap::new();
    for (key, selector) in wanted(plan) {
        let has = |labels: &Labels, (name, value): (&String, &String)| {
            labels.get(name).is_some_and(|is| is == value)
        };
        if nodes
            .iter()
            .any(|node| selector.iter().all(|label| has(node, label)))
        {
            continue;
        }
        for label in selector {
            if !nodes.iter().any(|node| has(node, label)) {
                let (name, value) = label;
                let keys = missing.entry(format!("{name}={value}")).or_default();
                keys.push(key);
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    let list: Vec<String> = missing
        .iter()
        .map(|(label, keys)| {
            let keys: Vec<String> = keys.iter().map(|key| format!("`{key}`")).collect();
            format!("{label} ({})", keys.join(", "))
        })
        .collect();
    // A placeholder, unless there is only one node.
    let node = match nodes {
        [only] => only.get(HOSTNAME).map_or("NODE", String::as_str),
        _ => "NODE",
    };
    let labels: Vec<String> = missing.keys().map(quoted).collect();
    let nulls = missing.values().flatten().map(|key| format!("{key}=null"));
    let nulls: BTreeSet<String> = nulls.collect();
    let nulls = Vec::from_iter(nulls).join(",");
    Some(Finding {
        what: format!(
            "the node does not have labels that the values select it by: {}",
            list.join("; ")
        ),
        remedies: vec![
            Hint::run("remove the selectors", ours!(Up, "--set {nulls}")),
            Hint::run(
                "or label the node once it is running",
                kubectl.on_cluster(&format!("label node {node} {}", labels.join(" "))),
            ),
        ],
        failure: Failure::NodeSelector,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::KeptFile;
    use crate::settings::Instance;

    fn plan(text: &str) -> Plan {
        let mut instance = Instance::with_defaults(std::path::PathBuf::from("/data").into());
        instance.values.files = vec![KeptFile {
            path: "values.yaml".into(),
            text: text.into(),
        }];
        Plan::new("demo".parse().unwrap(), instance, None, 16_000_000_000).unwrap()
    }

    fn of_new_node(plan: &Plan, architecture: &str) -> Option<Finding> {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let labels = Labels::from([
            label(HOSTNAME, "demo-control-plane"),
            label("kubernetes.io/os", "linux"),
            label("kubernetes.io/arch", architecture),
        ]);
        finding(plan, &[labels], &Kubectl::in_node("demo-control-plane"))
    }

    #[test]
    fn reports_missing_labels_with_the_keys_that_select_them() {
        let own = plan(
            "apiserver: {nodeSelector: {app: clearml}}\nwebserver: {nodeSelector: {app: clearml, kubernetes.io/os: linux}}\n",
        );
        let finding = of_new_node(&own, "amd64").unwrap();
        assert_eq!(
            finding.what,
            "the node does not have labels that the values select it by: app=clearml (`apiserver.nodeSelector`, `webserver.nodeSelector`)"
        );
        assert_eq!(
            finding.remedies,
            [
                "remove the selectors: clearml-local up --set apiserver.nodeSelector=null,webserver.nodeSelector=null",
                "or label the node once it is running: docker exec demo-control-plane kubectl label node demo-control-plane app=clearml",
            ]
        );
    }

    #[test]
    fn accepts_labels_that_every_node_has() {
        let usual = plan("redis: {}\napiserver: {nodeSelector: {kubernetes.io/arch: amd64}}\n");
        assert_eq!(of_new_node(&usual, "amd64"), None);
        assert!(of_new_node(&usual, "arm64").is_some());
        assert_eq!(of_new_node(&plan(""), "amd64"), None);
    }
}
