//! Checks whether kubelets report: the status of a pod is only valid as long as its
//! kubelet reports.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;

use crate::diagnose::{ContainerObservation, ContainerState, Ended, PodObservation, Stale};

/// The namespace in which kubelets renew their leases, named like their nodes.
const NODE_LEASES: &str = "kube-node-lease";
/// How long a kubelet may take from the start of the node to its first report.
const FIRST_REPORT: SignedDuration = SignedDuration::from_secs(60);

/// The reports of kubelets, from nodes and leases.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// When the node's container was started, if that is known.
    started: Option<Timestamp>,
    /// The last report of each node's kubelet, and how long it is valid.
    last: HashMap<String, (Timestamp, SignedDuration)>,
    /// The time of the newest lease. It is the clock of the cluster, so that clocks of
    /// different hosts are not compared.
    now: Option<Timestamp>,
    /// Nodes whose status is unknown to the cluster.
    unknown: HashSet<String>,
}

impl Reports {
    pub(super) fn of(nodes: &[Node], leases: &[Lease], started: Option<Timestamp>) -> Reports {
        let renewed = |lease: &Lease| lease.spec.as_ref()?.renew_time.as_ref().map(|at| at.0);
        let mut last = HashMap::new();
        for lease in leases {
            let is_node = lease.metadata.namespace.as_deref() == Some(NODE_LEASES);
            let spec = lease.spec.as_ref();
            let seconds = spec.and_then(|spec| spec.lease_duration_seconds);
            if let (true, Some(name), Some(at)) = (is_node, &lease.metadata.name, renewed(lease)) {
                let valid_for = SignedDuration::from_secs(seconds.unwrap_or(40).into());
                last.insert(name.clone(), (at, valid_for));
            }
        }
        let unknown = nodes.iter().filter(|node| ready(node) == Some("Unknown"));
        Reports {
            started,
            last,
            now: leases.iter().filter_map(renewed).max(),
            unknown: unknown.filter_map(|n| n.metadata.name.clone()).collect(),
        }
    }

    /// Returns why the statuses of a node's pods are outdated, or `None` if they are
    /// valid.
    pub(super) fn of_node(&self, node: &str) -> Option<Stale> {
        let no_report = self.unknown.contains(node).then_some(Stale::NoReport);
        let (Some(&(last, valid_for)), Some(now)) = (self.last.get(node), self.now) else {
            return no_report;
        };
        match self.started {
            Some(started) if last < started => {
                let late = now.duration_since(started) > FIRST_REPORT;
                Some(if late {
                    Stale::NoReport
                } else {
                    Stale::BeforeStart
                })
            }
            _ if now.duration_since(last) > valid_for => Some(Stale::NoReport),
            // The cluster takes a moment to notice that it reports again.
            _ if self.started.is_none() => no_report,
            _ => None,
        }
    }

    /// Removes outdated parts of a pod's status: terminations that belong to a stop of
    /// the node, and readiness that was not reported since.
    pub(super) fn apply(&self, pod: &mut PodObservation) {
        pod.stale = pod.node.as_deref().and_then(|node| self.of_node(node));
        // Kubernetes rounds times down to seconds.
        let started = self.started.map_or(i64::MIN, Timestamp::as_second);
        let before = |since: Option<Timestamp>| since.is_some_and(|at| at.as_second() < started);
        let mut containers = pod.containers.iter();
        if pod.stale.is_none()
            && containers.any(|container| match container.state {
                ContainerState::Running { since } => before(since),
                _ => false,
            })
        {
            pod.stale = Some(Stale::BeforeStart);
        }
        pod.ready &= pod.stale.is_none();
        // A node may be started in the second in which its databases stopped. Containerd and
        // the kubelet need longer than that, so nothing of this start can have ended in it.
        let stopped = |end: &Ended| end.finished.is_some_and(|at| at.as_second() <= started);
        let by_stop = |end: &Ended| is_lost(end) || stopped(end);
        for container in &mut pod.init {
            reset(container, |end| by_stop(end) && end.exit_code != 0);
        }
        for container in &mut pod.containers {
            reset(container, by_stop);
        }
    }
}

/// Returns whether containerd reports a container that was gone after a restart.
fn is_lost(end: &Ended) -> bool {
    end.exit_code == 255 && end.reason == "Unknown"
}

fn reset(container: &mut ContainerObservation, by_stop: impl Fn(&Ended) -> bool) {
    let is_last = container.last.as_ref().is_some_and(&by_stop);
    let is_restarting = match &container.state {
        ContainerState::Terminated(end) => by_stop(end),
        ContainerState::Waiting { reason, .. } => is_last && reason == "CrashLoopBackOff",
        ContainerState::Running { .. } => false,
    };
    if is_last {
        container.last = None;
    }
    if is_restarting {
        container.state = ContainerState::Waiting {
            reason: String::new(),
            message: String::new(),
        };
    }
}

/// Returns the status of a node's `Ready` condition: `True`, `False` or `Unknown`.
fn ready(node: &Node) -> Option<&str> {
    let conditions = node.status.as_ref()?.conditions.as_deref()?;
    let ready = conditions.iter().find(|one| one.type_ == "Ready")?;
    Some(&ready.status)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kube::convert;

    const START: &str = "2026-11-26T10:00:00.5Z";

    /// Returns the reports of a node whose kubelet renewed its lease at this time, while
    /// the newest lease is from `now`.
    fn reports(renewed: &str, now: &str, ready: &str) -> Reports {
        let lease = |namespace: &str, at: &str| {
            json!({"metadata": {"name": "n", "namespace": namespace},
                "spec": {"renewTime": at, "leaseDurationSeconds": 40}})
        };
        let leases = [lease(NODE_LEASES, renewed), lease("kube-system", now)];
        let leases = leases.map(|lease| serde_json::from_value(lease).unwrap());
        let node = json!({"metadata": {"name": "n"},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}});
        let node = serde_json::from_value(node).unwrap();
        Reports::of(&[node], &leases, Some(START.parse().unwrap()))
    }

    fn pod(status: Value) -> PodObservation {
        let pod = json!({"metadata": {"name": "p"},
            "spec": {"nodeName": "n", "containers": [{"name": "c"}]},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [status]}});
        convert::pod(&serde_json::from_value(pod).unwrap())
    }

    fn running(since: &str) -> PodObservation {
        pod(
            json!({"name": "c", "image": "i", "imageID": "", "ready": true, "restartCount": 0,
            "state": {"running": {"startedAt": since}}}),
        )
    }

    #[test]
    fn reports_from_before_the_start_of_the_node_are_outdated() {
        let before = "2026-11-26T09:59:00.000000Z";
        let after = "2026-11-26T10:00:09.000000Z";
        let mut old = running("2026-11-26T09:00:00Z");
        reports(before, before, "True").apply(&mut old);
        assert_eq!((old.ready, old.stale), (false, Some(Stale::BeforeStart)));
        // The kubelet reports, but has not reported this pod yet.
        let mut old = running("2026-11-26T09:00:00Z");
        reports(after, after, "True").apply(&mut old);
        assert_eq!(old.stale, Some(Stale::BeforeStart));
        let mut new = running("2026-11-26T10:00:00Z");
        reports(after, after, "True").apply(&mut new);
        assert_eq!((new.ready, new.stale), (true, None));
    }

    #[test]
    fn a_kubelet_that_does_not_renew_its_lease_does_not_report() {
        let (renewed, later) = ("2026-11-26T10:00:09.0Z", "2026-11-26T10:01:09.0Z");
        let mut pod = running("2026-11-26T10:00:05Z");
        reports(renewed, later, "True").apply(&mut pod);
        assert_eq!((pod.ready, pod.stale), (false, Some(Stale::NoReport)));
        let before = "2026-11-26T09:59:00.0Z";
        let no_report = reports(before, later, "Unknown").of_node("n");
        assert_eq!(no_report, Some(Stale::NoReport));
        assert_eq!(Reports::default().of_node("n"), None);
    }

    #[test]
    fn terminations_by_a_stop_of_the_node_are_ignored() {
        let after = "2026-11-26T10:00:09.0Z";
        let ended = |code: i32, reason: &str, finished: &str| {
            let mut pod = pod(
                json!({"name": "c", "image": "i", "imageID": "", "ready": false,
                "restartCount": 0, "state": {"terminated": {
                    "exitCode": code, "reason": reason, "finishedAt": finished}}}),
            );
            reports(after, after, "True").apply(&mut pod);
            matches!(pod.containers[0].state, ContainerState::Waiting { .. })
        };
        assert!(ended(143, "Error", "2026-11-26T09:59:58Z"));
        assert!(ended(0, "Completed", "2026-11-26T10:00:00Z"), "rounded");
        assert!(ended(255, "Unknown", "2026-11-26T10:00:04Z"));
        assert!(!ended(1, "Error", "2026-11-26T10:00:07Z"));
    }
}
