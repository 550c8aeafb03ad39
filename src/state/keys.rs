//! Copies of an instance's keys and settings in its data directory. They outlive the
//! cluster and the home, and can be read while the node is stopped. They expose nothing
//! new: the databases' own files in this directory contain the same keys.

use std::path::Path;

use super::file::{is_later, read_json, read_text};
use super::{Error, json};
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

/// Returns whether a directory has the keys of an instance and data of this release.
pub fn has_data_of(dir: &Path, keys: &Secrets, release: &str) -> bool {
    let settings = read_json::<Instance>(&dir.join(SETTINGS_FILE));
    let theirs = read_keys(dir).ok().flatten();
    theirs.is_some_and(|theirs| theirs.is_same_instance(keys))
        && settings.is_ok_and(|settings| {
            settings.is_some_and(|settings| settings.values.release_name() == release)
        })
}

/// Writes keys and settings to a data directory, readable by their owner only.
pub fn write_keys(dir: &Path, secrets: &Secrets, instance: &Instance) -> Result<(), Error> {
    for (file, content) in [(KEYS_FILE, json(secrets)), (SETTINGS_FILE, json(instance))] {
        let path = dir.join(file);
        match read_text(&path) {
            Ok(Some(current)) if current == content || is_later(&current) => {}
            // The files belong to another user, whose copies have the same content.
            Err(Error::Files(_)) => {}
            // Including a damaged file.
            _ => files::write_private(&path, &content)?,
        }
    }
    Ok(())
}

pub(super) fn remove(dir: &Path) -> Result<(), Error> {
    files::remove(&dir.join(KEYS_FILE))?;
    Ok(files::remove(&dir.join(SETTINGS_FILE))?)
}
