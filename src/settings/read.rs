//! Reads the files in options. Their content is saved with the instance, so each is read only
//! once.

use helm_values::{MAX_BYTES, file_names};

use super::{Error, InputFile};
use crate::inputs::{KeptFile, SetArgument, SetKind};
use crate::{files, release};

/// Reads values files.
pub(super) fn values<'a>(
    paths: impl Iterator<Item = &'a InputFile>,
) -> Result<Vec<KeptFile>, Error> {
    let read = |file: &InputFile| {
        let saved = text_of(file)?.ok_or_else(|| Error::NoValuesFile {
            path: file.to_string(),
        })?;
        // Usually, the command before the pipe failed.
        if file.is_stdin() && saved.text.trim().is_empty() {
            return Err(Error::EmptyStdin);
        }
        Ok(saved)
    };
    paths.map(read).collect()
}

/// Reads the release file, or returns `None` if `name` is not a path.
pub(super) fn release(name: &str) -> Result<Option<KeptFile>, Error> {
    if !release::is_path(name) {
        return Ok(None);
    }
    let path: InputFile = name.parse().map_err(Error::ReleasePath)?;
    let missing = || Error::NoReleaseFile {
        path: path.to_string(),
    };
    Ok(Some(text_of(&path)?.ok_or_else(missing)?))
}

/// Returns the arguments of one option with the content of their files.
pub(super) fn sets(kind: SetKind, texts: &[String]) -> Result<Vec<SetArgument>, Error> {
    let read = |text: &String| {
        let mut argument = SetArgument::new(kind, text);
        if kind == SetKind::File {
            for path in file_names(text) {
                let file = path.parse().map_err(|reason| Error::Path {
                    reason,
                    argument: argument.to_string(),
                })?;
                argument
                    .files
                    .push(text_of(&file)?.ok_or_else(|| Error::NoSetFile {
                        path,
                        argument: argument.to_string(),
                    })?);
            }
        }
        Ok(argument)
    };
    texts.iter().map(read).collect()
}

fn text_of(file: &InputFile) -> Result<Option<KeptFile>, Error> {
    let Some(bytes) = files::read_at_most(file.path(), MAX_BYTES + 1)? else {
        return Ok(None);
    };
    let path = file.to_string();
    if bytes.len() > MAX_BYTES {
        return Err(Error::TooLarge { path });
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        Error::NotText {
            path: path.clone(),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        }
    })?;
    Ok(Some(KeptFile { path, text }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_set_file_are_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("motd");
        files::write(&path, "hello\n").unwrap();
        let text = format!("a={},b=none", path.display());
        let error = sets(SetKind::File, std::slice::from_ref(&text)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("file none does not exist (--set-file {text})")
        );
        let text = format!("a={}", path.display());
        let read = sets(SetKind::File, &[text]).unwrap();
        assert_eq!(read[0].files[0].text, "hello\n");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "writes invalid UTF-8")]
    fn refuses_files_that_are_not_text_or_too_large() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("values.yaml");
        let file: InputFile = path.display().to_string().parse().unwrap();
        std::fs::write(&path, b"a: 1\nb: \xff\n").unwrap();
        let error = values(std::iter::once(&file)).unwrap_err();
        let place = path.display();
        assert_eq!(
            error.to_string(),
            format!("cannot read {place}: line 2 is not valid UTF-8")
        );
        std::fs::write(&path, vec![b'#'; MAX_BYTES + 1]).unwrap();
        let error = values(std::iter::once(&file)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot read {place}: it is larger than 1 MiB")
        );
    }
}
