//! The argument that the steps of all commands share.

use crate::event::Events;
use crate::hint::Ours;
use crate::provider::Provider;
use crate::settings::InstanceName;
use crate::state::{self, Lock, StateDir};

/// A command at work on one instance.
#[derive(Clone, Copy)]
pub(crate) struct Session<'a> {
    pub(crate) name: &'a InstanceName,
    pub(crate) state: &'a StateDir,
    /// The place where the server runs.
    pub(crate) provider: &'a dyn Provider,
    pub(crate) events: &'a Events,
}

impl Session<'_> {
    /// Locks the instance for a command that changes it.
    pub(crate) async fn lock(&self, command: Ours) -> Result<Lock, state::Error> {
        let command = command.of(self.name.non_default());
        Lock::acquire(self.state, &command, self.events).await
    }

    /// Returns the lock of a caller, or locks the instance.
    pub(crate) async fn keep_locked(
        &self,
        lock: Option<Lock>,
        command: Ours,
    ) -> Result<Lock, state::Error> {
        match lock {
            Some(lock) => Ok(lock),
            None => self.lock(command).await,
        }
    }
}
