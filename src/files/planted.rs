//! Files, directories and links that another user put into a shared place, such as `/tmp`. They
//! are refused: following them would give that user a say in what this program reads, or let it
//! write elsewhere.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Error, owner};

/// The operation that fails.
pub(super) const USE: &str = "use";

/// Permission of everyone to write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Returns the part of a path that another user may have planted, and its owner: the directory
/// that it is in can be written by everyone.
fn planted(path: &Path) -> Option<(PathBuf, u32)> {
    let trusted = trusted();
    // The path as it was given, and where its links lead.
    let target = path.canonicalize().ok();
    let paths = [Some(path), target.as_deref()].into_iter().flatten();
    paths.flat_map(Path::ancestors).find_map(|part| {
        let (owner, _) = owner(part)?;
        let directory = std::fs::metadata(part.parent()?).ok()?;
        let is_shared = directory.mode() & WRITABLE_BY_ALL != 0;
        (is_shared && !trusted.contains(&owner)).then(|| (part.to_owned(), owner))
    })
}

/// Refuses a path that another user may have planted.
pub fn refuse_planted(path: &Path) -> Result<(), Error> {
    let Some((part, owner)) = planted(path) else {
        return Ok(());
    };
    let reason = format!(
        "it belongs to another user (uid {owner}), in a directory that everyone can write to"
    );
    Err(Error {
        action: USE,
        path: part,
        source: io::Error::other(reason),
    })
}

/// The users whose files are trusted: this one, root, the owner of the home directory (which
/// `sudo` may keep) and the user who called `sudo`.
fn trusted() -> Vec<u32> {
    let this = rustix::process::geteuid();
    let home = dirs::home_dir().and_then(|home| owner(&home));
    let caller = std::env::var_os("SUDO_UID").filter(|_| this.is_root());
    let caller = caller.and_then(|uid| uid.to_str()?.parse().ok());
    let others = home.map(|(uid, _)| uid).into_iter().chain(caller);
    [this.as_raw(), 0].into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

    use super::*;
    use crate::files;

    const OTHER: u32 = 65_533;

    /// A directory like `/tmp`. `None` if this user cannot give files to another one.
    fn shared() -> Option<tempfile::TempDir> {
        let dir = tempfile::tempdir().unwrap();
        let mode = std::fs::Permissions::from_mode(0o1777);
        std::fs::set_permissions(dir.path(), mode).unwrap();
        files::is_root().then_some(dir)
    }

    #[test]
    fn what_another_user_planted_is_refused() {
        let Some(dir) = shared() else { return };
        let at = |name: &str| dir.path().join(name);
        files::create_dir(&at("ours/x")).unwrap();
        files::create_dir(&at("theirs/x")).unwrap();
        chown(at("theirs"), Some(OTHER), None).unwrap();
        symlink(at("ours"), at("link")).unwrap();
        lchown(at("link"), Some(OTHER), None).unwrap();
        symlink("theirs/x", at("ours-to-theirs")).unwrap();
        for ours in ["ours", "ours/x", "ours/x/missing", "missing"] {
            assert_eq!(planted(&at(ours)), None, "{ours}");
        }
        for theirs in [
            "theirs",
            "theirs/x",
            "theirs/missing",
            "link",
            "link/x",
            "ours-to-theirs",
        ] {
            let error = refuse_planted(&at(theirs)).unwrap_err().to_string();
            assert!(
                error.contains("belongs to another user (uid 65533)"),
                "{theirs}: {error}"
            );
        }
    }

    #[test]
    fn a_directory_that_only_its_owner_can_write_to_is_not_a_shared_place() {
        let Some(dir) = shared() else { return };
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(dir.path(), mode).unwrap();
        files::create_dir(&dir.path().join("theirs")).unwrap();
        chown(dir.path().join("theirs"), Some(OTHER), None).unwrap();
        assert_eq!(planted(&dir.path().join("theirs")), None);
    }
}
