//! Files that are read when they are said and kept, since a later `up` without
//! flags means the same.

use std::path::{Path, PathBuf};

use super::{Error, KeptFile, SetArgument, SetKind};
use crate::files;
use crate::values::{LARGEST_FILE, named_files};

/// Reads values files; `-` is what is piped in.
pub(super) fn read_values(paths: &[PathBuf]) -> Result<Vec<KeptFile>, Error> {
    let read =
        |path: &PathBuf| text_of(path)?.ok_or_else(|| Error::NoValuesFile { path: path.clone() });
    paths.iter().map(read).collect()
}

/// The arguments of one flag, with the files that they name.
pub(super) fn read_sets(kind: SetKind, texts: &[String]) -> Result<Vec<SetArgument>, Error> {
    let read = |text: &String| {
        let mut argument = SetArgument::new(kind, text);
        if kind == SetKind::File {
            for path in named_files(text) {
                let file = text_of(Path::new(&path))?;
                argument.files.push(file.ok_or_else(|| Error::NoSetFile {
                    path: PathBuf::from(path),
                    argument: argument.to_string(),
                })?);
            }
        }
        Ok(argument)
    };
    texts.iter().map(read).collect()
}

fn text_of(path: &Path) -> Result<Option<KeptFile>, Error> {
    let place = match path.as_os_str().to_str().map(str::trim) {
        Some("-") => Path::new("/dev/stdin"),
        _ => path,
    };
    let Some(bytes) = files::read_at_most(place, LARGEST_FILE + 1)? else {
        return Ok(None);
    };
    let path = path.to_owned();
    if bytes.len() > LARGEST_FILE {
        return Err(Error::TooLarge { path });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Error::NotText {
            path: path.clone(),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        }
    })?;
    Ok(Some(KeptFile {
        path: path.display().to_string(),
        text,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_with_their_arguments() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("motd");
        files::write(&path, "hello\n").unwrap();
        let text = format!("a={},b=none", path.display());
        let error = read_sets(SetKind::File, std::slice::from_ref(&text)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("there is no file none (--set-file {text})")
        );
        let text = format!("a={}", path.display());
        let sets = read_sets(SetKind::File, &[text]).unwrap();
        assert_eq!(sets[0].files[0].text, "hello\n");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "bytes that are no text")]
    fn what_is_no_text_or_too_large_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("values.yaml");
        std::fs::write(&path, b"a: 1\nb: \xff\n").unwrap();
        let error = read_values(std::slice::from_ref(&path)).unwrap_err();
        let place = path.display();
        assert_eq!(
            error.to_string(),
            format!("{place}:2 cannot be used: it is no text in UTF-8")
        );
        std::fs::write(&path, vec![b'#'; LARGEST_FILE + 1]).unwrap();
        let error = read_values(std::slice::from_ref(&path)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("{place} cannot be used: it is larger than 1 MiB")
        );
    }
}
