//! The data directory.

use crate::elastic::settings::Refusal;
use crate::support::store::Store;
use crate::support::version::Version;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The open data directory.
#[derive(Debug)]
pub struct Data {
    /// Holds the lock.
    _lock: File,
    /// Whether a node formed a cluster with these data earlier.
    pub formed: bool,
    marker: PathBuf,
    pub store: Store,
}

impl Data {
    /// Records that a node has formed a cluster with these data.
    pub fn mark_formed(&self) -> io::Result<()> {
        std::fs::write(&self.marker, "")
    }
}

/// Opens the data, or fails like Elasticsearch.
pub fn open(directory: &Path, current: Version) -> Result<Data, Refusal> {
    let tried = directory.display();
    let locked = |_: io::Error| Refusal {
        kind: "java.lang.IllegalStateException",
        message: if current.major < 8 {
            format!(
                "failed to obtain node locks, tried [[{tried}]] with lock id [0]; maybe these locations are not writable or multiple nodes were started without increasing [node.max_local_storage_nodes] (was [1])?"
            )
        } else {
            format!(
                "failed to obtain node locks, tried [{tried}]; maybe these locations are not writable or multiple nodes were started on the same data path?"
            )
        },
    };
    let node = directory.join("standin");
    std::fs::create_dir_all(&node).map_err(locked)?;
    let lock = File::create(node.join("node.lock")).map_err(locked)?;
    lock.try_lock().map_err(|error| locked(error.into()))?;
    check_version(&node.join("version"), current)?;
    let store = Store::open(&node.join("indices.jsonl")).map_err(locked)?;
    let marker = node.join("formed");
    Ok(Data {
        _lock: lock,
        formed: marker.exists(),
        marker,
        store,
    })
}

fn check_version(file: &Path, current: Version) -> Result<(), Refusal> {
    let refuse = |message: String| Refusal {
        kind: "java.lang.IllegalStateException",
        message,
    };
    let found = std::fs::read_to_string(file).ok();
    if let Some(found) = found.as_deref().and_then(Version::parse) {
        if found > current {
            return Err(refuse(format!(
                "cannot downgrade a node from version [{found}] to version [{current}]"
            )));
        }
        let last_of_7 = Version::parse("7.17.0").expect("a version");
        if current.major >= 8 && found < last_of_7 {
            return Err(refuse(format!(
                "cannot upgrade a node from version [{found}] directly to version [{current}], upgrade to version [7.17.0] first."
            )));
        }
    }
    std::fs::write(file, current.to_string()).map_err(|error| refuse(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_be_downgraded_or_opened_twice() {
        let directory = tempfile::tempdir().unwrap();
        let open = |version| open(directory.path(), Version::parse(version).unwrap());
        let first = open("7.17.29").unwrap();
        assert!(
            open("7.17.29")
                .unwrap_err()
                .message
                .contains("failed to obtain node locks")
        );
        drop(first);
        let newer = open("8.17.0").unwrap();
        assert!(!newer.formed);
        newer.mark_formed().unwrap();
        drop(newer);
        assert!(open("8.17.0").unwrap().formed);
        assert_eq!(
            open("7.17.29").unwrap_err().message,
            "cannot downgrade a node from version [8.17.0] to version [7.17.29]"
        );
    }
}
