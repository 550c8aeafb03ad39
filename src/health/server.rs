//! Waits until the server is usable through its published ports.

use std::time::{Duration, Instant};

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
/// How long a certificate may be invalid: an ingress controller serves its own one until it has
/// read the one of the server.
const INVALID: Duration = Duration::from_secs(10);
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
    let mut invalid_since: Option<Instant> = None;
    let wait = Wait::new("the server to answer")
        .every(PERIOD)
        .within(SETTLING);
    let answered = wait.reported_by(step).run(async || {
        attempts += 1;
        checks = probe.run().await;
        let Some(reason) = first_failure(&checks) else {
            return Ok(Attempt::Done(true));
        };
        if !checks.iter().any(Check::is_about_certificate) {
            invalid_since = None;
        } else if invalid_since.get_or_insert_with(Instant::now).elapsed() >= INVALID {
            return Ok(Attempt::Done(false));
        }
        Ok::<_, Error>(Attempt::Pending(reason))
    });
    match unless_stuck(answered, async || stuck.check_server().await).await? {
        Ok(true) => Ok(attempts == 1),
        Ok(false) | Err(_) => Err(ChecksFailed { checks, kubectl }.into()),
    }
}

fn first_failure(checks: &[Check]) -> Option<Reason> {
    let failure = checks.iter().find_map(Check::failed)?;
    Some(failure.into())
}
