//! Waits until the server is usable through its published ports.

use std::time::Duration;

use super::Stuck;
use super::stuck::unless_stuck;
use crate::error::{Error, Result};
use crate::event::Step;
use crate::kubectl::Kubectl;
use crate::probe::{Check, ChecksFailed, Probe};
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
/// [`ChecksFailed`] with the last checks; the error of `stuck` as soon as the server can never
/// answer.
pub(crate) async fn await_server(
    probe: &Probe,
    stuck: &mut dyn Stuck,
    kubectl: Kubectl,
    step: &Step,
) -> Result<bool> {
    let mut attempts = 0;
    let mut checks = Vec::new();
    let wait = Wait::new("the server to answer")
        .every(PERIOD)
        .within(SETTLING);
    let answered = wait.reported_by(step).run(async || {
        attempts += 1;
        checks = probe.run().await;
        Ok::<_, Error>(match first_failure(&checks) {
            None => Attempt::Done(()),
            Some(reason) => Attempt::Pending(reason),
        })
    });
    match unless_stuck(answered, async || stuck.check_server().await).await? {
        Ok(()) => Ok(attempts == 1),
        Err(_) => Err(ChecksFailed { checks, kubectl }.into()),
    }
}

fn first_failure(checks: &[Check]) -> Option<Reason> {
    let failure = checks.iter().find_map(Check::failed)?;
    Some(failure.into())
}
