//! Reads the tar archives that the engine sends, entry by entry.

#[cfg(test)]
pub(crate) mod fixtures;

use std::io::{self, Write};

use futures_util::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

/// The size of a block. A header is one block, and contents are padded to whole blocks.
const BLOCK: usize = 512;
/// The maximum size of the records before an entry, to limit memory.
const MAX_RECORDS: u64 = 1 << 20;

/// A reader of an archive.
pub(crate) struct Tar<R> {
    reader: R,
    /// The unread bytes of the current entry.
    unread: u64,
    /// The unread padding after the current entry.
    padding: u64,
}

/// Returns the text of an archive's first file, if it has one.
pub(crate) async fn first_file(reader: impl AsyncBufRead + Unpin) -> io::Result<Option<String>> {
    let mut tar = Tar::new(reader);
    if tar.next().await?.is_none() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    tar.copy(&mut bytes).await?;
    String::from_utf8(bytes)
        .map(Some)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

/// A file of an archive.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) size: u64,
}

impl<R: AsyncBufRead + Unpin> Tar<R> {
    pub(crate) fn new(reader: R) -> Self {
        Tar {
            reader,
            unread: 0,
            padding: 0,
        }
    }

    /// Returns the next regular file, or `None` at the end. The rest of the previous
    /// one is skipped.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Entry>> {
        let mut path = None;
        loop {
            self.copy(&mut io::sink()).await?;
            let mut header = [0; BLOCK];
            self.reader.read_exact(&mut header).await?;
            if header.iter().all(|byte| *byte == 0) {
                return Ok(None);
            }
            let size = octal(&header[124..136]).ok_or_else(|| invalid("size"))?;
            self.unread = size;
            self.padding = size.next_multiple_of(BLOCK as u64) - size;
            match header[156] {
                b'0' | 0 => {
                    let path = path.unwrap_or_else(|| short_path(&header));
                    return Ok(Some(Entry { path, size }));
                }
                b'x' if size <= MAX_RECORDS => {
                    let mut records = Vec::new();
                    self.copy(&mut records).await?;
                    path = long_path(&records);
                }
                b'x' => return Err(invalid("name")),
                // Global records do not contain names.
                b'g' => {}
                _ => path = None,
            }
        }
    }

    /// Writes the rest of the current file to `target`.
    pub(crate) async fn copy(&mut self, target: &mut impl Write) -> io::Result<()> {
        while self.unread + self.padding > 0 {
            let bytes = self.reader.fill_buf().await?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let up_to = |count: u64| {
                usize::try_from(count)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len())
            };
            let taken = if self.unread > 0 {
                let taken = up_to(self.unread);
                target.write_all(&bytes[..taken])?;
                self.unread -= taken as u64;
                taken
            } else {
                let taken = up_to(self.padding);
                self.padding -= taken as u64;
                taken
            };
            self.reader.consume_unpin(taken);
        }
        Ok(())
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("invalid archive from the engine: invalid {what}"),
    )
}

fn text(field: &[u8]) -> String {
    let field = field.split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(field).into_owned()
}

fn octal(field: &[u8]) -> Option<u64> {
    u64::from_str_radix(text(field).trim(), 8).ok()
}

/// Returns the path in a header, which has one or two parts.
fn short_path(header: &[u8; BLOCK]) -> String {
    let (name, prefix) = (text(&header[..100]), text(&header[345..500]));
    if prefix.is_empty() {
        name
    } else {
        format!("{prefix}/{name}")
    }
}

/// Returns the path in the records before an entry, each `LENGTH KEY=VALUE`.
fn long_path(mut records: &[u8]) -> Option<String> {
    while !records.is_empty() {
        let space = records.iter().position(|byte| *byte == b' ')?;
        let length: usize = text(&records[..space]).parse().ok()?;
        let record = records.get(space + 1..length)?;
        if let Some(path) = record.strip_prefix(b"path=") {
            return Some(text(path).trim_end_matches('\n').to_owned());
        }
        records = &records[length..];
    }
    None
}

#[cfg(test)]
mod tests {
    use futures_util::io::{BufReader, Cursor};

    use super::fixtures::{archive, entry};
    use super::*;

    async fn read(bytes: Vec<u8>) -> io::Result<Vec<(String, String)>> {
        let mut tar = Tar::new(BufReader::with_capacity(100, Cursor::new(bytes)));
        let mut found = Vec::new();
        while let Some(entry) = tar.next().await? {
            let mut content = Vec::new();
            if !entry.path.contains("skip") {
                tar.copy(&mut content).await?;
                assert_eq!(content.len() as u64, entry.size);
            }
            found.push((entry.path, String::from_utf8(content).unwrap()));
        }
        Ok(found)
    }

    #[tokio::test]
    async fn files_are_read_by_their_whole_names() {
        let long = format!("pods/{}/0.log", "x".repeat(150));
        let large = "line\n".repeat(500);
        let bytes = archive(&[
            (&long, "one"),
            ("skip", &large),
            ("empty", ""),
            ("b", &large),
        ]);
        let pair = |path: &str, content: &str| (path.to_owned(), content.to_owned());
        assert_eq!(
            read(bytes).await.unwrap(),
            [
                pair(&long, "one"),
                pair("skip", ""),
                pair("empty", ""),
                pair("b", &large)
            ]
        );
        let mut bytes = entry(b'0', "redis/0.log", "pods/clearml_r_u", b"two");
        bytes.extend([0; BLOCK]);
        assert_eq!(
            read(bytes).await.unwrap(),
            [pair("pods/clearml_r_u/redis/0.log", "two")]
        );
    }

    #[tokio::test]
    async fn an_archive_that_ends_early_is_an_error() {
        let whole = archive(&[("a", "content")]);
        for length in [BLOCK, whole.len() - 2 * BLOCK - 3] {
            let error = read(whole[..length].to_vec()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof, "{length}");
        }
        let mut wrong = whole;
        wrong[124] = b'?';
        let error = read(wrong).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
