//! The components of a cluster, as observed and as judged.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::NoAnswer;
use crate::component::{Component, State};
use crate::diagnose::{
    ComponentObservation, Finding, LogEnd, LogTail, Stale, assess, unexplained_end,
};
use crate::kube::{self, Cluster};
use crate::logs::last_lines;

/// How many lines of a log are looked at for known ends.
pub(super) const LOG_LINES: u32 = 60;

/// One component, as it was observed and what that means.
#[derive(Debug, Clone)]
pub struct ComponentHealth {
    /// What was observed.
    pub seen: ComponentObservation,
    /// What it does.
    pub state: State,
    /// What is wrong with it, if anything.
    pub finding: Option<Finding>,
    /// The end of the log of its container, where that has ended.
    pub log: LogTail,
}

impl ComponentHealth {
    /// What is wrong with it, if waiting does not help.
    pub fn beyond_help(&self) -> Option<&Finding> {
        let finding = self.finding.as_ref().filter(|finding| !finding.heals);
        finding.filter(|_| !self.seen.is_ready())
    }

    /// Whether its kubelet does not report.
    pub(super) fn is_unreported(&self) -> bool {
        let mut pods = self.seen.pods.iter();
        pods.any(|pod| pod.stale == Some(Stale::NoReport))
    }
}

/// Judges what is observed of a cluster's components, look after look. The log of each
/// end of a container is read once.
#[derive(Debug)]
pub(super) struct Judge<'a> {
    cluster: &'a Cluster,
    logs: HashMap<LogEnd, LogTail>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(cluster: &'a Cluster) -> Judge<'a> {
        Judge {
            cluster,
            logs: HashMap::new(),
        }
    }

    /// Judges one look. Logs that are not read by `until` are left out.
    pub(super) async fn judge(
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
                // Another try at the next look.
                Ok(Err(error)) => {
                    tracing::debug!(component = %seen.component, %error, "no log");
                    None
                }
                Err(_) => None,
            }
        });
        let read = join_all(reads).await;
        self.logs.extend(read.into_iter().flatten());
        let judged = seen.into_iter().map(|seen| {
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
        judged.collect()
    }
}

/// What one look at a cluster has found.
pub(crate) struct Observed {
    pub(crate) components: Vec<ComponentHealth>,
    /// The version of Kubernetes.
    pub(crate) kubernetes: Option<String>,
}

/// Looks once at a cluster of which nothing is known yet: gives up at `until`, and
/// waits for logs, which come last, for `for_logs` more.
pub(crate) async fn observe(
    kubeconfig: &str,
    node_started: Option<Timestamp>,
    installed: Option<&[Component]>,
    until: Instant,
    for_logs: Duration,
) -> Result<Observed, NoAnswer> {
    let look = async {
        let cluster = Cluster::connect(kubeconfig)
            .await?
            .on_node_started(node_started);
        let (seen, version) = tokio::join!(cluster.observe(), cluster.version());
        Ok::<_, kube::Error>((cluster, seen?, version.ok()))
    };
    let (cluster, mut seen, kubernetes) = match timeout_at(until, look).await {
        Ok(looked) => looked.map_err(NoAnswer::Failed)?,
        Err(_) => return Err(NoAnswer::Late),
    };
    seen.retain(|seen| installed.is_none_or(|installed| installed.contains(&seen.component)));
    Ok(Observed {
        components: Judge::new(&cluster).judge(seen, until + for_logs).await,
        kubernetes,
    })
}

/// Those of these components that are not in the cluster.
///
/// # Errors
/// When the server does not answer.
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
/// When the server does not answer.
pub(crate) async fn serves(cluster: &Cluster, component: Component) -> Result<bool, kube::Error> {
    let seen = cluster.observe().await?;
    let mut ready = seen.iter().filter(|one| one.is_ready());
    Ok(ready.any(|one| one.component == component))
}
