//! All checks at once: those of `up` before it changes anything, and the rules about the
//! running instance. Changes nothing.

use std::time::Instant;

use crate::error::Result;
use crate::failures::{Failure, Heals};
use crate::health::Health;
use crate::hint::{Hint, ours};
use crate::plan::Request;
use crate::preflight::Finding;
use crate::provider::Provider;
use crate::session::Session;
use crate::status::{self, Status};
use crate::up;

/// What is wrong with an instance.
#[derive(Debug)]
pub(crate) struct Diagnosis {
    pub(crate) health: Health,
    /// The worst first: those that `up` cannot repair.
    pub(crate) findings: Vec<Finding>,
    pub(crate) warnings: Vec<String>,
}

impl Diagnosis {
    /// Returns the exit code of the worst finding, or 0.
    pub(crate) fn exit_code(&self) -> u8 {
        let worst = self.findings.first();
        worst.map_or(0, |finding| finding.failure.code().number())
    }

    /// Returns the findings that `up` may repair; none if it would refuse to start, or if it
    /// would install a new server, or if only waiting helps.
    pub(crate) fn repairable(&self) -> &[Finding] {
        let heals = || self.findings.iter().map(|one| one.failure.heals());
        let may_run = heals().all(|heals| heals != Heals::No);
        let needs_up = heals().any(|heals| heals == Heals::NextUp);
        match may_run && needs_up && self.health != Health::Absent {
            true => &self.findings,
            false => &[],
        }
    }
}

/// Examines an instance whose place is reachable.
pub(crate) async fn examine(session: &Session<'_>, request: &Request) -> Result<Diagnosis> {
    let provider: &dyn Provider = session.provider;
    let status = status::status(session.state, Ok(provider), Instant::now()).await?;
    let mut diagnosis = of_status(status);
    match up::examine(session, request).await {
        Ok(checked) => {
            diagnosis.warnings = checked.warnings;
            diagnosis.add(checked.findings);
        }
        Err(error) => diagnosis.add([Finding::of_error(&error)]),
    }
    Ok(diagnosis)
}

/// Returns the diagnosis of an instance from its status only.
pub(crate) fn of_status(status: Status) -> Diagnosis {
    let mut diagnosis = Diagnosis {
        health: status.health,
        findings: Vec::new(),
        warnings: Vec::new(),
    };
    diagnosis.add(status.findings);
    if let Health::Stopped | Health::Paused = status.health {
        diagnosis.add([Finding {
            what: format!("the node is {}", status.health.name()),
            remedies: vec![Hint::run("start it", ours!(Start))],
            failure: Failure::NodeNotRunning,
        }]);
    }
    diagnosis
}

impl Diagnosis {
    /// Adds findings that are not there yet.
    fn add(&mut self, findings: impl IntoIterator<Item = Finding>) {
        for finding in findings {
            if !self.findings.iter().any(|one| one.what == finding.what) {
                self.findings.push(finding);
            }
        }
        // A wrong clock is one problem, and nobody knows then which certificates have expired.
        let first = self
            .findings
            .iter()
            .find(|one| one.failure == Failure::ClockSkew);
        if let Some(clock) = first.cloned() {
            let follows = [Failure::ClockSkew, Failure::CertificatesExpired];
            self.findings
                .retain(|one| *one == clock || !follows.contains(&one.failure));
        }
        self.findings.sort_by_key(|one| one.failure.is_repairable());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnosis(health: Health, failures: &[Failure]) -> Diagnosis {
        let mut diagnosis = Diagnosis {
            health,
            findings: Vec::new(),
            warnings: Vec::new(),
        };
        diagnosis.add(failures.iter().map(|failure| Finding {
            what: failure.title().to_owned(),
            remedies: failure.remedies(),
            failure: *failure,
        }));
        diagnosis
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_finding() {
        let code = |failures: &[_]| diagnosis(Health::Degraded, failures).exit_code();
        assert_eq!(code(&[]), 0);
        assert_eq!(code(&[Failure::CertificatesExpired]), 50);
        assert_eq!(
            code(&[Failure::CertificatesExpired, Failure::PortInUse]),
            21
        );
    }

    #[test]
    fn a_finding_is_reported_once() {
        let found = diagnosis(Health::Degraded, &[Failure::PortInUse, Failure::PortInUse]);
        assert_eq!(found.findings.len(), 1);
    }

    #[test]
    fn a_wrong_clock_is_not_taken_for_expired_certificates() {
        let unread = Finding {
            what: "the certificate is not valid yet".into(),
            remedies: Vec::new(),
            failure: Failure::ClockSkew,
        };
        for failures in [
            [Failure::CertificatesExpired, Failure::ClockSkew],
            [Failure::ClockSkew, Failure::CertificatesExpired],
        ] {
            let mut found = diagnosis(Health::Degraded, &failures);
            found.add([unread.clone()]);
            let found: Vec<&str> = found.findings.iter().map(|one| &*one.what).collect();
            assert_eq!(found, [Failure::ClockSkew.title()]);
        }
    }

    #[test]
    fn only_an_existing_server_that_up_can_start_is_repaired() {
        let count = |health, failures: &[_]| diagnosis(health, failures).repairable().len();
        assert_eq!(count(Health::Stopped, &[Failure::NodeNotRunning]), 1);
        assert_eq!(count(Health::Absent, &[Failure::NetworkMissing]), 0);
        let blocked = [Failure::NodeNotRunning, Failure::PortInUse];
        assert_eq!(count(Health::Stopped, &blocked), 0);
        let waiting = Failure::ImageRateLimited;
        assert_eq!(waiting.heals(), Heals::Waiting);
        assert_eq!(count(Health::Degraded, &[waiting]), 0);
        let both = [waiting, Failure::NodeNotRunning];
        assert_eq!(count(Health::Degraded, &both), 2);
    }
}
