//! Commands of other programs for hints.

use crate::path::quoted;
use crate::settings::ClusterSettings;

/// Returns a Helm command in the namespace of the server.
pub(super) fn helm(place: &ClusterSettings, arguments: &str) -> String {
    let context = quoted(place.context.as_str());
    let namespace = &place.namespace;
    let kubeconfig = place.kubeconfig.path();
    let kubeconfig = kubeconfig.map(|path| format!(" --kubeconfig {}", quoted(path)));
    let kubeconfig = kubeconfig.unwrap_or_default();
    format!("helm{kubeconfig} --kube-context {context} --namespace {namespace} {arguments}")
}
