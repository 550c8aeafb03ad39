//! Access to the file system, with the path in every error and atomic writes.
//! `clippy.toml` keeps other modules from using `std::fs`.

#![expect(
    clippy::disallowed_methods,
    reason = "the only module that uses std::fs"
)]

mod planted;

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::planted::refuse_planted;
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::Hint;
use crate::path::{HostPath, quoted};

/// A failed operation on a file or directory.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct Error {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl Error {
    /// Returns whether the directory is the problem, not the file: it is not writable,
    /// missing, or not a directory.
    pub fn is_about_directory(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
        matches!(
            self.source.kind(),
            NotADirectory | NotFound | PermissionDenied | ReadOnlyFilesystem
        )
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self.source.kind() {
            io::ErrorKind::StorageFull => Failure::StateDiskFull,
            io::ErrorKind::AlreadyExists if self.action == CREATE_NEW => Failure::FileExists,
            _ if self.action == planted::USE => Failure::UntrustedFile,
            _ => Failure::StateNotWritable,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self.source.kind() {
            io::ErrorKind::StorageFull => {
                let place = nearest_existing(&self.path).unwrap_or(&self.path);
                vec![Hint::run(
                    "free some space",
                    format!("df -h {}", quoted(place)),
                )]
            }
            io::ErrorKind::AlreadyExists if self.action == CREATE_NEW => {
                vec![Hint::text("choose another file name")]
            }
            _ if self.action == planted::USE => vec![
                Hint::run("see who owns it", format!("ls -ld {}", quoted(&self.path))),
                Hint::text("use another directory, or make the file yours if you know what it is"),
            ],
            _ if self.action == CREATE_TEMPORARY => {
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

fn with_context<T>(action: &'static str, path: &Path, result: io::Result<T>) -> Result<T, Error> {
    result.map_err(|source| Error {
        action,
        path: path.to_owned(),
        source: without_path(source),
    })
}

/// Returns an error without the path that the library for temporary files adds, which gives
/// access only to the text.
fn without_path(error: io::Error) -> io::Error {
    let text = error.to_string();
    match text.split_once(" at path \"") {
        Some((reason, _)) if error.raw_os_error().is_none() => {
            io::Error::new(error.kind(), reason.to_owned())
        }
        _ => error,
    }
}

/// Returns the text of a file, or `None` if it does not exist.
pub fn read(path: &Path) -> Result<Option<String>, Error> {
    match std::fs::read_to_string(path) {
        Err(error) if is_missing(&error) => Ok(None),
        result => with_context("read", path, result).map(Some),
    }
}

/// Whether nothing is at a path: also if something in the place of a parent is not a directory.
fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// What is at the path of a file that we write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Own {
    Missing,
    Text(String),
    /// Something that we do not write, such as `a directory`.
    Other(&'static str),
}

/// Reads a file that we write, which anything may have replaced. Never waits, such as for the
/// other end of a named pipe.
pub fn read_own(path: &Path) -> Result<Own, Error> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let read = || {
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(path)?;
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            return Ok(Own::Other("a directory"));
        }
        if !kind.is_file() {
            return Ok(Own::Other("a pipe or a device"));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let text = String::from_utf8(bytes);
        io::Result::Ok(text.map_or(Own::Other("a binary file"), Own::Text))
    };
    match read() {
        Err(error) if is_missing(&error) => Ok(Own::Missing),
        result => with_context("read", path, result),
    }
}

/// Returns at most `most` bytes from the start of a file or pipe, or `None` if it does
/// not exist.
pub fn read_at_most(path: &Path, most: usize) -> Result<Option<Vec<u8>>, Error> {
    use std::io::Read;
    let read = || {
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path)?;
        file.take(most as u64).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    match read() {
        Err(error) if is_missing(&error) => Ok(None),
        result => with_context("read", path, result).map(Some),
    }
}

/// Creates a directory and its parents. Those that are created are accessible only to their
/// owner.
pub fn create_dir(path: &Path) -> Result<(), Error> {
    use std::os::unix::fs::DirBuilderExt;
    let created = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    with_context("create the directory", path, created)
}

/// Creates a directory and its parents, for files that others may read.
pub fn create_public_dir(path: &Path) -> Result<(), Error> {
    with_context("create the directory", path, std::fs::create_dir_all(path))
}

/// The start of the name of a file that is not complete. A process that is killed leaves it.
pub const UNFINISHED: &str = ".clearml-local-tmp-";

/// Removes the unfinished files and directories of killed processes that are at least this old.
pub fn remove_unfinished(dir: &Path, age: Duration) -> Result<(), Error> {
    for name in list(dir)? {
        let path = dir.join(&name);
        // A file of the future was written before the clock was set back.
        let is_old = || {
            let written = std::fs::symlink_metadata(&path).and_then(|meta| meta.modified());
            written.is_ok_and(|at| at.elapsed().is_ok_and(|elapsed| elapsed >= age))
        };
        if name.starts_with(UNFINISHED) && (age.is_zero() || is_old()) {
            match path.is_dir() {
                true => _ = remove_empty_dir(&path)?,
                false => remove(&path)?,
            }
        }
    }
    Ok(())
}

/// Writes a file atomically.
pub fn write(path: &Path, text: &str) -> Result<(), Error> {
    replace(path, text, 0o644)
}

/// Like [`write()`]; the file is readable only by its owner from the first byte on.
pub fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    replace(path, text, 0o600)
}

fn replace(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let dir = path.parent().unwrap_or(Path::new("."));
    let attempt = || {
        let mut file = tempfile::Builder::new()
            .prefix(UNFINISHED)
            .permissions(std::fs::Permissions::from_mode(mode))
            .tempfile_in(dir)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    with_context("write", path, attempt())
}

/// The operation that fails if `TMPDIR` is not a directory or not ours.
const CREATE_TEMPORARY: &str = "create a temporary file in";

/// Creates a file without a name, which is removed when the process ends.
pub fn temporary() -> Result<std::fs::File, Error> {
    // An empty `TMPDIR` counts as unset; the library would use the working directory.
    let configured = std::env::temp_dir();
    let dir = match configured.as_os_str().is_empty() {
        true => Path::new("/tmp"),
        false => &configured,
    };
    with_context(CREATE_TEMPORARY, dir, tempfile::tempfile_in(dir))
}

/// Removes a file. A missing file is not an error.
pub fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => with_context("remove", path, result),
    }
}

/// Removes an empty directory. A missing one is not an error. Returns `false` if it
/// remains: it is not empty, is a mount point or a link, or its parent belongs to
/// another user.
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
        result => with_context("remove the directory", path, result).map(|()| true),
    }
}

/// Removes a directory and its contents, without following links. A missing one is not
/// an error. Returns `false` if files of other users or a mount point remain.
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
        result => with_context("remove", path, result).map(|()| true),
    }
}

/// Returns the sorted names in a directory, which may be missing.
pub fn list(path: &Path) -> Result<Vec<String>, Error> {
    let entries = match std::fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => with_context("read the directory", path, result)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = with_context("read the directory", path, entry)?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Does not follow a link.
fn no_follow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

/// Opens a file for locking and creates it, readable only by its owner, if necessary.
pub fn open_lock(path: &Path) -> Result<std::fs::File, Error> {
    let file = std::fs::OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(path);
    with_context("open", path, file)
}

/// Returns the error of a file that cannot be locked.
pub fn lock_error(path: &Path, source: io::Error) -> Error {
    Error {
        action: "lock",
        path: path.to_owned(),
        source,
    }
}

/// Creates an empty file that is readable only by its owner, for the output of a process.
pub fn create_private(path: &Path) -> Result<std::fs::File, Error> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).truncate(true).mode(0o600);
    options.custom_flags(no_follow());
    with_context("create", path, options.open(path))
}

/// The operation that refuses to replace a file.
const CREATE_NEW: &str = "create";
const EXISTS: &str = "it already exists";

/// A file that appears at its path when it is complete. It is readable only by its owner, and
/// removed unless it is completed.
#[derive(Debug)]
pub struct NewFile {
    file: tempfile::NamedTempFile,
    path: PathBuf,
}

impl NewFile {
    /// # Errors
    /// Something exists at the path, or the directory is not writable or of another user.
    pub fn create(path: &Path) -> Result<NewFile, Error> {
        use std::os::unix::fs::PermissionsExt;
        if let Some(dir) = path.parent() {
            refuse_planted(dir)?;
        }
        let dir = path.parent().unwrap_or(Path::new("."));
        let attempt = || match std::fs::symlink_metadata(path) {
            Ok(_) => Err(io::Error::new(io::ErrorKind::AlreadyExists, EXISTS)),
            Err(_) => tempfile::Builder::new()
                .permissions(std::fs::Permissions::from_mode(0o600))
                .tempfile_in(dir),
        };
        Ok(NewFile {
            file: with_context(CREATE_NEW, path, attempt())?,
            path: path.to_owned(),
        })
    }

    /// Puts the file at its path, and returns its size.
    pub fn complete(self) -> Result<u64, Error> {
        let path = self.path.clone();
        let attempt = || {
            self.file.as_file().sync_all()?;
            let file = self.file.persist_noclobber(&self.path);
            let file = file.map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => io::Error::new(error.error.kind(), EXISTS),
                _ => error.error,
            })?;
            Ok(file.metadata()?.len())
        };
        with_context(CREATE_NEW, &path, attempt())
    }

    /// Returns the error of a failed write.
    pub fn failed(path: &Path, source: io::Error) -> Error {
        Error {
            action: "write",
            path: path.to_owned(),
            source,
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Returns whether the path still refers to the open file.
pub fn is_same_file(path: &Path, file: &std::fs::File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    match (std::fs::metadata(path), file.metadata()) {
        (Ok(current), Ok(open)) => identity(current) == identity(open),
        _ => false,
    }
}

/// Replaces the content of a lock file.
pub fn write_lock(path: &Path, file: &mut std::fs::File, text: &str) -> Result<(), Error> {
    let mut attempt = || {
        file.set_len(0)?;
        file.write_all(text.as_bytes())
    };
    with_context("write", path, attempt())
}

/// Creates `link` to `target` unless something exists at `link`. Returns whether `link`
/// points to `target` now.
pub fn create_link(target: &Path, link: &Path) -> bool {
    match std::fs::read_link(link) {
        Ok(current) => HostPath::from(current) == HostPath::from(target),
        Err(_) => std::os::unix::fs::symlink(target, link).is_ok(),
    }
}

/// Removes `link` if it points to `target`.
pub fn remove_link(target: &Path, link: &Path) -> Result<(), Error> {
    if std::fs::read_link(link)
        .is_ok_and(|current| HostPath::from(current) == HostPath::from(target))
    {
        return remove(link);
    }
    Ok(())
}

/// Returns the free bytes on the file system of `path`, which may not exist yet.
pub fn free_space(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(nearest_existing(path)?).ok()?;
    Some(stat.f_bavail * stat.f_frsize)
}

/// Returns the free inodes on the file system of `path`, or `None` if it does not count
/// them.
pub fn free_inodes(path: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(nearest_existing(path)?).ok()?;
    (stat.f_files > 0).then_some(stat.f_favail)
}

/// Returns the path itself if it exists, or its nearest existing ancestor.
pub fn nearest_existing(path: &Path) -> Option<&Path> {
    path.ancestors().find(|dir| dir.exists())
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Returns the owner (uid, gid) of a path.
pub fn owner(path: &Path) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::symlink_metadata(path).ok()?;
    Some((meta.uid(), meta.gid()))
}

/// Tests on a temporary directory in `dir` whether it preserves each owner. Needs root.
pub fn preserves_owners(dir: &Path, owners: &[(u32, u32)]) -> bool {
    let Ok(probe) = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(dir) else {
        return false;
    };
    owners.iter().all(|&(uid, gid)| {
        std::os::unix::fs::chown(probe.path(), Some(uid), Some(gid)).is_ok()
            && owner(probe.path()) == Some((uid, gid))
    })
}

/// Returns why the user cannot write to a directory, if so.
pub fn reason_not_writable(dir: &Path) -> Option<String> {
    use rustix::fs::Access;
    let error = rustix::fs::access(dir, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some(match error {
        rustix::io::Errno::ROFS => "its file system is read-only".into(),
        rustix::io::Errno::ACCESS => "permission denied".into(),
        other => io::Error::from(other).to_string(),
    })
}

#[cfg(test)]
mod tests;
