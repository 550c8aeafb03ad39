//! Waiting until the server is ready, that is, until a user's login works through the published
//! ports.

use std::time::Instant;

use jiff::Timestamp;

use super::Error;
use super::run::Run;
use crate::component::State;
use crate::error::Result;
use crate::event::Step;
use crate::health::{self, TimeLeft};
use crate::kube::Cluster;
use crate::probe::{Endpoints, Probe};
use crate::provider::{Access, Place};
use crate::secrets::Credentials;

/// A server that is ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) endpoints: Endpoints,
    /// Whether it was ready at the first check.
    pub(super) immediately: bool,
    /// The time when its last component became ready.
    pub(super) since: Option<Timestamp>,
}

/// Waits until every component is ready and the checks through the ports succeed.
pub(super) async fn wait(
    run: &Run<'_>,
    credentials: Credentials,
    place: &dyn Place,
    cluster: &Cluster,
    time: &TimeLeft,
) -> Result<Ready> {
    let step = run.session.events.step("ready");
    let result = wait_all(run, credentials, place, cluster, time, &step).await;
    step.end(result, |ready| {
        (!ready.immediately, "a login works".to_owned())
    })
}

async fn wait_all(
    run: &Run<'_>,
    credentials: Credentials,
    place: &dyn Place,
    cluster: &Cluster,
    time: &TimeLeft,
    step: &Step,
) -> Result<Ready> {
    let Run { session, plan, .. } = *run;
    let began = Instant::now();
    let mut immediately = true;
    if session.provider.has_own_node() {
        let accepted = health::await_node(cluster, time.deadline.into(), step).await?;
        immediately = accepted.map_err(|late| time.timed_out(Error::NodeNotReady(late)))?;
    }
    let mut stuck = place.stuck(cluster).await?;
    let installed = plan.values.installed();
    let events = session.events;
    let report = |_, state: &State| immediately &= state.is_ready();
    let components = health::await_ready(
        cluster,
        &installed,
        time,
        events,
        began,
        &mut *stuck,
        report,
    )
    .await?;
    if components.iter().any(|one| one.observation.replacing) {
        step.state("the old pods still receive requests");
        health::await_replaced(cluster, &installed, health::REPLACED).await?;
    }
    let Access {
        endpoints,
        targets,
        warnings,
        forwards: _open_until_the_end,
    } = session.provider.access(&plan.instance).await?;
    for warning in warnings {
        step.warn(warning);
    }
    let probe = Probe::new(targets, credentials);
    let kubectl = session.provider.kubectl();
    let answered = health::await_server(&probe, &mut *stuck, kubectl, step).await?;
    let pods = components.iter().flat_map(|one| &one.observation.pods);
    Ok(Ready {
        endpoints,
        immediately: answered && immediately,
        since: pods.filter_map(|pod| pod.ready_since).max(),
    })
}
