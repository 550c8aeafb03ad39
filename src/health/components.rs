//! The components of a cluster: their observations and what they mean.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::ObserveError;
use crate::component::{Component, State};
use crate::diagnose::{
    ComponentObservation, Finding, LogEnd, LogTail, Stale, assess, unexplained_end,
};
use crate::kube::{self, Cluster};
use crate::logs::last_lines;

/// The number of log lines that are searched for known causes.
pub(super) const LOG_LINES: u32 = 60;

/// The observation of one component and its assessment.
#[derive(Debug, Clone)]
pub struct ComponentHealth {
    pub seen: ComponentObservation,
    pub state: State,
    pub finding: Option<Finding>,
    /// The last log lines of its container, if that has terminated.
    pub log: LogTail,
}

impl ComponentHealth {
    /// Returns the finding if waiting does not help.
    pub fn permanent_finding(&self) -> Option<&Finding> {
        let finding = self.finding.as_ref().filter(|finding| !finding.heals);
        finding.filter(|_| !self.seen.is_ready())
    }

    /// Whether the kubelet of its node does not report.
    pub(super) fn is_unreported(&self) -> bool {
        let mut pods = self.seen.pods.iter();
        pods.any(|pod| pod.stale == Some(Stale::NoReport))
    }
}

/// Assesses the observations of a cluster's components, one after the other. Reads the log
/// of each termination of a container once.
#[derive(Debug)]
pub(super) struct Assessor<'a> {
    cluster: &'a Cluster,
    logs: HashMap<LogEnd, LogTail>,
}

impl<'a> Assessor<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Assessor<'a> {
        Assessor {
            cluster,
            logs: HashMap::new(),
        }
    }

    /// Assesses one observation. Logs that cannot be read until `until` are left out.
    pub(super) async fn assess(
        &mut self,
        seen: Vec<ComponentObservation>,
        until: Instant,
    ) -> Vec<ComponentHealth> {
        let ends = seen.iter().filter_map(|seen| {
            let end = unexplained_end(seen).filter(|end| !self.logs.contains_key(end))?;
            Some((seen, end))
        });
        let cluster = self.cluster;
        let reads = ends.map(|(seen, end)| async move {
            let read = timeout_at(until, last_lines(cluster, seen, LOG_LINES)).await;
            match read {
                Ok(Ok(log)) => Some((end, log)),
                // The next observation tries again.
                Ok(Err(error)) => {
                    tracing::debug!(component = %seen.component, %error, "cannot read the log");
                    None
                }
                Err(_) => None,
            }
        });
        let read = join_all(reads).await;
        self.logs.extend(read.into_iter().flatten());
        let assessed = seen.into_iter().map(|seen| {
            let log = unexplained_end(&seen).and_then(|end| self.logs.get(&end));
            let log = log.cloned().unwrap_or_default();
            let (state, finding) = assess(&seen, &log.lines);
            ComponentHealth {
                seen,
                state,
                finding,
                log,
            }
        });
        assessed.collect()
    }
}

/// One observation of a cluster.
pub(crate) struct Observed {
    pub(crate) components: Vec<ComponentHealth>,
    /// The Kubernetes version.
    pub(crate) kubernetes: Option<String>,
}

/// Connects to a cluster and observes it once. Gives up at `until`; the logs, which are
/// read last, may take `for_logs` longer.
pub(crate) async fn observe(
    kubeconfig: &str,
    node_started: Option<Timestamp>,
    installed: Option<&[Component]>,
    until: Instant,
    for_logs: Duration,
) -> Result<Observed, ObserveError> {
    let observing = async {
        let cluster = Cluster::connect(kubeconfig)
            .await?
            .with_node_started(node_started);
        let (seen, version) = tokio::join!(cluster.observe(), cluster.version());
        Ok::<_, kube::Error>((cluster, seen?, version.ok()))
    };
    let (cluster, mut seen, kubernetes) = match timeout_at(until, observing).await {
        Ok(observed) => observed.map_err(ObserveError::Failed)?,
        Err(_) => return Err(ObserveError::TimedOut),
    };
    seen.retain(|seen| installed.is_none_or(|installed| installed.contains(&seen.component)));
    Ok(Observed {
        components: Assessor::new(&cluster).assess(seen, until + for_logs).await,
        kubernetes,
    })
}

/// Returns those of the components that are not in the cluster.
///
/// # Errors
/// If the API server does not respond.
pub(crate) async fn missing(
    cluster: &Cluster,
    components: &[Component],
) -> Result<Vec<Component>, kube::Error> {
    let seen = cluster.observe().await?;
    let missing = seen.iter().filter(|one| one.workload.is_none());
    let missing = missing.map(|one| one.component);
    Ok(missing.filter(|one| components.contains(one)).collect())
}

/// Whether a component is ready.
///
/// # Errors
/// If the API server does not respond.
pub(crate) async fn is_ready(cluster: &Cluster, component: Component) -> Result<bool, kube::Error> {
    let seen = cluster.observe().await?;
    let mut ready = seen.iter().filter(|one| one.is_ready());
    Ok(ready.any(|one| one.component == component))
}
