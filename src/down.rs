//! `stop` stops the server and frees its memory; `down` removes it and keeps the data; `down
//! --purge` removes both.

use std::path::Path;

use crate::error::Result;
use crate::forward;
use crate::hint::ours;
use crate::provider::{Removal, Removed};
use crate::session::Session;

/// Removes an instance's server; with `purge`, everything of the instance.
pub(crate) async fn down(
    session: &Session<'_>,
    purge: bool,
    user_kubeconfig: Option<&Path>,
) -> Result<Removed> {
    let _lock = session.lock(ours!(Down)).await?;
    forward::stop(session.state).await?;
    let removal = Removal {
        purge,
        user_kubeconfig,
    };
    session.provider.remove(removal).await
}

/// Stops the server, without removing it. Returns whether it was running.
pub(crate) async fn stop(session: &Session<'_>) -> Result<bool> {
    let _lock = session.lock(ours!(Stop)).await?;
    session.provider.stop().await
}
