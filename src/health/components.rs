//! The components of a cluster: their observations and what they mean.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
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
    pub observation: ComponentObservation,
    pub state: State,
    pub finding: Option<Finding>,
    /// The last log lines of its container, if that has terminated.
    pub log: LogTail,
}

impl ComponentHealth {
    /// Returns the finding if waiting does not help.
    pub fn permanent_finding(&self) -> Option<&Finding> {
        let finding = self.finding.as_ref().filter(|finding| !finding.may_recover);
        finding.filter(|_| !self.observation.is_ready())
    }

    /// Whether the kubelet of its node does not report.
    pub(super) fn is_unreported(&self) -> bool {
        let mut pods = self.observation.pods.iter();
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
        observations: Vec<ComponentObservation>,
        until: Instant,
    ) -> Vec<ComponentHealth> {
        let ends = observations.iter().filter_map(|observation| {
            let end = unexplained_end(observation).filter(|end| !self.logs.contains_key(end))?;
            Some((observation, end))
        });
        let cluster = self.cluster;
        let reads = ends.map(|(observation, end)| async move {
            let read = timeout_at(until, last_lines(cluster, observation, LOG_LINES)).await;
            match read {
                Ok(Ok(log)) => Some((end, log)),
                // The next observation tries again.
                Ok(Err(error)) => {
                    tracing::debug!(component = %observation.component, %error, "cannot read the log");
                    None
                }
                Err(_) => None,
            }
        });
        let read = join_all(reads).await;
        self.logs.extend(read.into_iter().flatten());
        let assessed = observations.into_iter().map(|observation| {
            let log = unexplained_end(&observation).and_then(|end| self.logs.get(&end));
            let log = log.cloned().unwrap_or_default();
            let (state, finding) = assess(&observation, &log.lines);
            ComponentHealth {
                observation,
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

/// Observes a cluster once. Gives up at `until`; the logs, which are
/// read last, may take `for_logs` longer.
pub(crate) async fn observe(
    cluster: &Cluster,
    installed: Option<&[Component]>,
    until: Instant,
    for_logs: Duration,
) -> Result<Observed, ObserveError> {
    let observing = async {
        let (observations, version) = tokio::join!(cluster.observe(), cluster.version());
        Ok::<_, kube::Error>((observations?, version.ok()))
    };
    let (mut observations, kubernetes) = match timeout_at(until, observing).await {
        Ok(observed) => observed.map_err(ObserveError::Failed)?,
        Err(_) => return Err(ObserveError::TimedOut),
    };
    observations.retain(|one| installed.is_none_or(|all| all.contains(&one.component)));
    Ok(Observed {
        components: Assessor::new(cluster)
            .assess(observations, until + for_logs)
            .await,
        kubernetes,
    })
}

/// Returns those of the components that are not in the cluster.
pub(crate) async fn missing(
    cluster: &Cluster,
    components: &[Component],
) -> Result<Vec<Component>, kube::Error> {
    let observations = cluster.observe().await?;
    let missing = observations.iter().filter(|one| one.workload.is_none());
    let missing = missing.map(|one| one.component);
    Ok(missing.filter(|one| components.contains(one)).collect())
}

/// Returns the number of pods that each component of the cluster should have.
pub(crate) async fn desired_pods(
    cluster: &Cluster,
) -> Result<HashMap<Component, i32>, kube::Error> {
    let observations = cluster.observe().await?;
    let desired = observations
        .iter()
        .filter_map(|one| Some((one.component, one.workload.as_ref()?.desired)));
    Ok(desired.collect())
}

/// Whether a component is ready.
pub(crate) async fn is_ready(cluster: &Cluster, component: Component) -> Result<bool, kube::Error> {
    let observations = cluster.observe().await?;
    let mut ready = observations.iter().filter(|one| one.is_ready());
    Ok(ready.any(|one| one.component == component))
}
