//! Ready means: a user's login works, through the published ports.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::refused::Refused;
use super::timeout::TimeLeft;
use super::{Error, Plan};
use crate::docker::Engine;
use crate::error::Result;
use crate::event::{Event, Events, Step};
use crate::kube::{self, Cluster, WaitError};
use crate::node::spec;
use crate::probe::{Check, Failure, Probe};
use crate::secrets::Credentials;
use crate::wait::{Look, Reason, Wait};

/// How long probes may fail after all components are ready: kube-proxy and the
/// web app's proxy need a moment to see them.
const SETTLING: Duration = Duration::from_secs(60);
/// How long it may take until pods that were replaced get no more requests: they would
/// answer with what was chosen before. Kubernetes tells them to end as soon as a new one is
/// ready.
const REPLACED: Duration = Duration::from_secs(15);

/// What is waited for before any component.
pub(super) const TAKES_PODS: &str = "the node to accept pods";
/// How often the node and the server are asked.
const PERIOD: Duration = Duration::from_millis(300);

/// A server that is ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ready {
    /// Whether it was ready at the first look.
    pub(super) at_once: bool,
    /// Since when its last component has been ready.
    pub(super) since: Option<Timestamp>,
}

/// Waits until every component is ready and the server does what a user needs.
pub(super) async fn wait(
    plan: &Plan,
    credentials: Credentials,
    cluster: &Cluster,
    engine: &dyn Engine,
    time: &TimeLeft,
    events: &Events,
) -> Result<Ready> {
    let step = events.step("ready");
    let result = wait_all(plan, credentials, cluster, engine, time, events, &step).await;
    step.end(result, |ready| (!ready.at_once, "a login works".to_owned()))
}

async fn wait_all(
    plan: &Plan,
    credentials: Credentials,
    cluster: &Cluster,
    engine: &dyn Engine,
    time: &TimeLeft,
    events: &Events,
    step: &Step,
) -> Result<Ready> {
    let began = Instant::now();
    let mut at_once = true;
    let node = Wait::new(TAKES_PODS).every(PERIOD).until(time.deadline);
    let taken = node.shown_by(step).run(async || {
        let look = cluster.takes_pods().await?;
        at_once &= matches!(look, Look::Done(()));
        Ok::<_, kube::Error>(look)
    });
    if let Err(late) = taken.await? {
        return Err(time.judge(Error::NodeNotReady(late)));
    }
    let seen = cluster.observe().await?;
    // What the last `up` has mended would else be judged by its old back-off.
    let retried = cluster.retry_stuck(&seen).await?;
    let seen = retried.is_empty().then_some(seen);
    let left = time.deadline.saturating_duration_since(began);
    let installed = plan.values.installed();
    let seen = cluster
        .wait_ready(&installed, left, seen, |component, state| {
            at_once &= state.ready;
            events.emit(Event::Component {
                component,
                ready: state.ready,
                state: state.state.name().to_owned(),
                reason: state.line(),
                seconds: began.elapsed().as_secs_f64(),
            });
        })
        .await
        .map_err(|error| match error {
            WaitError::Failed(late) if late.is_late() => time.judge(*late),
            other => other.into(),
        })?;
    if seen.iter().any(|seen| seen.replacing) {
        step.state("the old pods still receive requests");
        cluster.wait_replaced(&installed, REPLACED).await?;
    }
    let answered = answers(plan, credentials, engine, step).await?;
    let pods = seen.iter().flat_map(|seen| &seen.pods);
    Ok(Ready {
        at_once: answered && at_once,
        since: pods.filter_map(|pod| pod.ready_since).max(),
    })
}

/// Waits until a login and the other checks work. Returns whether they did at once.
async fn answers(
    plan: &Plan,
    credentials: Credentials,
    engine: &dyn Engine,
    step: &Step,
) -> Result<bool> {
    let node = spec::name(&plan.name);
    let container = engine.container(&node).await?.unwrap_or_default();
    let mut refused = Refused::server(&container);
    let probe = Probe::new(&plan.instance, credentials);
    let mut looks = 0;
    let mut checks = Vec::new();
    let wait = Wait::new("the server to answer")
        .every(PERIOD)
        .within(SETTLING);
    let answered = wait.shown_by(step).run(async || {
        looks += 1;
        checks = probe.all().await;
        let Some(reason) = first_failure(&checks) else {
            return Ok(Look::Done(()));
        };
        refused.check(engine, &node).await?;
        Ok::<_, crate::error::Error>(Look::NotYet(reason))
    });
    match answered.await? {
        Ok(()) => Ok(looks == 1),
        Err(_) => Err(Failure { checks, node }.into()),
    }
}

/// Why a user cannot use the server yet.
fn first_failure(checks: &[Check]) -> Option<Reason> {
    checks.iter().find_map(|check| {
        let why = check.failure.as_deref()?;
        Some(Reason::from(format!("`{}` fails: {why}", check.name)))
    })
}
