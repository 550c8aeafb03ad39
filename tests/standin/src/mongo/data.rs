//! The data directory: its lock and its version.

use crate::support::version::Version;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

/// Why mongod rejects a data directory: its exit code and its message.
#[derive(Debug, PartialEq)]
pub struct Refusal {
    pub code: u8,
    pub error: String,
}

/// The lock file, which contains the PID while mongod is running and is emptied when it
/// stops cleanly.
#[derive(Debug)]
pub struct Lock {
    file: File,
    /// Whether the previous mongod did not stop cleanly.
    pub unclean: bool,
}

impl Lock {
    /// Acquires the lock.
    pub fn acquire(data: &Path) -> Result<Self, Refusal> {
        let directory = data.display();
        let refuse = |error: String| Refusal { code: 100, error };
        if !data.is_dir() {
            return Err(refuse(format!(
                "NonExistentPath: Data directory {directory} not found. Create the missing directory or specify another directory using (1) the --dbpath command line option, or (2) by adding the 'storage.dbPath' option in the configuration file."
            )));
        }
        let opened = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(data.join("mongod.lock"));
        let mut file = opened.map_err(|error| {
            refuse(format!(
                "DBPathInUse: Unable to create/open the lock file: {directory}/mongod.lock ({}). Ensure the user executing mongod is the owner of the lock file and has the appropriate permissions. Also make sure that another mongod instance is not already running on the {directory} directory",
                reason(&error)
            ))
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(refuse(format!(
                    "DBPathInUse: Unable to lock the lock file: {directory}/mongod.lock (Resource temporarily unavailable). Another mongod instance is already running on the {directory} directory"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(refuse(error.to_string())),
        }
        let mut previous = String::new();
        let unclean = file.read_to_string(&mut previous).is_ok() && !previous.trim().is_empty();
        let mut lock = Self { file, unclean };
        lock.write(&format!("{}\n", std::process::id()))
            .map_err(|error| refuse(error.to_string()))?;
        Ok(lock)
    }

    /// Marks the data as cleanly closed.
    pub fn release(mut self) -> io::Result<()> {
        self.write("")
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.sync_all()
    }
}

/// Returns `Permission denied (os error 13)` without Rust's addition.
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

/// Rejects data that this version cannot read: mongod accepts data of its own series
/// and of the previous one, and writes its own series to an empty directory.
pub fn check_version(data: &Path, current: Version) -> Result<(), Refusal> {
    let file = data.join("standin-feature-compatibility");
    let Ok(found) = std::fs::read_to_string(&file) else {
        return std::fs::write(&file, current.series()).map_err(|error| Refusal {
            code: 100,
            error: error.to_string(),
        });
    };
    let found = found.trim();
    let accepted: &[&str] = match current.major {
        4 => &["4.2", "4.4"],
        5 => &["4.4", "5.0"],
        6 => &["5.0", "6.0"],
        _ => &["6.0", "7.0"],
    };
    if accepted.contains(&found) {
        return Ok(());
    }
    Err(Refusal {
        code: 62,
        error: format!(
            "UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document (ERROR: Location4926900: Invalid featureCompatibilityVersion document in admin.system.version: {{ _id: \"featureCompatibilityVersion\", version: \"{found}\" }}. See https://docs.mongodb.com/master/release-notes/{series}-compatibility/#feature-compatibility. :: caused by :: Invalid feature compatibility version value, expected '{}' or '{}'). If the current featureCompatibilityVersion is below {}, see the documentation on upgrading at https://docs.mongodb.com/master/release-notes/{series}/#upgrade-procedures.",
            accepted[0],
            accepted[1],
            accepted[0],
            series = current.series(),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_mongod_locks_the_data() {
        let data = tempfile::tempdir().unwrap();
        let first = Lock::acquire(data.path()).unwrap();
        assert!(!first.unclean);
        let refusal = Lock::acquire(data.path()).unwrap_err();
        assert_eq!(refusal.code, 100);
        assert!(refusal.error.contains("already running"));
        drop(first);
        let killed = Lock::acquire(data.path()).unwrap();
        assert!(killed.unclean, "the first one was dropped without release");
        killed.release().unwrap();
        assert!(!Lock::acquire(data.path()).unwrap().unclean);
    }

    #[test]
    fn accepts_upgrades_by_one_series() {
        let data = tempfile::tempdir().unwrap();
        let check = |version| check_version(data.path(), Version::parse(version).unwrap());
        assert_eq!(check("4.4.29"), Ok(()));
        assert_eq!(check("4.4.29"), Ok(()));
        assert_eq!(check("5.0.26"), Ok(()));
        let refusal = check("7.0.22").unwrap_err();
        assert_eq!(refusal.code, 62);
        assert!(refusal.error.contains("version: \"4.4\""));
    }

    #[test]
    fn rejects_newer_data() {
        let data = tempfile::tempdir().unwrap();
        check_version(data.path(), Version::parse("7.0.22").unwrap()).unwrap();
        let refusal = check_version(data.path(), Version::parse("4.4.29").unwrap());
        assert_eq!(refusal.unwrap_err().code, 62);
    }
}
