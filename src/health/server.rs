//! Waits until the server is usable through its published ports.

use std::time::Duration;

use super::Refused;
use crate::docker::Engine;
use crate::error::{Error, Result};
use crate::event::Step;
use crate::probe::{Check, Failure, Probe};
use crate::wait::{Attempt, Reason, Wait};

/// How long probes may fail after all components are ready: kube-proxy and the proxy of
/// the web server need a moment to notice that.
const SETTLING: Duration = Duration::from_secs(60);
/// How often the server is probed.
const PERIOD: Duration = Duration::from_millis(300);

/// Waits until a login and the other checks succeed. Returns whether they did at the first
/// attempt.
///
/// # Errors
/// [`Failure`] with the last checks; [`super::refused::PortsRefused`] as soon as a published
/// port refuses connections although the node serves it.
pub(crate) async fn await_server(
    probe: &Probe,
    engine: &dyn Engine,
    node: &str,
    step: &Step,
) -> Result<bool> {
    let container = engine.container(node).await?.unwrap_or_default();
    let mut refused = Refused::server(&container);
    let mut attempts = 0;
    let mut checks = Vec::new();
    let wait = Wait::new("the server to answer")
        .every(PERIOD)
        .within(SETTLING);
    let answered = wait.reported_by(step).run(async || {
        attempts += 1;
        checks = probe.run().await;
        let Some(reason) = first_failure(&checks) else {
            return Ok(Attempt::Done(()));
        };
        refused.check(engine, node).await?;
        Ok::<_, Error>(Attempt::Pending(reason))
    });
    match answered.await? {
        Ok(()) => Ok(attempts == 1),
        Err(_) => Err(Failure {
            checks,
            node: node.to_owned(),
        }
        .into()),
    }
}

fn first_failure(checks: &[Check]) -> Option<Reason> {
    let failure = checks.iter().find_map(Check::failed)?;
    Some(failure.into())
}
