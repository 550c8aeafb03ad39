//! The file system, with the path in every error and writes that are whole or
//! not there. `clippy.toml` keeps others from `std::fs`.

#![expect(clippy::disallowed_methods, reason = "this is the one place")]

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::{Code, Explain};
use crate::hint::Hint;
use crate::path::{HostPath, quoted};

#[derive(Debug, thiserror::Error)]
#[error("cannot {what} {}: {source}", path.display())]
pub struct Error {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Error {
    /// Whether the place, not the file, is the trouble: nobody may write there, or it
    /// is no folder.
    pub fn is_of_place(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
        matches!(
            self.source.kind(),
            NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem
        )
    }
}

impl Explain for Error {
    fn code(&self) -> Code {
        if self.source.kind() == io::ErrorKind::StorageFull {
            Code::DiskFull
        } else {
            Code::StateBroken
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self.source.kind() {
            io::ErrorKind::StorageFull => {
                let place = standing(&self.path).unwrap_or(&self.path);
                vec![Hint::run(
                    "free some space",
                    format!("df -h {}", quoted(place)),
                )]
            }
            _ if self.what == TEMPORARY => {
                vec![Hint::run("use a writable directory", "export TMPDIR=/tmp")]
            }
            io::ErrorKind::PermissionDenied => {
                vec![Hint::run(
                    "see who owns it",
                    format!("ls -ld {}", quoted(&self.path)),
                )]
            }
            _ => Vec::new(),
        }
    }
}

fn explain<T>(what: &'static str, path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error {
        what,
        path: path.to_owned(),
        source,
    })
}

/// The text of a file, or `None` where there is none.
pub fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => explain("read", path, result).map(Some),
    }
}

/// The first bytes of a file or pipe, at most so many, or `None` where there is
/// none.
pub fn read_at_most(path: &Path, most: usize) -> Result<Option<Vec<u8>>, Error> {
    use std::io::Read;
    let read = || {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        file.take(most as u64).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    match read() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => explain("read", path, result).map(Some),
    }
}

/// Makes a folder and those above it.
pub fn create_dir(path: &Path) -> Result<(), Error> {
    explain("create the directory", path, std::fs::create_dir_all(path))
}

/// Writes a file whole or not at all.
///
/// # Errors
/// When its folder is not writable or the disk is full.
pub fn write(path: &Path, text: &str) -> Result<(), Error> {
    replace(path, text, 0o644)
}

/// Like [`write()`], readable by its owner only from the first byte on.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    replace(path, text, 0o600)
}

fn replace(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let dir = path.parent().unwrap_or(Path::new("."));
    let attempt = || {
        let mut file = tempfile::Builder::new()
            .permissions(std::fs::Permissions::from_mode(mode))
            .tempfile_in(dir)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    explain("write", path, attempt())
}

/// What cannot be done where `TMPDIR` is no folder, or not ours.
const TEMPORARY: &str = "create a temporary file in";

/// A file that nobody else sees and that goes with the process.
///
/// # Errors
/// When the folder for temporary files (`TMPDIR`) cannot be used.
pub fn temporary() -> Result<std::fs::File, Error> {
    // Set and empty is not set; the library would take the working directory.
    let told = std::env::temp_dir();
    let dir = match told.as_os_str().is_empty() {
        true => Path::new("/tmp"),
        false => &told,
    };
    explain(TEMPORARY, dir, tempfile::tempfile_in(dir))
}

/// Removes a file; fine when there is none.
pub fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => explain("remove", path, result),
    }
}

/// Removes a folder that is empty; fine when there is none. Returns `false` where it
/// stays: it holds something, is a mount point or a link, or is in a folder of others.
pub fn remove_empty_dir(path: &Path) -> Result<bool, Error> {
    use io::ErrorKind::{DirectoryNotEmpty, NotADirectory, PermissionDenied, ResourceBusy};
    match std::fs::remove_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                DirectoryNotEmpty | NotADirectory | PermissionDenied | ResourceBusy
            ) =>
        {
            Ok(false)
        }
        result => explain("remove the directory", path, result).map(|()| true),
    }
}

/// Removes a folder and all below it, following no link; fine when there is none.
/// Returns `false` when others own something in it, or when a mount point stays.
pub fn remove_tree(path: &Path) -> Result<bool, Error> {
    let result = match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ResourceBusy
            ) =>
        {
            Ok(false)
        }
        result => explain("remove", path, result).map(|()| true),
    }
}

/// Names in a folder, sorted; empty where there is none.
pub fn list(path: &Path) -> Result<Vec<String>, Error> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => explain("read the directory", path, result)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = explain("read the directory", path, entry)?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Opens a file for locking, making it when it is not there.
pub fn open_lock(path: &Path) -> Result<std::fs::File, Error> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path);
    explain("open", path, file)
}

/// Whether the open file is the one at that path.
pub fn is_still_at(path: &Path, file: &std::fs::File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    match (std::fs::metadata(path), file.metadata()) {
        (Ok(there), Ok(open)) => identity(there) == identity(open),
        _ => false,
    }
}

/// Replaces what a lock file says.
pub fn write_lock(path: &Path, file: &mut std::fs::File, text: &str) -> Result<(), Error> {
    let mut attempt = || {
        file.set_len(0)?;
        file.write_all(text.as_bytes())
    };
    explain("write", path, attempt())
}

/// Makes `link` point at `target` where nothing stands at `link` yet; returns
/// whether it does now.
pub fn link_if_free(target: &Path, link: &Path) -> bool {
    match std::fs::read_link(link) {
        Ok(there) => HostPath::from(there) == HostPath::from(target),
        Err(_) => std::os::unix::fs::symlink(target, link).is_ok(),
    }
}

/// Removes `link` when it is a link to `target`.
pub fn unlink_if_ours(target: &Path, link: &Path) -> Result<(), Error> {
    if std::fs::read_link(link).is_ok_and(|there| HostPath::from(there) == HostPath::from(target)) {
        return remove(link);
    }
    Ok(())
}

/// Free bytes where `path` is or would be made.
pub fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(standing(path)?).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

/// Files that can still be made where `path` is or would be made; `None` where the
/// file system does not count them.
pub fn free_inodes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(standing(path)?).ok()?;
    (stat.f_files > 0).then_some(stat.f_favail)
}

/// What exists of a path: itself, or the nearest folder above it.
pub fn standing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|dir| dir.exists())
}

/// Whether this process runs as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Owner (uid, gid) of what is at a path.
pub fn owner(path: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::symlink_metadata(path).ok()?;
    Some((meta.uid(), meta.gid()))
}

/// Tries on a folder of its own in `dir` whether each owner is kept. For root.
pub fn keeps_owners(dir: &Path, owners: &[(u32, u32)]) -> bool {
    let Ok(probe) = tempfile::Builder::new()
        .prefix(".clearml-local-")
        .tempdir_in(dir)
    else {
        return false;
    };
    owners.iter().all(|&(uid, gid)| {
        std::os::unix::fs::chown(probe.path(), Some(uid), Some(gid)).is_ok()
            && owner(probe.path()) == Some((uid, gid))
    })
}

/// Why the user cannot write in a folder, if that is so.
pub fn unwritable(dir: &Path) -> Option<String> {
    use rustix::fs::Access;
    let error = rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some(match error {
        rustix::io::Errno::ROFS => "its file system is read-only".into(),
        rustix::io::Errno::ACCESS => "permission denied".into(),
        other => io::Error::from(other).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn private_files_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secrets");
        write_private(&path, "x").unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn errors_name_the_path() {
        let error = write(Path::new("/nonexistent/dir/file"), "x").unwrap_err();
        assert!(
            error.to_string().contains("/nonexistent/dir/file"),
            "{error}"
        );
    }

    #[test]
    fn a_link_never_replaces_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        write(&link, "somebody's file").unwrap();
        assert!(!link_if_free(dir.path(), &link));
        assert_eq!(read(&link).unwrap().unwrap(), "somebody's file");
    }
}
