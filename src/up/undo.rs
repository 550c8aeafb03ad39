//! Hints to undo new settings that were saved although `up` failed.

use crate::error::Error;
use crate::hint::{Hint, ours};
use crate::settings::Instance;
use crate::state::StateDir;

/// Adds hints to undo new settings that were saved although `up` failed: every later `up` would
/// use them again. `before` are the settings saved before, and `good` is the revision to roll
/// back to.
pub(super) fn with_undo(
    error: Error,
    before: Option<&Instance>,
    state: &StateDir,
    good: Option<u32>,
) -> Error {
    let (Some(before), Ok(Some(now))) = (before, state.instance()) else {
        return error;
    };
    let mut error = error;
    let options = now.options_to_restore(before);
    if !options.is_empty() {
        let options = options.join(" ");
        error = error.with_hint(Hint::run("undo the change", ours!(Up, "{options}")));
    }
    let values_changed = now.values != before.values;
    if let Some(good) = good.filter(|_| values_changed) {
        error = error.with_hint(Hint::run(
            format!("roll back to the values of revision {good}"),
            ours!(Rollback, "{good}"),
        ));
    }
    error
}
