//! Writes the archive. Everything in it passes the redactor.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;

use super::gather::{Content, Gathered};
use super::text::Tail;
use super::{Contents, Entry, Unread, Written};
use crate::error::Result;
use crate::files::NewFile;
use crate::redact::{MASK, Redactor};
use crate::settings::InstanceName;
use crate::words;

/// The maximum size of all files together before compression. Later ones are left out.
const LIMIT: u64 = 64 << 20;

pub(super) struct Archive {
    path: PathBuf,
    tar: tar::Builder<GzEncoder<NewFile>>,
    /// The directory of all files in the archive.
    directory: String,
    redactor: Redactor,
    contents: Contents,
    size: u64,
}

impl Archive {
    pub(super) fn create(path: &Path, directory: &str) -> Result<Archive> {
        let file = NewFile::create(path)?;
        Ok(Archive {
            path: path.to_owned(),
            tar: tar::Builder::new(GzEncoder::new(file, Compression::default())),
            directory: directory.to_owned(),
            redactor: Redactor::default(),
            contents: Contents::default(),
            size: 0,
        })
    }

    /// Adds what was gathered. The secrets in it are masked here and in everything that is
    /// added later.
    pub(super) fn add_all(&mut self, gathered: Gathered) -> Result<()> {
        self.redactor = gathered.redactor;
        self.redactor.prepare();
        for (path, content) in gathered.parts {
            match content {
                Content::Text(text) => self.tail(&path, Tail::of(&text))?,
                Content::Json(mut value) => {
                    self.redactor.value(&mut value);
                    let cut = (value["complete"] == false).then(|| {
                        let kept = value["items"].as_array().map_or(0, Vec::len);
                        format!("only the latest {kept}")
                    });
                    let mut text =
                        serde_json::to_string_pretty(&value).expect("plain data can be serialized");
                    text.push('\n');
                    self.add(&path, &text, cut)?;
                }
            }
        }
        for unread in gathered.unread {
            self.unread(&unread.part, unread.why);
        }
        Ok(())
    }

    pub(super) fn tail(&mut self, path: &str, tail: Tail) -> Result<()> {
        let (text, cut) = tail.finish();
        let text = self.redactor.text(&text);
        self.add(path, &text, cut)
    }

    pub(super) fn unread(&mut self, part: &str, why: String) {
        self.contents.unread.push(Unread {
            part: part.to_owned(),
            why: self.redactor.text(&why),
        });
    }

    fn add(&mut self, path: &str, text: &str, cut: Option<String>) -> Result<()> {
        let bytes = text.len() as u64;
        if self.size + bytes > LIMIT {
            let limit = words::bytes(LIMIT);
            self.unread(path, format!("left out: the bundle is limited to {limit}"));
            return Ok(());
        }
        self.size += bytes;
        self.append(path, text)?;
        self.contents.files.push(Entry {
            path: path.to_owned(),
            bytes,
            cut,
        });
        Ok(())
    }

    fn append(&mut self, path: &str, text: &str) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(u64::try_from(Timestamp::now().as_second()).unwrap_or_default());
        let path = format!("{}/{path}", self.directory);
        let added = self.tar.append_data(&mut header, path, text.as_bytes());
        Ok(added.map_err(|error| NewFile::failed(&self.path, error))?)
    }

    /// Adds the list of contents and puts the archive at its path.
    pub(super) fn complete(mut self, name: &InstanceName, at: Timestamp) -> Result<Written> {
        let contents = contents(&self.contents, name, at);
        self.append("contents.txt", &contents)?;
        let file = self.tar.into_inner().and_then(GzEncoder::finish);
        let file = file.map_err(|error| NewFile::failed(&self.path, error))?;
        Ok(Written {
            bytes: file.complete()?,
            contents: self.contents,
        })
    }
}

fn contents(contents: &Contents, name: &InstanceName, at: Timestamp) -> String {
    let version = env!("CARGO_PKG_VERSION");
    let mut text = format!(
        "Support bundle of the instance `{name}`, written by clearml-local {version} at {at:.0}.\n\
         Passwords, keys and tokens are replaced by {MASK}.\n\nFiles:\n"
    );
    for file in &contents.files {
        let size = words::bytes(file.bytes);
        let cut = file.cut.as_ref();
        let cut = cut.map_or_else(String::new, |cut| format!(", {cut}"));
        let _ = writeln!(text, "  {} ({size}{cut})", file.path);
    }
    if !contents.unread.is_empty() {
        text.push_str("\nNot read:\n");
        for (why, parts) in contents.unread_by_reason() {
            let _ = writeln!(text, "  {}: {why}", parts.join(", "));
        }
    }
    text
}
