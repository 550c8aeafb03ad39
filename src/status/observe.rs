//! What the cluster says of its components.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::PATIENCE;
use crate::component::Component;
use crate::diagnose::{ComponentObservation, PodObservation, diagnose};
use crate::kube::{self, Cluster};

/// The time for the logs of components in trouble, which come last.
const LOGS_PATIENCE: Duration = Duration::from_millis(1600);
/// How much of the log of a component in trouble is read.
const LOG_LINES: i64 = 40;

/// What the cluster says.
pub(super) struct Seen {
    pub(super) components: Vec<ComponentObservation>,
    pub(super) logs: BTreeMap<Component, Vec<String>>,
    pub(super) kubernetes: Option<String>,
}

/// Asks the cluster how its components are, within the time that `status` has.
pub(super) async fn observe(
    kubeconfig: Option<String>,
    working: bool,
    started: Option<Timestamp>,
    began: Instant,
) -> Result<Seen, String> {
    let kubeconfig = kubeconfig.ok_or(match working {
        true => "the node is being created",
        false => "Kubernetes was not started in the node: an earlier `up` did not finish",
    })?;
    let look = async {
        let cluster = Cluster::connect(&kubeconfig)
            .await?
            .on_node_started(started);
        let (components, version) = tokio::join!(cluster.observe(), cluster.version());
        Ok::<_, kube::Error>((cluster, components?, version.ok()))
    };
    let looked = tokio::time::timeout_at((began + PATIENCE).into(), look).await;
    let (cluster, components, kubernetes) = match looked {
        Ok(Ok(seen)) => seen,
        Ok(Err(error)) => return Err(error.to_string()),
        Err(_) => return Err("the Kubernetes API does not answer".into()),
    };
    let until = began + LOGS_PATIENCE;
    let troubled = components.iter().filter(|seen| has_ended(seen));
    let logs = troubled.map(|seen| {
        let cluster = &cluster;
        async move {
            let tail = cluster.last_lines(seen, LOG_LINES);
            let tail = tokio::time::timeout_at(until.into(), tail)
                .await
                .ok()?
                .ok()?;
            Some((seen.component, tail.lines))
        }
    });
    let logs = futures_util::future::join_all(logs).await;
    Ok(Seen {
        logs: logs.into_iter().flatten().collect(),
        components,
        kubernetes,
    })
}

/// Whether something is wrong with a component of which only a log tells why: a
/// process that ended by itself.
fn has_ended(seen: &ComponentObservation) -> bool {
    let blocking = seen.pod().and_then(PodObservation::blocking);
    !seen.is_ready()
        && blocking.is_some_and(|(container, _)| container.ends() > 0)
        && diagnose(seen, &[]).is_some()
}
