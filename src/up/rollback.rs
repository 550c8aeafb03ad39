//! Rolling back to an earlier revision with `rollback`, or after a failed `up --atomic`.

use super::record::Record;
use super::run_steps;
use crate::error::{Error, Explain};
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::interrupt::{Interrupt, Interrupted};
use crate::options::Options;
use crate::plan::{Request, RollbackTarget};
use crate::session::Session;

/// Rolls back after a failure. Returns the error with the result of the rollback.
pub(super) async fn after_failure(
    session: &Session<'_>,
    error: Error,
    record: &Record<'_>,
    request: &Request,
) -> Error {
    let (failed, good) = match record.rollback_target() {
        None => return error,
        Some(Err(what)) => {
            let unchanged = RolledBack {
                error,
                what,
                restored: false,
            };
            return unchanged.into();
        }
        Some(Ok(numbers)) => numbers,
    };
    session.events.warn(format!(
        "revision {failed} failed, rolling back to revision {good}: {error}"
    ));
    let back = Request {
        options: Options::only(request.options.wait.clone()),
        atomic: false,
        interrupt: Interrupt::never(),
        back_to: Some(RollbackTarget {
            number: Some(good),
            keep_release: false,
        }),
        ..request.clone()
    };
    let mut record = Record::new(*session);
    // Boxed because the future of `run_steps` may contain this one.
    let result = Box::pin(run_steps(session, &back, &mut record)).await;
    record.end(&result).await;
    let restored = result.is_ok();
    let what = match result {
        Ok(_) => format!("rolled back to revision {good}"),
        Err(other) => format!("rolling back to revision {good} failed as well: {other}"),
    };
    RolledBack {
        error,
        what,
        restored,
    }
    .into()
}

/// An error, and the result of the rollback after it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
struct RolledBack {
    error: Error,
    what: String,
    /// Whether the rollback succeeded.
    restored: bool,
}

impl Explain for RolledBack {
    fn failure(&self) -> Failure {
        self.error.failure()
    }

    fn failures(&self) -> Vec<Failure> {
        self.error.failures()
    }

    fn details(&self) -> Vec<String> {
        let mut details = self.error.details();
        details.push(self.what.clone());
        details
    }

    fn hints(&self) -> Vec<Hint> {
        // The hint of `Interrupted` is to continue, but the changes are undone.
        if self.restored && self.error.is::<Interrupted>() {
            return vec![Hint::run("see what was undone", ours!(History))];
        }
        self.error.hints()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::interrupt::Signal;

    #[test]
    fn after_a_rollback_the_hint_is_not_to_continue() {
        let hints = |restored| {
            let interrupted = Interrupted {
                signal: Signal::HangUp,
                next: Hint::run("continue with", ours!(Up)),
            };
            let error = Error::from(RolledBack {
                error: interrupted.into(),
                what: "rolled back to revision 1".to_owned(),
                restored,
            });
            assert_eq!(error.details(), ["rolled back to revision 1"]);
            error.hints()
        };
        assert_eq!(hints(true), ["see what was undone: clearml-local history"]);
        assert_eq!(hints(false), ["continue with: clearml-local up"]);
    }
}
