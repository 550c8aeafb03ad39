//! Repairs of a complete node after an interrupted stop, stopped services or expired
//! certificates.

use jiff::Timestamp;

use crate::docker::Engine;
use crate::error::Result;
use crate::event::Step;
use crate::provider::local::node::{self, Inspection};

/// The repairs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Revived {
    pub changed: bool,
    /// Whether certificates were renewed. Copies of the kubeconfig are then out of date.
    pub renewed: bool,
    /// When all components had stopped, if a stop was finished. What Kubernetes knows about
    /// their pods is from before, until the kubelet has reported.
    pub stopped: Option<Timestamp>,
}

/// Finishes an interrupted stop, starts stopped services and renews certificates that expire
/// soon in a running node. Updates `found`, the result of the inspection, if it changes.
pub(super) async fn revive(
    engine: &dyn Engine,
    node: &str,
    found: &mut Inspection,
    step: &Step,
) -> Result<Revived> {
    let mut revived = Revived::default();
    if found.stop_interrupted {
        revived.stopped = node::finish_interrupted_stop(engine, node, step).await?;
    }
    if found.stop_interrupted || !found.services_running {
        let started = node::ensure_services(engine, node).await?;
        if !started.is_empty() {
            step.state(format!("starting {} (not running)", started.join(" and ")));
            node::wait_for_containerd(engine, node).await?;
            revived.changed = true;
        }
    }
    let now = Timestamp::now();
    if found.certificates.need_renewal(now) {
        let why = found.certificates.warning(now).unwrap_or_default();
        step.state(format!("renewing certificates: {why}"));
        node::renew_certificates(engine, node, &found.certificates).await?;
        // The kubeconfig contains a new certificate.
        *found = node::inspect(engine, node).await?;
        revived.changed = true;
        revived.renewed = true;
    }
    Ok(revived)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::{FakeEngine, State};
    use crate::docker::{Container, Output};
    use crate::event::Events;

    const STOPPED: &str = "2026-11-27T10:00:00.123456789Z";
    const APISERVER: &str = include_str!("node/certificates/apiserver.pem");
    const SERVICES: &str = "\n@@ services\nActiveState=active\nUnitFileState=enabled\n\n\
        ActiveState=active\nUnitFileState=enabled\n";

    /// Returns the repairs of a node with this inspection, and the commands for them.
    async fn revived(inspection: &str) -> (Revived, Vec<String>) {
        let inspection = inspection.to_owned();
        let answer = move |_: &str, argv: &[&str]| Output {
            stdout: match argv {
                [_, _, script, ..] if script.contains("@@ bootstrapped") => inspection.clone(),
                [_, _, script, ..] if script.contains("reset-failed") => "kubelet\n".to_owned(),
                [_, _, script, ..] if script.contains("date -u") => format!("{STOPPED}\n"),
                _ => String::new(),
            },
            ..Output::default()
        };
        let node = Container {
            name: "n".into(),
            running: true,
            ..Container::default()
        };
        let engine = FakeEngine::new(State {
            containers: [("n".to_owned(), node)].into(),
            ..State::default()
        })
        .with_exec(Box::new(answer));
        let step = Events::silent().step("node");
        let mut found = node::inspect(&engine, "n").await.unwrap();
        engine.state().calls.clear();
        let revived = revive(&engine, "n", &mut found, &step).await.unwrap();
        let calls = engine.state().calls.clone();
        (revived, calls)
    }

    #[tokio::test]
    async fn a_healthy_node_is_not_changed() {
        assert_eq!(revived(SERVICES).await, (Revived::default(), Vec::new()));
    }

    #[tokio::test]
    async fn stopped_services_are_started() {
        let (revived, calls) = revived(&SERVICES.replacen("active", "inactive", 1)).await;
        assert!(revived.changed && !revived.renewed);
        assert!(calls[0].contains("systemctl start"), "{calls:?}");
        assert!(calls[1].contains("ctr -n k8s.io version"), "{calls:?}");
        assert_eq!(calls.len(), 2);
    }

    /// Services may still be running although a stop is about to end them.
    #[tokio::test]
    async fn an_interrupted_stop_is_finished_before_services_are_started() {
        let (revived, calls) = revived(&format!("\n@@ stop\n{SERVICES}")).await;
        // What Kubernetes knows about the pods is from before.
        assert_eq!(revived.stopped, Some(STOPPED.parse().unwrap()));
        let at = |words: &str| calls.iter().position(|call| call.contains(words)).unwrap();
        assert!(at("pkill") < at("systemctl start"), "{calls:?}");
    }

    #[tokio::test]
    async fn a_node_with_renewed_certificates_is_inspected_again() {
        let other_address = format!(
            "{SERVICES}\n@@ certificates\n== address 172.20.0.7\n== apiserver\n{APISERVER}"
        );
        let (revived, calls) = revived(&other_address).await;
        assert!(revived.changed && revived.renewed);
        assert!(calls[0].contains("kubeadm certs renew"), "{calls:?}");
        assert!(calls[1].contains("@@ bootstrapped"), "{calls:?}");
        assert_eq!(calls.len(), 2);
    }
}
