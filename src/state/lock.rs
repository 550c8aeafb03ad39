//! The lock that allows one command at a time to change an instance.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use super::{Error, StateDir, not_writable};
use crate::event::Events;
use crate::files;
use crate::hint::Ours;

pub(super) const FILE: &str = "lock";

/// Held while a command changes an instance. It is released when it is dropped, and
/// when its process ends for any reason.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    root: PathBuf,
}

/// A command that changed nothing must leave nothing: a directory with only the lock is
/// removed.
impl Drop for Lock {
    fn drop(&mut self) {
        if files::list(&self.root).is_ok_and(|names| names == [FILE]) {
            let _ = files::remove(&self.root.join(FILE));
            let _ = files::remove_empty_dir(&self.root);
        }
    }
}

impl Lock {
    /// Acquires the lock, and waits with a warning while another command holds it.
    /// `command` is what that warning calls the holder.
    pub async fn acquire(state: &StateDir, command: &Ours, events: &Events) -> Result<Lock, Error> {
        let mut warned = false;
        loop {
            if let Some(lock) = Lock::try_acquire(state, command)? {
                return Ok(lock);
            }
            if !warned {
                warned = true;
                let holder = files::read(&state.root().join(FILE))?.unwrap_or_default();
                let holder = if holder.is_empty() {
                    "another command".to_owned()
                } else {
                    holder
                };
                events.warn(format!(
                    "waiting for {holder}, which is working on this instance"
                ));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Returns the command that holds the lock, without acquiring it.
    pub fn holder(state: &StateDir) -> Result<Option<String>, Error> {
        let path = state.root().join(FILE);
        let Some(holder) = files::read(&path)? else {
            return Ok(None);
        };
        let file = files::open_lock(&path)?;
        let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        Ok(held.then_some(holder))
    }

    fn try_acquire(state: &StateDir, command: &Ours) -> Result<Option<Lock>, Error> {
        state.create()?;
        let path = state.root().join(FILE);
        let mut file = files::open_lock(&path).map_err(not_writable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            // Some network file systems do not support locks; running without one is
            // better than failing.
            Err(TryLockError::Error(_)) => return Ok(Some(Lock::new(file, state))),
        }
        // `purge` may have removed the file between opening and locking it, and another
        // process may have created a new one.
        if !files::is_same_file(&path, &file) {
            return Ok(None);
        }
        let holder = format!("`{command}` (process {})", std::process::id());
        files::write_lock(&path, &mut file, &holder)?;
        Ok(Some(Lock::new(file, state)))
    }

    fn new(file: File, state: &StateDir) -> Lock {
        Lock {
            _file: file,
            root: state.root().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hint::ours;

    fn up() -> Ours {
        ours!(Up).of(Some("demo"))
    }

    #[test]
    fn a_command_that_changed_nothing_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        let lock = Lock::try_acquire(&state, &up()).unwrap();
        assert!(state.root().exists());
        drop(lock);
        assert!(!state.root().exists());
    }

    #[test]
    fn a_second_command_sees_the_holder_of_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().to_owned());
        let first = Lock::try_acquire(&state, &up()).unwrap();
        assert!(first.is_some());
        assert!(Lock::try_acquire(&state, &ours!(Down)).unwrap().is_none());
        let holder = files::read(&dir.path().join(FILE)).unwrap().unwrap();
        assert!(
            holder.starts_with("`clearml-local up --name demo` (process "),
            "{holder}"
        );
        files::write(&dir.path().join("instance.json"), "").unwrap();
        drop(first);
        assert!(Lock::try_acquire(&state, &ours!(Down)).unwrap().is_some());
    }
}
