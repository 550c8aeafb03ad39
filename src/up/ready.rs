//! Ready means: a user's login works, through the published ports.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::Error;
use super::session::Session;
use crate::error::Result;
use crate::event::{Event, Step};
use crate::health::{self, TimeLeft, Waited};
use crate::kube::Cluster;
use crate::node::spec;
use crate::probe::Probe;
use crate::secrets::Credentials;

/// How long it may take until pods that were replaced get no more requests: they would
/// answer with what was chosen before. Kubernetes tells them to end as soon as a new one is
/// ready.
const REPLACED: Duration = Duration::from_secs(15);

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
    session: &Session<'_>,
    credentials: Credentials,
    cluster: &Cluster,
    time: &TimeLeft,
) -> Result<Ready> {
    let Session { events, .. } = *session;
    let step = events.step("ready");
    let result = wait_all(session, credentials, cluster, time, &step).await;
    step.end(result, |ready| (!ready.at_once, "a login works".to_owned()))
}

async fn wait_all(
    session: &Session<'_>,
    credentials: Credentials,
    cluster: &Cluster,
    time: &TimeLeft,
    step: &Step,
) -> Result<Ready> {
    let Session {
        plan,
        engine,
        events,
        ..
    } = *session;
    let began = Instant::now();
    let accepted = health::await_node(cluster, time.deadline.into(), step).await?;
    let mut at_once = accepted.map_err(|late| time.timed_out(Error::NodeNotReady(late)))?;
    let left = time.deadline.saturating_duration_since(began);
    let installed = plan.values.installed();
    let waited = health::await_components(cluster, &installed, left, |component, state| {
        at_once &= state.is_ready();
        events.emit(Event::Component {
            component,
            state: state.clone(),
            seconds: began.elapsed().as_secs_f64(),
        });
    });
    let components = match waited.await? {
        Waited::Ready(components) => components,
        Waited::Failed(late) if late.is_late() => return Err(time.timed_out(*late)),
        Waited::Failed(failure) => return Err((*failure).into()),
    };
    if components.iter().any(|one| one.seen.replacing) {
        step.state("the old pods still receive requests");
        health::await_replaced(cluster, &installed, REPLACED).await?;
    }
    let (probe, node) = (
        Probe::new(&plan.instance, credentials),
        spec::name(&plan.name),
    );
    let answered = health::await_server(&probe, engine, &node, step).await?;
    let pods = components.iter().flat_map(|one| &one.seen.pods);
    Ok(Ready {
        at_once: answered && at_once,
        since: pods.filter_map(|pod| pod.ready_since).max(),
    })
}
