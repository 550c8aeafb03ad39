//! The background process of `forward --detach`. It holds a lock on the file that describes
//! it, so that the file of a process that ended in any way does not count.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::file::read_cached;
use super::{Error, StateDir};
use crate::files;
use crate::settings::HostPorts;

pub(super) const FILE: &str = "forward.json";

/// A running background process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Background {
    pub process: u32,
    pub ports: HostPorts,
}

/// Held by the background process while it runs.
#[derive(Debug)]
pub struct BackgroundLock {
    file: File,
    path: PathBuf,
}

impl StateDir {
    /// Returns the background process, if it runs.
    pub fn background(&self) -> Result<Option<Background>, Error> {
        let path = self.root.join(FILE);
        let Some(text) = read_cached(&path)? else {
            return Ok(None);
        };
        let file = files::open_lock(&path)?;
        let runs = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        // The process writes the file after it has locked it.
        Ok(serde_json::from_str(&text).ok().filter(|_| runs))
    }

    /// Locks the file for this process. Returns `None` if another process has locked it.
    pub fn lock_background(&self) -> Result<Option<BackgroundLock>, Error> {
        self.create()?;
        let path = self.root.join(FILE);
        let file = files::open_lock(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(files::lock_error(&path, source).into()),
        }
        // The previous process may have removed the file after it was opened here.
        let is_current = files::is_same_file(&path, &file);
        Ok(is_current.then_some(BackgroundLock { file, path }))
    }
}

impl BackgroundLock {
    /// Writes the description of this process.
    pub fn write(&mut self, process: Background) -> Result<(), Error> {
        let text = super::json(&process);
        Ok(files::write_lock(&self.path, &mut self.file, &text)?)
    }
}

impl Drop for BackgroundLock {
    fn drop(&mut self) {
        let _ = files::remove(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_process_that_runs_is_returned() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("demo"));
        assert_eq!(state.background().unwrap(), None);
        let process = Background {
            process: 7,
            ports: HostPorts::with_defaults(),
        };
        let mut lock = state.lock_background().unwrap().unwrap();
        assert_eq!(state.background().unwrap(), None, "it is still starting");
        lock.write(process).unwrap();
        assert_eq!(state.background().unwrap(), Some(process));
        assert!(state.lock_background().unwrap().is_none());
        drop(lock);
        assert_eq!(state.background().unwrap(), None);
        let left = serde_json::to_string(&process).unwrap();
        files::write(&state.root().join(FILE), &left).unwrap();
        assert_eq!(state.background().unwrap(), None, "it was killed");
        assert!(state.lock_background().unwrap().is_some());
    }
}
