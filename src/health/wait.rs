//! Waits for components. A wait reports what it waits for and why, and ends immediately if
//! waiting does not help.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable};
use jiff::Timestamp;
use tokio::time::Instant;

use super::components::{Assessor, ComponentHealth, LOG_LINES};
use super::stuck::unless_stuck;
use super::{Stuck, TimeLeft};
use crate::component::{Component, State, StateKind};
use crate::diagnose::{ComponentFailed, ComponentObservation, ContainerState, assess};
use crate::event::{Event, Events};
use crate::kube::{Cluster, Error};
use crate::logs::last_lines;
use crate::wait::{Attempt, Wait};

/// How often the cluster is observed: an observation costs the API server a few
/// milliseconds, and a change is noticed within half a second.
const PERIOD: Duration = Duration::from_millis(250);
/// How often the cluster is observed for changes that take Kubernetes only a moment.
const SHORT_PERIOD: Duration = Duration::from_millis(100);
/// How long the API server may be unreachable during a wait: it takes 60 s to terminate
/// while a client follows a log.
const OUTAGE: Duration = Duration::from_secs(90);
/// The timeout of reading the logs for one observation.
const LOGS: Duration = Duration::from_secs(10);
/// Timeout until replaced pods, which have the old settings, receive no more requests.
/// Kubernetes stops them as soon as a new pod is ready.
pub(crate) const REPLACED: Duration = Duration::from_secs(15);
/// The kubelet's reason for a container that the kernel killed for using too much memory.
const OOM_KILLED: &str = "OOMKilled";

/// The result of a wait for components.
#[derive(Debug)]
pub(super) enum Waited {
    /// All of them are ready.
    Ready(Vec<ComponentHealth>),
    /// One of them will not become ready.
    Failed(Box<ComponentFailed>),
}

/// Waits until the replaced pods of these components no longer receive requests; returns
/// whether that is the case at the deadline.
pub(crate) async fn await_replaced(
    cluster: &Cluster,
    components: &[Component],
    timeout: Duration,
) -> Result<bool, Error> {
    let wait = Wait::new("the old pods to be terminated").every(SHORT_PERIOD);
    let deadline = Instant::now() + timeout;
    let ended = wait.until(deadline).run(async || {
        let mut observations = observe(cluster, deadline).await?;
        observations.retain(|one| components.contains(&one.component));
        Ok::<_, Error>(match observations.iter().find(|one| one.replacing) {
            Some(one) => Attempt::Pending(format!("{} has one", one.component).into()),
            None => Attempt::Done(()),
        })
    });
    Ok(ended.await?.is_ok())
}

/// Waits until these components are ready, and reports the first state of each and every
/// change. Ends immediately if one of them needs help; the failure names the first one in
/// the order in which they depend on each other.
pub(super) async fn await_components(
    cluster: &Cluster,
    components: &[Component],
    timeout: Duration,
    mut report: impl FnMut(Component, &State),
) -> Result<Waited, Error> {
    let (deadline, began) = (Instant::now() + timeout, Timestamp::now());
    let mut first = first_observation(cluster).await?;
    let mut reported: HashMap<Component, State> = HashMap::new();
    let mut assessor = Assessor::new(cluster);
    let mut memory = KilledForMemory::default();
    let mut last = Vec::new();
    let wait = Wait::new("the components").every(PERIOD).until(deadline);
    let waited = wait.run(async || {
        let mut observations = match first.take() {
            Some(observations) => observations,
            None => observe(cluster, deadline).await?,
        };
        observations.retain(|one| components.contains(&one.component));
        for one in &mut observations {
            drop_old_terminations(one, began);
            memory.restore_reason(one);
        }
        let assessed = assessor.assess(observations, Instant::now() + LOGS).await;
        for one in &assessed {
            let component = one.observation.component;
            if reported.get(&component) != Some(&one.state) {
                report(component, &one.state);
                reported.insert(component, one.state.clone());
            }
        }
        if let Some((failed, finding)) = assessed
            .iter()
            .find_map(|one| Some((one, one.permanent_finding()?)))
        {
            let (finding, log) = (finding.clone(), failed.log.clone());
            let failure = ComponentFailed { finding, log };
            return Ok(Attempt::Done(Waited::Failed(Box::new(failure))));
        }
        if assessed.iter().all(|one| one.observation.is_ready()) {
            return Ok(Attempt::Done(Waited::Ready(assessed)));
        }
        last = assessed;
        Ok::<_, Error>(Attempt::Pending("not all of them are ready".into()))
    });
    match waited.await? {
        Ok(waited) => Ok(waited),
        Err(_) => Ok(Waited::Failed(
            failure_at_deadline(cluster, &last, timeout).await,
        )),
    }
}

/// Waits until these components are ready, and shows their states as events, with the time
/// since `began`. Ends when the place is `stuck`. `report` gets the states too.
pub(crate) async fn await_ready(
    cluster: &Cluster,
    components: &[Component],
    time: &TimeLeft,
    events: &Events,
    began: std::time::Instant,
    stuck: &mut dyn Stuck,
    mut report: impl FnMut(Component, &State),
) -> crate::error::Result<Vec<ComponentHealth>> {
    let left = time.deadline.saturating_duration_since(began);
    let waited = await_components(cluster, components, left, |component, state| {
        report(component, state);
        events.emit(Event::Component {
            component,
            state: state.clone(),
            seconds: began.elapsed().as_secs_f64(),
        });
    });
    let waited = Box::pin(async { Ok(waited.await?) });
    match unless_stuck(waited, async || stuck.check_components().await).await? {
        Waited::Ready(components) => Ok(components),
        Waited::Failed(late) if late.is_late() => Err(time.timed_out(*late)),
        Waited::Failed(failure) => Err((*failure).into()),
    }
}

/// Observes the cluster and deletes the pods that failed before or are in back-off, so that a
/// cause which is fixed by now does not count. Returns the observation if no pod was deleted.
async fn first_observation(cluster: &Cluster) -> Result<Option<Vec<ComponentObservation>>, Error> {
    let observations = cluster.observe().await?;
    let not_ready = observations.iter().filter(|one| !one.is_ready());
    let stuck = not_ready.flat_map(|one| {
        let finding = assess(one, &[]).1;
        let failed = finding.is_some_and(|finding| !finding.may_recover);
        let pods = one.pods.iter();
        let pods = pods.filter(|pod| !pod.ready || pod.shares_address_with.is_some());
        pods.filter(move |pod| failed || pod.is_in_back_off())
    });
    let stuck: Vec<&str> = stuck.map(|pod| pod.name.as_str()).collect();
    cluster.delete_pods(&stuck).await?;
    Ok(stuck.is_empty().then_some(observations))
}

/// Returns the failure at the deadline: a finding that might have gone away, or else the state
/// of the first component that does not wait for another one.
async fn failure_at_deadline(
    cluster: &Cluster,
    last: &[ComponentHealth],
    timeout: Duration,
) -> Box<ComponentFailed> {
    let not_ready = || last.iter().filter(|one| !one.observation.is_ready());
    let culprit = not_ready()
        .find(|one| one.state.kind != StateKind::Waiting)
        .or_else(|| not_ready().next())
        // Unreachable: the wait ends when all components are ready.
        .unwrap_or(&last[0]);
    let observation = &culprit.observation;
    let log = last_lines(cluster, observation, LOG_LINES).await;
    let log = log.unwrap_or_default();
    Box::new(match assess(observation, &log.lines).1 {
        Some(finding) => ComponentFailed { finding, log },
        None => ComponentFailed::not_ready(observation, timeout, log),
    })
}

/// Observes the cluster; retries while the API server is unreachable for a while.
async fn observe(cluster: &Cluster, deadline: Instant) -> Result<Vec<ComponentObservation>, Error> {
    let retry_until = deadline.min(Instant::now() + OUTAGE);
    let every = ConstantBuilder::new()
        .with_delay(PERIOD)
        .without_max_times();
    (|| cluster.observe())
        .retry(every)
        .when(|error: &Error| error.is_transient() && Instant::now() + PERIOD < retry_until)
        .notify(|error, _| tracing::debug!(%error, "cannot observe the cluster"))
        .await
}

/// Containers that the kernel has killed for using too much memory, by pod and name. The
/// reason is sometimes lost (seen on cgroup v1: only the first termination has it).
#[derive(Default)]
struct KilledForMemory(HashSet<(String, String)>);

impl KilledForMemory {
    /// Sets the reason of a later kill of such a container.
    fn restore_reason(&mut self, observation: &mut ComponentObservation) {
        for pod in &mut observation.pods {
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

/// Removes terminations before the wait began from running containers: their cause may be
/// fixed by now.
fn drop_old_terminations(observation: &mut ComponentObservation, began: Timestamp) {
    for pod in &mut observation.pods {
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
