//! Back to an earlier revision: by a rollback, or by an `up --atomic` that failed.

use super::past::Record;
use super::{Request, bring_up};
use crate::docker::Engine;
use crate::error::{Code, Error, Explain};
use crate::event::Events;
use crate::hint::{Hint, ours};
use crate::interrupt::{Interrupt, Interrupted};
use crate::options::Options;
use crate::state::StateDir;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackTo {
    /// The revision; the last good one before the current where none is said.
    pub number: Option<u32>,
    /// Whether only its values are taken, and the release stays.
    pub keep_release: bool,
}

/// Goes back after a failure, and returns the error with what became of that.
pub(super) async fn after(
    error: Error,
    record: &Record<'_>,
    request: &Request,
    state: &StateDir,
    engine: &dyn Engine,
    events: &Events,
) -> Error {
    let (failed, good) = match record.way_back() {
        None => return error,
        Some(Err(what)) => {
            let unchanged = WentBack {
                error,
                what,
                restored: false,
            };
            return unchanged.into();
        }
        Some(Ok(numbers)) => numbers,
    };
    events.warn(format!(
        "revision {failed} failed, rolling back to revision {good}: {error}"
    ));
    let back = Request {
        options: Options::only(request.options.wait.clone()),
        atomic: false,
        interrupt: Interrupt::never(),
        back_to: Some(BackTo {
            number: Some(good),
            keep_release: false,
        }),
        ..request.clone()
    };
    let mut record = Record::new(&request.name, state);
    // Boxed, as it is the same story again.
    let result = Box::pin(bring_up(&back, state, engine, events, &mut record)).await;
    record.end(&result, events).await;
    let restored = result.is_ok();
    let what = match result {
        Ok(_) => format!("rolled back to revision {good}"),
        Err(other) => format!("rolling back to revision {good} failed as well: {other}"),
    };
    WentBack {
        error,
        what,
        restored,
    }
    .into()
}

/// An error, and what was done about it.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
struct WentBack {
    error: Error,
    what: String,
    /// Whether the earlier revision is in force again.
    restored: bool,
}

impl Explain for WentBack {
    fn code(&self) -> Code {
        self.error.code()
    }

    fn details(&self) -> Vec<String> {
        let mut details = self.error.details();
        details.push(self.what.clone());
        details
    }

    fn hints(&self) -> Vec<Hint> {
        // A signal's hint is to go on from what was made, and that is undone.
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
    fn an_interrupted_change_that_was_undone_is_nothing_to_go_on_with() {
        let hints = |restored| {
            let interrupted = Interrupted {
                signal: Signal::HangUp,
                next: Hint::run("continue with", ours!(Up)),
            };
            let error = Error::from(WentBack {
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
