//! Stores each revision as a file, whose content only [`crate::revisions`] interprets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::file::read_text;
use super::{Error, StateDir};
use crate::files;

impl StateDir {
    pub(super) fn revisions_path(&self) -> PathBuf {
        self.root.join("revisions")
    }

    fn revision_path(&self, number: u32) -> PathBuf {
        self.revisions_path().join(format!("{number}.json"))
    }

    /// Returns the stored revisions by number. One that cannot be read has no text.
    pub fn revisions(&self) -> Result<BTreeMap<u32, String>, Error> {
        let mut revisions = BTreeMap::new();
        for name in files::list(&self.revisions_path())? {
            let number = name.strip_suffix(".json").and_then(|n| n.parse().ok());
            if let Some(number) = number {
                let text = read_text(&self.revision_path(number)).ok().flatten();
                revisions.insert(number, text.unwrap_or_default());
            }
        }
        Ok(revisions)
    }

    /// Stores a revision, readable by its owner only.
    pub fn save_revision(&self, number: u32, text: &str) -> Result<(), Error> {
        files::create_dir(&self.revisions_path())?;
        Ok(files::write_private(&self.revision_path(number), text)?)
    }

    pub fn remove_revision(&self, number: u32) -> Result<(), Error> {
        Ok(files::remove(&self.revision_path(number))?)
    }

    pub(super) fn remove_revisions(&self) -> Result<(), Error> {
        for number in self.revisions()?.into_keys() {
            self.remove_revision(number)?;
        }
        files::remove_unfinished(&self.revisions_path(), Duration::ZERO)?;
        files::remove_empty_dir(&self.revisions_path())?;
        Ok(())
    }
}
