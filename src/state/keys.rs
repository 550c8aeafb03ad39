//! The copy of an instance's keys beside its data: they outlive the cluster and the
//! home. Whoever can read the databases' files can read the same keys in them.

use std::path::Path;

use super::{Error, json, read_json};
use crate::files;
use crate::secrets::Secrets;

/// The file, in the data directory.
pub const KEYS_FILE: &str = ".clearml-local-keys.json";

/// The keys beside the data in a folder, if they are there.
///
/// # Errors
/// When the file cannot be read, or is broken.
pub fn keys_in(dir: &Path) -> Result<Option<Secrets>, Error> {
    read_json(&dir.join(KEYS_FILE))
}

/// Keeps them there, readable by the file's owner only.
///
/// # Errors
/// When the file cannot be written.
pub fn keep_keys_in(dir: &Path, secrets: &Secrets) -> Result<(), Error> {
    match keys_in(dir) {
        Ok(Some(there)) if there == *secrets => return Ok(()),
        // Another user's, for whom they are the same.
        Err(Error::Files(_)) => return Ok(()),
        Ok(_) | Err(_) => {}
    }
    Ok(files::write_private(&dir.join(KEYS_FILE), &json(secrets))?)
}

/// Removes the file.
///
/// # Errors
/// When it cannot be removed.
pub(super) fn remove_keys_in(dir: &Path) -> Result<(), Error> {
    Ok(files::remove(&dir.join(KEYS_FILE))?)
}
