//! The mounted file systems of the host, as the kernel lists them.

use std::path::{Path, PathBuf};

use crate::files;

/// Exists only on Linux.
const LIST: &str = "/proc/self/mountinfo";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// Such as `ext4` or `fuse.sshfs`.
    pub fs_type: String,
    pub mount_point: PathBuf,
}

/// Returns the file system of `path`, which may not exist yet.
pub(crate) fn file_system_of(path: &Path) -> Option<Mounted> {
    let path = files::nearest_existing(path)?.canonicalize().ok()?;
    let list = files::read(LIST.as_ref()).ok()??;
    // A later mount hides an earlier one at the same place.
    parse(&list)
        .filter(|mounted| path.starts_with(&mounted.mount_point))
        .reduce(|best, next| {
            let deeper = next.mount_point.as_os_str().len() >= best.mount_point.as_os_str().len();
            if deeper { next } else { best }
        })
}

/// Returns whether a file system is mounted at `path` itself.
pub(crate) fn is_mount_point(path: &Path) -> bool {
    let real = path.canonicalize();
    file_system_of(path).is_some_and(|mounted| real.is_ok_and(|real| real == mounted.mount_point))
}

fn parse(list: &str) -> impl Iterator<Item = Mounted> + '_ {
    list.lines().filter_map(|line| {
        let (place, fs_type) = line.split_once(" - ")?;
        Some(Mounted {
            mount_point: unescape(place.split(' ').nth(4)?).into(),
            fs_type: fs_type.split(' ').next()?.to_owned(),
        })
    })
}

/// Decodes octal escapes, such as the kernel's `\040` for a space.
fn unescape(text: &str) -> String {
    let (first, rest) = text.split_once('\\').unwrap_or((text, ""));
    let mut plain = first.to_owned();
    for piece in rest.split('\\').filter(|piece| !piece.is_empty()) {
        let code = piece
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(code) => {
                plain.push(char::from(code));
                plain.push_str(&piece[3..]);
            }
            None => plain.push_str(piece),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_mount_points_with_spaces() {
        let list = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
             40 22 8:17 / /media/my\\040disk rw shared:1 - vfat /dev/sdb1 rw,uid=1000\n\
             41 22 0:50 / /home/me/far rw - fuse.sshfs me@far: rw\n";
        let all: Vec<_> = parse(list).collect();
        assert_eq!(all[1].mount_point, Path::new("/media/my disk"));
        let kinds: Vec<&str> = all.iter().map(|mounted| mounted.fs_type.as_str()).collect();
        assert_eq!(kinds, ["ext4", "vfat", "fuse.sshfs"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn finds_the_file_system_of_a_path_that_does_not_exist() {
        assert_eq!(
            file_system_of(Path::new("/proc/self/none"))
                .unwrap()
                .fs_type,
            "proc"
        );
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/self")));
    }
}
