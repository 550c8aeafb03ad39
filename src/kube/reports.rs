//! Whether the kubelets still report: what the API says of a pod is only as good as
//! the last report of the kubelet that runs it.

use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;

use crate::diagnose::{ContainerObservation, ContainerState, Ended, PodObservation, Stale};

/// Where kubelets renew their leases, each under its node's name.
const NODE_LEASES: &str = "kube-node-lease";
/// How long a kubelet may take from the node's start to its first report.
const FIRST_REPORT: SignedDuration = SignedDuration::from_secs(60);

/// What nodes and leases say of the kubelets' reports.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// When the node's container was started, where that is known.
    started: Option<Timestamp>,
    /// The last report of each node's kubelet, and how long one is good for.
    last: HashMap<String, (Timestamp, SignedDuration)>,
    /// The newest of all leases: the cluster's own clock, so that no other machine's
    /// is compared with it.
    now: Option<Timestamp>,
    /// Nodes of which the cluster itself says that nothing is heard.
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
                let good = SignedDuration::from_secs(seconds.unwrap_or(40).into());
                last.insert(name.clone(), (at, good));
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

    /// Why a node's kubelet cannot be relied on, if so.
    pub(super) fn of_node(&self, node: &str) -> Option<Stale> {
        let silent = self.unknown.contains(node).then_some(Stale::NoReport);
        let (Some(&(last, good)), Some(now)) = (self.last.get(node), self.now) else {
            return silent;
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
            _ if now.duration_since(last) > good => Some(Stale::NoReport),
            // The cluster takes a moment to see that it reports again.
            _ if self.started.is_none() => silent,
            _ => None,
        }
    }

    /// Takes from a pod what does not hold any more: ends that belong to the node's
    /// stop, and readiness that nobody has reported since.
    pub(super) fn apply(&self, pod: &mut PodObservation) {
        pod.stale = pod.node.as_deref().and_then(|node| self.of_node(node));
        let before = |since: Option<Timestamp>| {
            // Kubernetes' times are whole seconds, rounded down.
            let started = self.started.map(|started| started.as_second());
            since
                .zip(started)
                .is_some_and(|(since, started)| since.as_second() < started)
        };
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
        let of_stop = |end: &Ended| is_lost(end) || before(end.finished);
        for container in &mut pod.init {
            forget(container, |end| of_stop(end) && end.exit_code != 0);
        }
        for container in &mut pod.containers {
            forget(container, of_stop);
        }
    }
}

/// containerd's word for a container that was gone when it came back.
fn is_lost(end: &Ended) -> bool {
    end.exit_code == 255 && end.reason == "Unknown"
}

fn forget(container: &mut ContainerObservation, of_stop: impl Fn(&Ended) -> bool) {
    let is_last = container.last.as_ref().is_some_and(&of_stop);
    let starts = match &container.state {
        ContainerState::Terminated(end) => of_stop(end),
        ContainerState::Waiting { reason, .. } => is_last && reason == "CrashLoopBackOff",
        ContainerState::Running { .. } => false,
    };
    if is_last {
        container.last = None;
    }
    if starts {
        container.state = ContainerState::Waiting {
            reason: String::new(),
            message: String::new(),
        };
    }
}

/// The status of a node's `Ready` condition: `True`, `False` or `Unknown`.
fn ready(node: &Node) -> Option<&str> {
    let conditions = node.status.as_ref()?.conditions.as_deref()?;
    let ready = conditions.iter().find(|one| one.type_ == "Ready")?;
    Some(&ready.status)
}
