//! The size of the data, counted within a time limit on a blocking thread, because a
//! server can have millions of files.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::files;
use crate::settings::DataPlace;

const LIMIT: Duration = Duration::from_millis(300);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) bytes: u64,
    /// Whether files are missing because of the time limit or of permissions.
    pub(crate) partial: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DataSize {
    /// Free bytes on the disk.
    pub(crate) free: Option<u64>,
    /// Bytes used by the data, if all of them could be read in time.
    pub(crate) used: Option<u64>,
}

/// Measures a data directory. A volume is not measured.
pub(crate) async fn measure(place: &DataPlace) -> DataSize {
    let Some(directory) = place.directory().cloned() else {
        return DataSize::default();
    };
    let until = Instant::now() + LIMIT;
    let measured = tokio::task::spawn_blocking(move || {
        let counted = count(&directory, until);
        DataSize {
            free: files::free_space(&directory),
            used: (!counted.partial && directory.is_dir()).then_some(counted.bytes),
        }
    });
    // A network file system that is unreachable blocks even the first call.
    let measured = tokio::time::timeout(LIMIT * 2, measured).await;
    measured.ok().and_then(Result::ok).unwrap_or_default()
}

/// Counts the bytes of all files below a directory until `until`. Links are not
/// followed.
#[expect(
    clippy::disallowed_methods,
    reason = "errors only make the count partial"
)]
pub(crate) fn count(path: &Path, until: Instant) -> Counted {
    let mut sum = Counted::default();
    let Ok(entries) = std::fs::read_dir(path) else {
        // Databases remove files and directories during the count.
        sum.partial = path.exists();
        return sum;
    };
    for entry in entries.flatten() {
        if Instant::now() >= until {
            sum.partial = true;
            return sum;
        }
        let Ok(meta) = entry.metadata() else {
            continue;
        };
        let inner = match meta.is_dir() {
            true => count(&entry.path(), until),
            false => Counted {
                bytes: meta.len(),
                partial: false,
            },
        };
        sum.bytes += inner.bytes;
        sum.partial |= inner.partial;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn counts_the_data_within_the_time_limit() {
        let dir = tempfile::tempdir().unwrap();
        files::create_dir(&dir.path().join("a/b")).unwrap();
        files::write(&dir.path().join("a/b/c"), "12345").unwrap();
        files::write(&dir.path().join("d"), "123").unwrap();
        let now = Instant::now();
        let complete = Counted {
            bytes: 8,
            partial: false,
        };
        assert_eq!(count(dir.path(), now + Duration::from_secs(60)), complete);
        assert!(count(dir.path(), now).partial);

        let measured = measure(&DataPlace::Directory(dir.path().into())).await;
        assert_eq!(measured.used, Some(8));
        assert!(measured.free.is_some());
        let absent = measure(&DataPlace::Directory(dir.path().join("none").into())).await;
        assert_eq!(absent.used, None);
        let volume = measure(&DataPlace::Volume("v".into())).await;
        assert_eq!(volume, DataSize::default());
    }
}
