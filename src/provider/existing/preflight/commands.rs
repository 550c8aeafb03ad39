//! Commands of other programs for hints.

use crate::path::quoted;
use crate::settings::ClusterSettings;

/// Returns a kubectl command in the namespace of the server.
pub(super) fn kubectl(place: &ClusterSettings, arguments: &str) -> String {
    let context = quoted(place.context.as_str());
    let namespace = &place.namespace;
    let kubeconfig = kubeconfig(place);
    format!("kubectl{kubeconfig} --context {context} --namespace {namespace} {arguments}")
}

/// Returns a Helm command in the namespace of the server.
pub(super) fn helm(place: &ClusterSettings, arguments: &str) -> String {
    let context = quoted(place.context.as_str());
    let namespace = &place.namespace;
    let kubeconfig = kubeconfig(place);
    format!("helm{kubeconfig} --kube-context {context} --namespace {namespace} {arguments}")
}

fn kubeconfig(place: &ClusterSettings) -> String {
    let path = place.kubeconfig.path();
    path.map_or_else(String::new, |path| {
        format!(" --kubeconfig {}", quoted(path))
    })
}
