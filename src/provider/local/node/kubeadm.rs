//! kubeadm's configuration, and the relevant lines of its output.

use minijinja::{Environment, UndefinedBehavior, context};
use rand::RngExt;
use serde_json::json;

use super::spec::{POD_SUBNET, SERVICE_SUBNET};

/// The directory of [`coredns_patch`] in the node.
const PATCHES: &str = "/kind/patches";
/// The file name that tells kubeadm which object to patch, if it supports that (1.37.2).
pub(super) const COREDNS_FILE: &str = "/kind/patches/corednsdeployment.json";

/// Returns the patch of the `CoreDNS` Deployment. kubeadm's readiness probe has a period of
/// 10 s, and no name resolves before it succeeds. With the node's address, `CoreDNS` reaches
/// the API before kube-proxy has set up the address of the service.
pub(super) fn coredns_patch(replicas: u8) -> String {
    let node_address = json!({"fieldRef": {"fieldPath": "status.hostIP"}});
    let container = json!({
        "name": "coredns",
        "readinessProbe": {"periodSeconds": 1},
        "env": [
            {"name": "KUBERNETES_SERVICE_HOST", "valueFrom": node_address},
            {"name": "KUBERNETES_SERVICE_PORT", "value": "6443"},
        ],
    });
    let template = json!({"spec": {"containers": [container]}});
    json!({"spec": {"replicas": replicas, "template": template}}).to_string()
}

#[derive(Debug, Clone)]
pub(super) struct Config<'a> {
    pub instance: &'a str,
    pub node: &'a str,
    /// The address in the container network.
    pub node_address: &'a str,
    /// The Kubernetes version without `v`.
    pub version: &'a str,
    /// The bootstrap token: `[a-z0-9]{6}.[a-z0-9]{16}`.
    pub token: &'a str,
    /// Whether the host has cgroup v1, which newer kubelets refuse by default.
    pub cgroup_v1: bool,
}

impl Config<'_> {
    pub(super) fn render(&self) -> String {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let template = include_str!("../../../../templates/kubeadm.yaml.j2");
        let rendered = environment.render_named_str(
            "kubeadm.yaml",
            template,
            context! {
                instance => self.instance,
                node => self.node,
                node_address => self.node_address,
                version => format!("v{}", self.version),
                token => self.token,
                cgroup_v1 => self.cgroup_v1,
                patches => PATCHES,
                never_verify_pulls => super::verifies_pulls(self.version),
                pod_subnet => POD_SUBNET,
                service_subnet => SERVICE_SUBNET,
            },
        );
        rendered.expect("the template is part of the program and its values are complete")
    }
}

/// Generates a bootstrap token. With kind's constant token, any process on the host could
/// join as a node and read every Secret.
pub(super) fn random_token() -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut rng = rand::rng();
    let mut draw = |length: usize| -> String {
        (0..length)
            .map(|_| char::from(ALPHABET[rng.random_range(0..ALPHABET.len())]))
            .collect()
    };
    format!("{}.{}", draw(6), draw(16))
}

fn last_line(text: &str) -> Option<&str> {
    text.lines().map(str::trim).rfind(|line| !line.is_empty())
}

/// Finds the lines of kubeadm's output and the kubelet's journal that explain a failure:
/// the reason, then other relevant lines.
pub(super) fn find_reason(kubeadm: &str, journal: &str) -> (String, Vec<String>) {
    const MARKERS: [&str; 7] = [
        "error execution phase",
        "failed to run Kubelet",
        "\"command failed\"",
        "[ERROR",
        "no space left",
        "too many open files",
        "err=",
    ];
    let relevant = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim).filter(|line| {
            let is_relevant = MARKERS.iter().any(|word| line.contains(word));
            (is_relevant || line.to_lowercase().starts_with("error"))
                && !line.contains("stack trace")
        });
        lines.map(str::to_owned).collect()
    };
    let from_kubeadm = relevant(kubeadm);
    let from_kubelet = relevant(journal);
    let reason = from_kubelet
        .iter()
        .rev()
        .find(|line| line.contains("failed to run Kubelet") || line.contains("command failed"))
        .or(from_kubeadm.last())
        .cloned()
        .unwrap_or_else(|| last_line(kubeadm).unwrap_or("it gave no reason").to_owned());
    let mut tail = from_kubeadm;
    tail.extend(from_kubelet.into_iter().rev().take(5).rev());
    tail.retain(|line| *line != reason);
    tail.dedup();
    let skip = tail.len().saturating_sub(10);
    (reason, tail.split_off(skip))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    #[test]
    fn renders_the_configuration() {
        let config = Config {
            instance: "demo",
            node: "demo-control-plane",
            node_address: "172.18.0.2",
            version: "1.37.0",
            token: "abc123.0123456789abcdef",
            cgroup_v1: true,
        };
        let text = config.render();
        assert_eq!(yaml::documents(&text).unwrap().len(), 4);
        insta::assert_snapshot!(text);
    }

    /// A kubelet that does not support the setting would not start with it.
    #[test]
    fn kubelets_that_verify_pulls_are_configured_not_to() {
        let of = |version| Config {
            instance: "demo",
            node: "demo-control-plane",
            node_address: "172.18.0.2",
            version,
            token: "abc123.0123456789abcdef",
            cgroup_v1: false,
        };
        let line = "imagePullCredentialsVerificationPolicy: NeverVerify";
        for (version, expected) in [("1.34.3", false), ("1.35.0", true), ("1.37.2", true)] {
            let text = of(version).render();
            assert_eq!(text.lines().any(|l| l == line), expected, "{version}");
        }
    }

    #[test]
    fn tokens_are_random_and_have_kubeadms_format() {
        let (one, two) = (random_token(), random_token());
        assert_ne!(one, two);
        assert_eq!(one.len(), 23);
        assert_eq!(one.find('.'), Some(6));
    }

    #[test]
    fn the_kubelets_reason_comes_first() {
        let journal = "Nov 23 kubelet[1]: I0101 fine\nNov 23 kubelet[1]: E1 \"command failed\" err=\"failed to run Kubelet: cgroup v1 is not supported\"";
        let kubeadm = "[init] ok\nerror execution phase wait-control-plane: timed out";
        let (reason, tail) = find_reason(kubeadm, journal);
        assert!(reason.contains("cgroup v1 is not supported"), "{reason}");
        assert_eq!(
            tail,
            ["error execution phase wait-control-plane: timed out"]
        );
    }
}
