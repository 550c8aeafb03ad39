//! Waits until deleted pods have ended.

use std::time::Duration;

use crate::event::Step;
use crate::kube;
use crate::wait::{Attempt, Wait};
use crate::words::listed;

/// Waits until `remaining` names no more pods. Pods that take longer than the limit cause a
/// warning: they were deleted, and end without us.
pub(crate) async fn await_end(
    limit: Duration,
    step: &Step,
    mut remaining: impl AsyncFnMut() -> Result<Vec<String>, kube::Error>,
) -> Result<(), kube::Error> {
    let wait = Wait::new("the pods to end").within(limit).reported_by(step);
    let ended = wait.run(async || {
        let names = remaining().await?;
        Ok(match names.is_empty() {
            true => Attempt::Done(()),
            false => Attempt::Pending(listed(&names).into()),
        })
    });
    if let Err(late) = ended.await? {
        step.warn(late.to_string());
    }
    Ok(())
}
