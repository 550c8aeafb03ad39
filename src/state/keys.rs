//! The copies of an instance's keys and settings beside its data: they outlive the
//! cluster and the home, and can be read while the node is stopped. Whoever can read the
//! databases' files can read the same keys in them.

use std::path::Path;

use super::{Error, json, read_json};
use crate::files;
use crate::secrets::Secrets;
use crate::settings::Instance;

/// The file with the keys, in the data directory.
pub const KEYS_FILE: &str = ".clearml-local-keys.json";
/// The file with the settings and values, which may hold secrets as well.
pub const SETTINGS_FILE: &str = ".clearml-local-settings.json";

/// The keys beside the data in a folder, if they are there.
pub fn keys_in(dir: &Path) -> Result<Option<Secrets>, Error> {
    read_json(&dir.join(KEYS_FILE))
}

/// Keeps keys and settings there, readable by the files' owner only.
pub fn keep_in(dir: &Path, secrets: &Secrets, instance: &Instance) -> Result<(), Error> {
    for (file, text) in [(KEYS_FILE, json(secrets)), (SETTINGS_FILE, json(instance))] {
        let path = dir.join(file);
        match files::read(&path) {
            Ok(Some(there)) if there == text => {}
            // Another user's, for whom they are the same.
            Err(_) => {}
            Ok(_) => files::write_private(&path, &text)?,
        }
    }
    Ok(())
}

pub(super) fn remove_from(dir: &Path) -> Result<(), Error> {
    files::remove(&dir.join(KEYS_FILE))?;
    Ok(files::remove(&dir.join(SETTINGS_FILE))?)
}
