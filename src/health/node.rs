//! Waits for the node, which all components need.

use std::time::Duration;

use tokio::time::Instant;

use crate::diagnose::why_no_pods;
use crate::event::Step;
use crate::kube::{self, Cluster};
use crate::wait::{Attempt, TimedOut, Wait};

/// How often the node is observed.
const PERIOD: Duration = Duration::from_millis(300);

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
