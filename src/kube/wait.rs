//! Waiting for components: a wait says what it waits for, why it is not over, and
//! ends at once when waiting does not help.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{Cluster, Error};
use crate::component::Component;
use crate::diagnose::{
    ComponentObservation, ContainerState, Failure, Finding, LogTail, State, StateKind, assess,
    describe,
};
use crate::error::{Code, Explain};
use crate::wait::{Look, Wait};

/// How often the cluster is looked at: a look costs the API server a few
/// milliseconds, and a change is seen within half a second.
const PERIOD: Duration = Duration::from_millis(400);
/// The same for what takes Kubernetes a moment only.
const SOON: Duration = Duration::from_millis(100);
/// How long the API server may be away during a wait: one that is told to end
/// takes its 60 s while somebody follows a log.
const AWAY: Duration = Duration::from_secs(90);
/// The kubelet's word for a container that the kernel killed for memory.
const OOM_KILLED: &str = "OOMKilled";
/// How many lines of a log are looked at for known ends.
const LOG_LINES: i64 = 60;

/// Why a wait ended without what it waited for.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The cluster does not answer.
    #[error(transparent)]
    Kube(#[from] Error),
    /// A component does not come up.
    #[error(transparent)]
    Failed(#[from] Box<Failure>),
}

impl Explain for WaitError {
    fn code(&self) -> Code {
        match self {
            WaitError::Kube(error) => error.code(),
            WaitError::Failed(failure) => failure.code(),
        }
    }

    fn hints(&self) -> Vec<String> {
        match self {
            WaitError::Kube(error) => error.hints(),
            WaitError::Failed(failure) => failure.hints(),
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            WaitError::Kube(error) => error.details(),
            WaitError::Failed(failure) => failure.details(),
        }
    }
}

/// Which end of which container a log belongs to.
type End = (String, String, u32);

impl Cluster {
    /// Waits until the pods of these components that were replaced get no more requests;
    /// returns whether that is so at the deadline.
    ///
    /// # Errors
    /// When the API server is away for too long.
    pub async fn wait_replaced(
        &self,
        components: &[Component],
        timeout: Duration,
    ) -> Result<bool, Error> {
        let wait = Wait::new("the old pods to be terminated").every(SOON);
        let deadline = Instant::now() + timeout;
        let ended = wait.until(deadline).run(async || {
            let mut seen = self.look(deadline).await?;
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
    /// failure names the first such in the order in which they are needed. `seen` serves
    /// as the first look.
    ///
    /// # Errors
    /// [`WaitError::Failed`] for a component that fails or is not ready in time,
    /// [`WaitError::Kube`] when the API server is away for too long.
    pub async fn wait_ready(
        &self,
        components: &[Component],
        timeout: Duration,
        mut seen: Option<Vec<ComponentObservation>>,
        mut tell: impl FnMut(Component, &State),
    ) -> Result<Vec<ComponentObservation>, WaitError> {
        let deadline = Instant::now() + timeout;
        let began = Timestamp::now();
        let mut told: HashMap<Component, State> = HashMap::new();
        let mut logs: HashMap<End, LogTail> = HashMap::new();
        let mut memory = KilledForMemory::default();
        let mut last = Vec::new();
        let wait = Wait::new("the components").every(PERIOD).until(deadline);
        let ready = wait.run(async || {
            let mut seen = match seen.take() {
                Some(seen) => seen,
                None => self.look(deadline).await?,
            };
            seen.retain(|seen| components.contains(&seen.component));
            seen.iter_mut().for_each(|seen| forget(seen, began));
            seen.iter_mut().for_each(|seen| memory.recall(seen));
            let mut failed: Option<Failure> = None;
            for one in &seen {
                let (state, finding, log) = self.judge(one, &mut logs).await;
                if told.get(&one.component) != Some(&state) {
                    tell(one.component, &state);
                    told.insert(one.component, state);
                }
                if let Some(finding) = finding.filter(|finding| !finding.heals)
                    && !one.is_ready()
                    && failed.is_none()
                {
                    failed = Some(Failure { finding, log });
                }
            }
            if let Some(failure) = failed {
                return Err(WaitError::from(Box::new(failure)));
            }
            if seen.iter().all(ComponentObservation::is_ready) {
                return Ok(Look::Done(seen));
            }
            last = seen;
            Ok(Look::NotYet("not all of them are ready".into()))
        });
        match ready.await? {
            Ok(seen) => Ok(seen),
            Err(_) => Err(self.late(&last, timeout).await.into()),
        }
    }

    /// One component's state and finding, with the end of the log when a container
    /// of it has ended: each end's log is read once.
    async fn judge(
        &self,
        seen: &ComponentObservation,
        logs: &mut HashMap<End, LogTail>,
    ) -> (State, Option<Finding>, LogTail) {
        let (state, finding) = assess(seen, &[]);
        if finding.is_none() {
            return (state, finding, LogTail::default());
        }
        let blocking = seen.pod().and_then(|pod| Some((pod, pod.blocking()?.0)));
        let Some((pod, container)) = blocking.filter(|(_, container)| container.ends() > 0) else {
            return (state, finding, LogTail::default());
        };
        let end = (pod.uid.clone(), container.name.clone(), container.ends());
        let log = match logs.get(&end) {
            Some(log) => log.clone(),
            None => match self.last_lines(seen, LOG_LINES).await {
                Ok(log) => {
                    logs.insert(end, log.clone());
                    log
                }
                // Another try at the next look.
                Err(error) => {
                    tracing::debug!(component = %seen.component, %error, "no log");
                    LogTail::default()
                }
            },
        };
        let (state, finding) = assess(seen, &log.lines);
        (state, finding, log)
    }

    /// What to say at the deadline: a finding that might have healed, else the state
    /// of the first component that waits for no other.
    async fn late(&self, seen: &[ComponentObservation], timeout: Duration) -> Box<Failure> {
        let open = || seen.iter().filter(|one| !one.is_ready());
        let culprit = open()
            .find(|one| describe(one).state != StateKind::Waiting)
            .or_else(|| open().next())
            // Not reached: a wait whose components are all ready is over.
            .unwrap_or(&seen[0]);
        let log = self
            .last_lines(culprit, LOG_LINES)
            .await
            .unwrap_or_default();
        Box::new(match assess(culprit, &log.lines).1 {
            Some(finding) => Failure { finding, log },
            None => Failure::not_ready(culprit, timeout, log),
        })
    }

    /// One look; an API server that is away for a while is waited for.
    async fn look(&self, deadline: Instant) -> Result<Vec<ComponentObservation>, Error> {
        let patience = deadline.min(Instant::now() + AWAY);
        loop {
            match self.observe().await {
                Err(error) if error.is_transient() && Instant::now() + PERIOD < patience => {
                    tracing::debug!(%error, "the look failed");
                    tokio::time::sleep(PERIOD).await;
                }
                answer => return answer,
            }
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
#[path = "wait_tests.rs"]
mod tests;
