//! The mounted file systems of this machine, as the kernel lists them.

use std::path::{Path, PathBuf};

use crate::files;

/// Where the kernel lists them; missing on others than Linux.
const LIST: &str = "/proc/self/mountinfo";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// Its type, such as `ext4` or `fuse.sshfs`.
    pub kind: String,
    pub at: PathBuf,
}

/// Returns the file system that holds `path`, or will hold it.
pub(crate) fn holding(path: &Path) -> Option<Mounted> {
    let path = files::standing(path)?.canonicalize().ok()?;
    let list = files::read(LIST.as_ref()).ok()??;
    // A later mount hides an earlier one at the same place.
    parse(&list)
        .filter(|mounted| path.starts_with(&mounted.at))
        .reduce(|best, next| {
            let deeper = next.at.as_os_str().len() >= best.at.as_os_str().len();
            if deeper { next } else { best }
        })
}

pub(crate) fn is_mount_point(path: &Path) -> bool {
    let real = path.canonicalize();
    holding(path).is_some_and(|mounted| real.is_ok_and(|real| real == mounted.at))
}

fn parse(list: &str) -> impl Iterator<Item = Mounted> + '_ {
    list.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        Some(Mounted {
            at: unescape(place.split(' ').nth(4)?).into(),
            kind: kind.split(' ').next()?.to_owned(),
        })
    })
}

/// Undoes the kernel's `\040` for a blank.
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
    fn mounts_are_read_with_blanks_in_their_names() {
        let list = "22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n\
             40 22 8:17 / /media/my\\040disk rw shared:1 - vfat /dev/sdb1 rw,uid=1000\n\
             41 22 0:50 / /home/me/far rw - fuse.sshfs me@far: rw\n";
        let all: Vec<_> = parse(list).collect();
        assert_eq!(all[1].at, Path::new("/media/my disk"));
        let kinds: Vec<&str> = all.iter().map(|mounted| mounted.kind.as_str()).collect();
        assert_eq!(kinds, ["ext4", "vfat", "fuse.sshfs"]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_holds_a_path_is_found_also_before_it_exists() {
        assert_eq!(holding(Path::new("/proc/self/none")).unwrap().kind, "proc");
        assert!(is_mount_point(Path::new("/proc")));
        assert!(!is_mount_point(Path::new("/proc/self")));
    }
}
