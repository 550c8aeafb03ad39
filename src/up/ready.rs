//! Ready means: a user's login works, through the published ports.

use std::time::{Duration, Instant};

use super::{Error, Plan};
use crate::error::Result;
use crate::event::{Event, Events, Step};
use crate::kube::Cluster;
use crate::node::spec;
use crate::probe::{Check, Failure, Probe};
use crate::secrets::Credentials;

/// How long probes may fail after all components are ready: kube-proxy and the
/// web app's proxy need a moment to see them.
const SETTLING: Duration = Duration::from_secs(60);
/// How long pods that were replaced may take to end: until then requests may reach
/// them, with what was chosen before. Ours serve for 3 s and end; one of a server that
/// the chart installed takes 30 s, and one on a node that is gone never ends.
const REPLACED: Duration = Duration::from_secs(15);

/// Waits until every component is ready and the server does what a user needs.
/// Returns whether that was so at the first look.
pub(super) async fn wait(
    plan: &Plan,
    credentials: Credentials,
    cluster: &Cluster,
    deadline: Instant,
    events: &Events,
) -> Result<bool> {
    let step = events.step("ready");
    let result = wait_all(plan, credentials, cluster, deadline, events, &step).await;
    step.end(result, |at_once| (!at_once, "a login works".to_owned()))
}

async fn wait_all(
    plan: &Plan,
    credentials: Credentials,
    cluster: &Cluster,
    deadline: Instant,
    events: &Events,
    step: &Step,
) -> Result<bool> {
    let began = Instant::now();
    let mut at_once = true;
    while !cluster.nodes_ready().await? {
        if at_once {
            step.state("waiting for the node to take pods");
        }
        at_once = false;
        if Instant::now() > deadline {
            return Err(Error::NodeNotReady.into());
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let seen = cluster.observe().await?;
    // What the last `up` has mended would else be judged by its old back-off.
    cluster.retry_stuck(&seen).await?;
    let left = deadline.saturating_duration_since(began);
    let installed = plan.values.installed();
    let seen = cluster
        .wait_ready(&installed, left, |component, state| {
            at_once &= state.ready;
            events.emit(Event::Component {
                component,
                ready: state.ready,
                state: state.state.name().to_owned(),
                reason: state.line(),
                seconds: began.elapsed().as_secs_f64(),
            });
        })
        .await?;
    if seen.iter().any(|seen| seen.replacing) {
        step.state("the replaced pods end");
        cluster.wait_replaced(&installed, REPLACED).await?;
    }
    let probe = Probe::new(&plan.instance, credentials);
    let settled = Instant::now() + SETTLING;
    let mut said = String::new();
    loop {
        let checks = probe.all().await;
        let Some(failed) = first_failure(&checks) else {
            return Ok(at_once && said.is_empty());
        };
        if Instant::now() > settled {
            let node = spec::name(&plan.name);
            return Err(Failure { checks, node }.into());
        }
        if failed != said {
            step.state(failed.clone());
            said = failed;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn first_failure(checks: &[Check]) -> Option<String> {
    let failed = checks.iter().find(|check| check.failure.is_some())?;
    let why = failed.failure.as_deref()?;
    Some(format!("{} does not work yet: {why}", failed.name))
}
