//! How much the data take: counted within a time limit and off the async threads, as a
//! server can have millions of files.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::files;
use crate::settings::DataPlace;

/// How long counting may take.
const LIMIT: Duration = Duration::from_millis(300);

/// The bytes of the files below a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Those that could be counted.
    pub(crate) bytes: u64,
    /// Whether some are missing, for want of time or of permissions.
    pub(crate) partial: bool,
}

/// The data directory and its disk, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DataSize {
    pub(crate) free: Option<u64>,
    /// Taken by the data, where all of them can be read in time.
    pub(crate) used: Option<u64>,
}

/// Measures the data directory; nothing is known of a volume.
pub(crate) async fn measure(place: &DataPlace) -> DataSize {
    let Some(folder) = place.folder().cloned() else {
        return DataSize::default();
    };
    let until = Instant::now() + LIMIT;
    let measured = tokio::task::spawn_blocking(move || {
        let counted = count(&folder, until);
        DataSize {
            free: files::free_space(&folder),
            used: (!counted.partial && folder.is_dir()).then_some(counted.bytes),
        }
    });
    // A network file system that is away blocks even the first look.
    let measured = tokio::time::timeout(LIMIT * 2, measured).await;
    measured.ok().and_then(Result::ok).unwrap_or_default()
}

/// Counts the bytes of all files below a directory until a point in time. Links are not
/// followed.
#[expect(
    clippy::disallowed_methods,
    reason = "errors are counted as missing data, and name no path"
)]
pub(crate) fn count(path: &Path, until: Instant) -> Counted {
    let mut sum = Counted::default();
    let Ok(entries) = std::fs::read_dir(path) else {
        // Databases remove files and directories while somebody counts.
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
    async fn data_are_counted_within_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        files::create_dir(&dir.path().join("a/b")).unwrap();
        files::write(&dir.path().join("a/b/c"), "12345").unwrap();
        files::write(&dir.path().join("d"), "123").unwrap();
        let now = Instant::now();
        let whole = Counted {
            bytes: 8,
            partial: false,
        };
        assert_eq!(count(dir.path(), now + Duration::from_secs(60)), whole);
        assert!(count(dir.path(), now).partial);

        let measured = measure(&DataPlace::Folder(dir.path().into())).await;
        assert_eq!(measured.used, Some(8));
        assert!(measured.free.is_some());
        let absent = measure(&DataPlace::Folder(dir.path().join("none").into())).await;
        assert_eq!(absent.used, None);
        let volume = measure(&DataPlace::Volume("v".into())).await;
        assert_eq!(volume, DataSize::default());
    }
}
