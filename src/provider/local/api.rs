//! Waits for the Kubernetes API of the node, which everything else needs.

use std::time::Duration;

use super::published::Published;
use crate::docker::{Container, Engine};
use crate::error::Result;
use crate::event::Step;
use crate::kube::Cluster;
use crate::wait::{Attempt, TimedOut, Wait};

/// Waits until the Kubernetes API is ready; returns why it is not at the deadline. A
/// permanent error, such as an expired certificate, ends the wait immediately.
pub(super) async fn await_api(
    cluster: &Cluster,
    engine: &dyn Engine,
    node: &Container,
    limit: Duration,
    step: &Step,
) -> Result<Result<(), TimedOut>> {
    let mut port = Published::kubernetes(node);
    let wait = Wait::new("the Kubernetes API").within(limit);
    wait.reported_by(step)
        .run(async || match cluster.ready().await {
            Ok(()) => Ok(Attempt::Done(())),
            Err(error) if error.is_transient() => {
                port.check(engine, &node.name).await?;
                Ok(Attempt::Pending(error.reason()))
            }
            Err(error) => Err(error.into()),
        })
        .await
}
