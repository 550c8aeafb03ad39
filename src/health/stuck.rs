//! Reasons of a place for which a server can never become ready.

use std::time::Duration;

use async_trait::async_trait;

use crate::error::{Error, Result};

/// How often a place is checked during a wait.
const PERIOD: Duration = Duration::from_secs(1);

/// Checks of a place during the waits for a server. The checks of one wait see each other's
/// results, so that they can tell a moment from a permanent state.
#[async_trait(?Send)]
pub(crate) trait Stuck {
    /// Checks whether components that are not ready can become ready.
    ///
    /// # Errors
    /// Waiting does not help.
    async fn check_components(&mut self) -> Result<()>;

    /// Checks whether the server, whose components are ready, can answer at its addresses.
    ///
    /// # Errors
    /// Waiting does not help.
    async fn check_server(&mut self) -> Result<()>;
}

/// A place that has no such reasons.
pub(crate) struct NeverStuck;

#[async_trait(?Send)]
impl Stuck for NeverStuck {
    async fn check_components(&mut self) -> Result<()> {
        Ok(())
    }

    async fn check_server(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Returns the result of `wait`, or the first error of a check, which is repeated meanwhile.
pub(super) async fn unless_stuck<T>(
    wait: impl Future<Output = Result<T>>,
    mut check: impl AsyncFnMut() -> Result<()>,
) -> Result<T> {
    let stuck = async {
        loop {
            tokio::time::sleep(PERIOD).await;
            if let Err(error) = check().await {
                return error;
            }
        }
    };
    tokio::select! {
        biased;
        result = wait => result,
        error = stuck => Err::<T, Error>(error),
    }
}
