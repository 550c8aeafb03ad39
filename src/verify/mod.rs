//! `verify`: an experiment on the running server as the SDK would do it, from the login to the
//! deletion of everything that it created.

mod cleanup;
mod error;
mod experiment;
#[cfg(test)]
mod fixtures;
mod server;
mod step;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use reqwest::Client;

pub(crate) use self::error::Failed;
use self::experiment::Experiment;
use self::server::Server;
pub(crate) use self::step::Step;
use crate::error::Result;
use crate::event::Events;
use crate::hint::{Hint, ours};
use crate::interrupt::{Interrupt, Interrupted};
use crate::probe::Endpoints;
use crate::secrets::Credentials;

/// The server, and the user whose experiment it is.
pub(crate) struct Verification<'a> {
    pub(crate) client: Client,
    /// The addresses that users have.
    pub(crate) at: &'a Endpoints,
    pub(crate) credentials: &'a Credentials,
    pub(crate) events: &'a Events,
    pub(crate) interrupt: Interrupt,
}

/// A step that succeeded.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) step: Step,
    pub(crate) took: Duration,
    /// Such as `10 values`; may be empty.
    pub(crate) detail: String,
}

/// The results of the steps so far.
#[derive(Debug, Default)]
struct Results {
    done: Vec<Done>,
    failed: Vec<(Step, error::Problem)>,
    skipped: Vec<Step>,
}

impl Results {
    fn lacks(&self, step: Step) -> bool {
        !self.done.iter().any(|done| done.step == step)
    }
}

/// Runs the experiment. It is removed even if a step fails, or after a signal.
///
/// # Errors
/// A step failed, or a signal arrived.
pub(crate) async fn verify(verification: &Verification<'_>) -> Result<Vec<Done>> {
    let Verification { client, at, .. } = verification;
    let mut server = Server::new(client.clone(), at);
    let mut experiment = Experiment::new();
    let mut results = Results::default();
    let signal = {
        let steps = async {
            for step in Step::ALL {
                if step != Step::Delete {
                    verification
                        .execute(step, &mut server, &mut experiment, &mut results)
                        .await;
                }
            }
        };
        tokio::select! {
            () = steps => None,
            signal = verification.interrupt.wait() => Some(signal),
        }
    };
    if server.is_logged_in() {
        verification
            .execute(Step::Delete, &mut server, &mut experiment, &mut results)
            .await;
    }
    let Results {
        done,
        failed,
        skipped,
    } = results;
    if let Some(signal) = signal {
        let is_left = failed.iter().any(|(step, _)| *step == Step::Delete);
        let next = match is_left {
            true => error::left(&experiment.name()),
            false => Hint::run("try again", ours!(Verify)),
        };
        return Err(Interrupted { signal, next }.into());
    }
    if failed.is_empty() {
        return Ok(done);
    }
    let project = experiment.name();
    Err(Failed {
        failed,
        skipped,
        project,
    }
    .into())
}

impl Verification<'_> {
    /// Executes a step, unless it needs one that failed.
    async fn execute(
        &self,
        step: Step,
        server: &mut Server<'_>,
        experiment: &mut Experiment,
        results: &mut Results,
    ) {
        if step
            .needs()
            .is_some_and(|needed| step != Step::Delete && results.lacks(needed))
        {
            results.skipped.push(step);
            return;
        }
        let began = Instant::now();
        let shown = self.events.step(step.name());
        let work = experiment.execute(step, server, self.credentials);
        let result = shown.end(work.await, |detail| (false, detail.clone()));
        match result {
            Ok(detail) => results.done.push(Done {
                step,
                took: began.elapsed(),
                detail,
            }),
            Err(problem) => results.failed.push((step, problem)),
        }
    }
}
