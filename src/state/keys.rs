//! Copies of an instance's keys and settings in its data directory. They outlive the
//! cluster and the home, and can be read while the node is stopped. They expose nothing
//! new: the databases' own files in this directory contain the same keys.

use std::path::Path;

use super::{Error, json, read_json};
use crate::files;
use crate::secrets::Secrets;
use crate::settings::Instance;

pub const KEYS_FILE: &str = ".clearml-local-keys.json";
/// May contain secrets, because the values can.
pub const SETTINGS_FILE: &str = ".clearml-local-settings.json";

/// Returns the keys in a data directory, if it has any.
pub fn read_keys(dir: &Path) -> Result<Option<Secrets>, Error> {
    read_json(&dir.join(KEYS_FILE))
}

/// Writes keys and settings to a data directory, readable by their owner only.
pub fn write_keys(dir: &Path, secrets: &Secrets, instance: &Instance) -> Result<(), Error> {
    for (file, content) in [(KEYS_FILE, json(secrets)), (SETTINGS_FILE, json(instance))] {
        let path = dir.join(file);
        match files::read(&path) {
            Ok(Some(current)) if current == content => {}
            // The files belong to another user, whose copies have the same content.
            Err(_) => {}
            Ok(_) => files::write_private(&path, &content)?,
        }
    }
    Ok(())
}

pub(super) fn remove(dir: &Path) -> Result<(), Error> {
    files::remove(&dir.join(KEYS_FILE))?;
    Ok(files::remove(&dir.join(SETTINGS_FILE))?)
}
