//! A server that can never answer at its addresses.

use async_trait::async_trait;

use crate::error::Result;

/// A check for addresses at which the server can never answer, whatever its state is.
#[async_trait(?Send)]
pub(crate) trait Stuck {
    /// # Errors
    /// Waiting does not help.
    async fn check(&mut self) -> Result<()>;
}
