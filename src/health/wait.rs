//! Waiting for components: a wait says what it waits for, why it is not over, and
//! ends at once when waiting does not help.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::components::{ComponentHealth, Judge, LOG_LINES};
use crate::component::{Component, State, StateKind};
use crate::diagnose::{ComponentObservation, ContainerState, Failure, assess};
use crate::kube::{Cluster, Error};
use crate::logs::last_lines;
use crate::wait::{Look, Wait};

/// How often the cluster is looked at: a look costs the API server a few
/// milliseconds, and a change is seen within half a second.
const PERIOD: Duration = Duration::from_millis(400);
/// The same for what takes Kubernetes a moment only.
const SOON: Duration = Duration::from_millis(100);
/// How long the API server may be away during a wait: one that is told to end
/// takes its 60 s while somebody follows a log.
const AWAY: Duration = Duration::from_secs(90);
/// How long the logs may take that a look needs.
const LOGS: Duration = Duration::from_secs(10);
/// The kubelet's word for a container that the kernel killed for memory.
const OOM_KILLED: &str = "OOMKilled";

/// How a wait for components ended.
#[derive(Debug)]
pub(crate) enum Waited {
    /// All of them are ready.
    Ready(Vec<ComponentHealth>),
    /// One of them does not become ready.
    Failed(Box<Failure>),
}

/// Waits until the pods of these components that were replaced get no more requests;
/// returns whether that is so at the deadline.
///
/// # Errors
/// When the API server is away for too long.
pub(crate) async fn await_replaced(
    cluster: &Cluster,
    components: &[Component],
    timeout: Duration,
) -> Result<bool, Error> {
    let wait = Wait::new("the old pods to be terminated").every(SOON);
    let deadline = Instant::now() + timeout;
    let ended = wait.until(deadline).run(async || {
        let mut seen = look(cluster, deadline).await?;
        seen.retain(|seen| components.contains(&seen.component));
        Ok::<_, Error>(match seen.iter().find(|seen| seen.replacing) {
            Some(seen) => Look::NotYet(format!("{} has one", seen.component).into()),
            None => Look::Done(()),
        })
    });
    Ok(ended.await?.is_ok())
}

/// Waits until these components are ready, and tells each change of state, the
/// first one included. Ends at once when one of them is beyond help; the
/// failure names the first such in the order in which they are needed.
///
/// # Errors
/// When the API server is away for too long.
pub(crate) async fn await_components(
    cluster: &Cluster,
    components: &[Component],
    timeout: Duration,
    mut tell: impl FnMut(Component, &State),
) -> Result<Waited, Error> {
    let (deadline, began) = (Instant::now() + timeout, Timestamp::now());
    let mut first = first_look(cluster).await?;
    let mut told: HashMap<Component, State> = HashMap::new();
    let mut judge = Judge::new(cluster);
    let mut memory = KilledForMemory::default();
    let mut last = Vec::new();
    let wait = Wait::new("the components").every(PERIOD).until(deadline);
    let waited = wait.run(async || {
        let mut seen = match first.take() {
            Some(seen) => seen,
            None => look(cluster, deadline).await?,
        };
        seen.retain(|seen| components.contains(&seen.component));
        seen.iter_mut().for_each(|seen| forget(seen, began));
        seen.iter_mut().for_each(|seen| memory.recall(seen));
        let judged = judge.judge(seen, Instant::now() + LOGS).await;
        for one in &judged {
            let component = one.seen.component;
            if told.get(&component) != Some(&one.state) {
                tell(component, &one.state);
                told.insert(component, one.state.clone());
            }
        }
        if let Some((failed, finding)) = judged
            .iter()
            .find_map(|one| Some((one, one.beyond_help()?)))
        {
            let (finding, log) = (finding.clone(), failed.log.clone());
            let failure = Failure { finding, log };
            return Ok(Look::Done(Waited::Failed(Box::new(failure))));
        }
        if judged.iter().all(|one| one.seen.is_ready()) {
            return Ok(Look::Done(Waited::Ready(judged)));
        }
        last = judged;
        Ok::<_, Error>(Look::NotYet("not all of them are ready".into()))
    });
    match waited.await? {
        Ok(waited) => Ok(waited),
        Err(_) => Ok(Waited::Failed(late(cluster, &last, timeout).await)),
    }
}

/// The first look; none after which pods were deleted, so that what the last `up` has
/// mended is not judged by its old back-off.
async fn first_look(cluster: &Cluster) -> Result<Option<Vec<ComponentObservation>>, Error> {
    let seen = cluster.observe().await?;
    let not_ready = seen.iter().filter(|seen| !seen.is_ready());
    let pods = not_ready.flat_map(|seen| &seen.pods);
    let stuck = pods.filter(|pod| pod.is_in_back_off());
    let stuck: Vec<&str> = stuck.map(|pod| pod.name.as_str()).collect();
    let deleted = cluster.delete_pods(&stuck).await?;
    Ok((deleted == 0).then_some(seen))
}

/// What to say at the deadline: a finding that might have healed, else the state
/// of the first component that waits for no other.
async fn late(cluster: &Cluster, last: &[ComponentHealth], timeout: Duration) -> Box<Failure> {
    let open = || last.iter().filter(|one| !one.seen.is_ready());
    let culprit = open()
        .find(|one| one.state.kind != StateKind::Waiting)
        .or_else(|| open().next())
        // Not reached: a wait whose components are all ready is over.
        .unwrap_or(&last[0]);
    let seen = &culprit.seen;
    let log = last_lines(cluster, seen, LOG_LINES).await;
    let log = log.unwrap_or_default();
    Box::new(match assess(seen, &log.lines).1 {
        Some(finding) => Failure { finding, log },
        None => Failure::not_ready(seen, timeout, log),
    })
}

/// One look; an API server that is away for a while is waited for.
async fn look(cluster: &Cluster, deadline: Instant) -> Result<Vec<ComponentObservation>, Error> {
    let patience = deadline.min(Instant::now() + AWAY);
    loop {
        match cluster.observe().await {
            Err(error) if error.is_transient() && Instant::now() + PERIOD < patience => {
                tracing::debug!(%error, "the look failed");
                tokio::time::sleep(PERIOD).await;
            }
            answer => return answer,
        }
    }
}

/// Containers that the kernel has killed for memory, by pod and name. Its word is lost
/// at times (seen on cgroup v1: the first end says so, the next ones are only killed).
#[derive(Default)]
struct KilledForMemory(HashSet<(String, String)>);

impl KilledForMemory {
    /// Takes a later kill of such a container for one of the same kind.
    fn recall(&mut self, seen: &mut ComponentObservation) {
        for pod in &mut seen.pods {
            for container in &mut pod.containers {
                let id = (pod.uid.clone(), container.name.clone());
                let current = match &mut container.state {
                    ContainerState::Terminated(end) => Some(end),
                    _ => None,
                };
                for end in current.into_iter().chain(&mut container.last) {
                    if end.reason == OOM_KILLED {
                        self.0.insert(id.clone());
                    } else if end.exit_code == 137 && self.0.contains(&id) {
                        end.reason = OOM_KILLED.to_owned();
                    }
                }
            }
        }
    }
}

/// Forgets how a container that runs ended before the wait began: whatever was
/// wrong may be put right since, and it gets its chance.
fn forget(seen: &mut ComponentObservation, began: Timestamp) {
    for pod in &mut seen.pods {
        for container in pod.init.iter_mut().chain(&mut pod.containers) {
            let running = matches!(container.state, ContainerState::Running { .. });
            let finished = container.last.as_ref().and_then(|last| last.finished);
            if running && finished.is_some_and(|finished| finished < began) {
                container.last = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
