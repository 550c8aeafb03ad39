//! The lock that allows one command at a time to change an instance.

use std::fs::{File, TryLockError};
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::file::read_cached;
use super::{Error, StateDir, not_writable};
use crate::event::Events;
use crate::files;
use crate::hint::Ours;
use crate::words;

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
        let mut attempts = 0;
        loop {
            if let Some(lock) = Lock::try_acquire(state, command)? {
                return Ok(lock);
            }
            // At the second attempt, the holder has certainly replaced the text of the
            // previous one.
            if attempts == 1 {
                let holder = read_cached(&state.root().join(FILE))?.unwrap_or_default();
                let holder = describe(&holder, Timestamp::now());
                events.warn(format!(
                    "waiting for {holder}, which is working on this instance"
                ));
            }
            attempts += 1;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Returns the command that holds the lock, with its process and since when it holds it,
    /// without acquiring it.
    pub fn holder(state: &StateDir) -> Result<Option<String>, Error> {
        let path = state.root().join(FILE);
        let Some(holder) = read_cached(&path)? else {
            return Ok(None);
        };
        let file = files::open_lock(&path)?;
        let held = matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        Ok(held.then(|| describe(&holder, Timestamp::now())))
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
        let holder = holder(command, std::process::id(), Timestamp::now());
        files::write_lock(&path, &mut file, &holder)?;
        state.remove_unfinished();
        Ok(Some(Lock::new(file, state)))
    }

    fn new(file: File, state: &StateDir) -> Lock {
        Lock {
            _file: file,
            root: state.root().to_owned(),
        }
    }
}

/// Returns the content of the lock file, which earlier versions show as it is.
fn holder(command: &Ours, process: u32, at: Timestamp) -> String {
    let at = at.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!("`{command}` (process {process}) since {at}")
}

/// Describes the content of a lock file. Earlier versions did not store a time.
fn describe(holder: &str, now: Timestamp) -> String {
    /// Longer than a command with its process.
    const MOST: usize = 200;
    let holder = words::one_line(holder);
    if !holder.starts_with('`') {
        // It is being written, or was damaged.
        return "another command".to_owned();
    }
    let timed = holder.rsplit_once(") since ");
    let Some((who, Ok(at))) = timed.map(|(who, at)| (who, at.parse::<Timestamp>())) else {
        return words::cut(&holder, MOST);
    };
    let since = match Duration::try_from(now.duration_since(at)) {
        Ok(age) => format!(
            "{}, {} ago",
            at.strftime("%H:%M:%SZ"),
            words::duration(Duration::from_secs(age.as_secs()))
        ),
        // The clock was set back.
        Err(_) => at.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    };
    format!("{}, since {since})", words::cut(who, MOST))
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
        let holder = Lock::holder(&state).unwrap().unwrap();
        assert!(
            holder.starts_with("`clearml-local up --name demo` (process "),
            "{holder}"
        );
        assert!(holder.contains(", since "), "{holder}");
        files::write(&dir.path().join("instance.json"), "").unwrap();
        drop(first);
        assert!(Lock::try_acquire(&state, &ours!(Down)).unwrap().is_some());
    }

    #[test]
    fn the_holder_is_described_with_its_process_and_the_time() {
        let at: Timestamp = "2026-11-27T12:03:11Z".parse().unwrap();
        let stored = holder(&up(), 711, at);
        let who = "`clearml-local up --name demo` (process 711";
        for (now, expected) in [
            ("2026-11-27T12:05:16Z", "12:03:11Z, 2 m 5 s ago"),
            ("2026-11-27T12:03:11.6Z", "12:03:11Z, 0 s ago"),
            // The clock was set back.
            ("2026-11-27T11:00:00Z", "2026-11-27 12:03:11Z"),
        ] {
            let described = describe(&stored, now.parse().unwrap());
            assert_eq!(described, format!("{who}, since {expected})"));
        }
        let earlier = format!("{who})");
        assert_eq!(
            describe(&earlier, at),
            earlier,
            "earlier versions stored no time"
        );
        for damaged in ["", "{\"a\": 1}", "\u{1b}[2J"] {
            assert_eq!(describe(damaged, at), "another command");
        }
    }
}
