//! Waits for the node and its Kubernetes API, which all components need.

use std::time::Duration;

use tokio::time::Instant;

use super::Refused;
use crate::diagnose::why_no_pods;
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::event::Step;
use crate::kube::{self, Cluster};
use crate::wait::{Attempt, TimedOut, Wait};

/// How often the node is observed.
const PERIOD: Duration = Duration::from_millis(300);

/// Waits until the Kubernetes API is ready; returns why it is not at the deadline. A
/// permanent error, such as an expired certificate, ends the wait immediately.
pub(crate) async fn await_api(
    cluster: &Cluster,
    engine: &dyn Engine,
    node: &Container,
    limit: Duration,
    step: &Step,
) -> Result<Result<(), TimedOut>> {
    let mut refused = Refused::kubernetes(node);
    let wait = Wait::new("the Kubernetes API").within(limit);
    wait.reported_by(step)
        .run(async || match cluster.ready().await {
            Ok(()) => Ok(Attempt::Done(())),
            Err(error) if error.is_transient() => {
                refused.check(engine, &node.name).await?;
                Ok(Attempt::Pending(error.reason()))
            }
            Err(error) => Err(error.into()),
        })
        .await
}

/// Waits until the node accepts pods; returns whether it did at the first observation, or
/// why it does not at the deadline.
pub(crate) async fn await_node(
    cluster: &Cluster,
    deadline: Instant,
    step: &Step,
) -> Result<Result<bool, TimedOut>, kube::Error> {
    let mut attempts = 0;
    let wait = Wait::new("the node to accept pods").every(PERIOD);
    let accepted = wait.until(deadline).reported_by(step).run(async || {
        attempts += 1;
        let nodes = cluster.observe_nodes().await?;
        let reason = why_no_pods(&nodes);
        Ok(reason.map_or(Attempt::Done(()), Attempt::Pending))
    });
    let accepted = accepted.await?;
    Ok(accepted.map(|()| attempts == 1))
}
