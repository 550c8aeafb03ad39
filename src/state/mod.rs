//! What this machine stores of an instance: settings, secrets and kubeconfig in the
//! state directory, and the marker in the data directory. All of it is a hint: labels
//! and the API determine what exists.

mod agents;
mod background;
mod file;
mod keys;
mod lock;
mod marker;
mod revisions;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::agents::AGENT_CACHE;
pub use self::background::{Background, BackgroundLock};
pub use self::file::{is_later, later_format, read_copy};
use self::file::{read_cached, read_json};
pub use self::keys::{KEYS_FILE, SETTINGS_FILE, has_data_of, read_keys, write_keys};
pub use self::lock::Lock;
pub use self::marker::Marker;
use crate::error::Explain;
use crate::failures::Failure;
use crate::files;
use crate::hint::{Hint, ours};
use crate::path::{HostPath, quoted};
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, InstanceName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDir {
    root: PathBuf,
}

impl StateDir {
    /// Returns the instance's directory below the user's data directory
    /// (`~/.local/share/clearml-local/NAME` on Linux).
    ///
    /// # Errors
    /// There is no home, or another user planted the directory.
    pub fn of(name: &InstanceName) -> Result<StateDir, Error> {
        let base = dirs::data_local_dir().ok_or(Error::NoHome)?;
        let root = base.join("clearml-local").join(name.as_str());
        files::refuse_planted(&root)?;
        Ok(StateDir { root })
    }

    /// Returns the instances that have a state directory, by name.
    pub fn all() -> Result<Vec<InstanceName>, Error> {
        let base = dirs::data_local_dir().ok_or(Error::NoHome)?;
        let base = base.join("clearml-local");
        files::refuse_planted(&base)?;
        let names = files::list(&base)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    pub fn at(root: PathBuf) -> StateDir {
        StateDir { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Fails with [`Error::NotWritable`] if the user cannot write to the home.
    fn create(&self) -> Result<(), Error> {
        files::create_dir(&self.root).map_err(not_writable)
    }

    pub fn default_data_dir(&self) -> HostPath {
        self.root.join("data").into()
    }

    /// The file is readable by its owner only.
    pub fn kubeconfig_path(&self) -> PathBuf {
        self.root.join("kubeconfig")
    }

    pub fn log_path(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(name)
    }

    fn instance_path(&self) -> PathBuf {
        self.root.join("instance.json")
    }

    fn secrets_path(&self) -> PathBuf {
        self.root.join("secrets.json")
    }

    fn node_path(&self) -> PathBuf {
        self.root.join("node")
    }

    fn used_data_path(&self) -> PathBuf {
        self.root.join("used-data.json")
    }

    /// Returns the settings of the previous `up`, if there was one.
    pub fn instance(&self) -> Result<Option<Instance>, Error> {
        read_json(&self.instance_path())
    }

    pub fn save_instance(&self, instance: &Instance) -> Result<(), Error> {
        if self.instance()?.as_ref() == Some(instance) {
            return Ok(());
        }
        self.create()?;
        files::write_private(&self.instance_path(), &json(instance))?;
        Ok(())
    }

    pub fn secrets(&self) -> Result<Option<Secrets>, Error> {
        read_json(&self.secrets_path())
    }

    pub fn save_secrets(&self, secrets: &Secrets) -> Result<(), Error> {
        if self.secrets()?.as_ref() == Some(secrets) {
            return Ok(());
        }
        self.create()?;
        files::write_private(&self.secrets_path(), &json(secrets))?;
        Ok(())
    }

    /// Returns the container ID of the node that this home last used.
    pub fn node(&self) -> Result<Option<String>, Error> {
        let text = read_cached(&self.node_path())?;
        Ok(text.map(|text| text.trim().to_owned()))
    }

    pub fn save_node(&self, id: &str) -> Result<(), Error> {
        if self.node()?.as_deref() != Some(id) {
            self.create()?;
            files::write_private(&self.node_path(), &format!("{id}\n"))?;
        }
        Ok(())
    }

    /// Returns where the data were when the server was last ready.
    pub fn used_data(&self) -> Result<Option<DataPlace>, Error> {
        let text = read_cached(&self.used_data_path())?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub fn save_used_data(&self, place: &DataPlace) -> Result<(), Error> {
        if self.used_data()?.as_ref() != Some(place) {
            self.create()?;
            files::write_private(&self.used_data_path(), &json(place))?;
        }
        Ok(())
    }

    pub fn kubeconfig(&self) -> Result<Option<String>, Error> {
        read_cached(&self.kubeconfig_path())
    }

    pub fn save_kubeconfig(&self, text: &str) -> Result<(), Error> {
        if self.kubeconfig()?.as_deref() != Some(text) {
            self.create()?;
            files::write_private(&self.kubeconfig_path(), text)?;
        }
        Ok(())
    }

    /// Creates an empty log for a process.
    pub fn create_log(&self, name: &str) -> Result<std::fs::File, Error> {
        files::create_dir(&self.root.join("logs"))?;
        Ok(files::create_private(&self.log_path(name))?)
    }

    /// Stores the log of a failed step and returns its path.
    pub fn save_log(&self, name: &str, text: &str) -> Result<PathBuf, Error> {
        let path = self.log_path(name);
        files::create_dir(&self.root.join("logs"))?;
        files::write_private(&path, text)?;
        Ok(path)
    }

    /// Removes what describes the cluster. Settings and secrets stay.
    pub fn remove_cluster(&self) -> Result<(), Error> {
        files::remove(&self.node_path())?;
        Ok(files::remove(&self.kubeconfig_path())?)
    }

    /// Returns the directories that data were copied from or to, except the one in use.
    /// A copy can be unfinished.
    pub fn copies(&self) -> Result<Vec<HostPath>, Error> {
        Ok(read_json(&self.copies_path())?.unwrap_or_default())
    }

    /// Adds a directory to [`StateDir::copies`].
    pub fn record_copy(&self, dir: &HostPath) -> Result<(), Error> {
        let mut copies = self.copies()?;
        if !copies.contains(dir) {
            copies.push(dir.clone());
            files::create_dir(&self.root)?;
            files::write_private(&self.copies_path(), &json(&copies))?;
        }
        Ok(())
    }

    fn copies_path(&self) -> PathBuf {
        self.root.join("copies.json")
    }

    /// Removes everything except the settings and [`StateDir::copies`], which tell
    /// where data are.
    pub fn remove_secrets(&self) -> Result<(), Error> {
        let logs = self.root.join("logs");
        for name in files::list(&logs)? {
            files::remove(&logs.join(name))?;
        }
        files::remove_empty_dir(&logs)?;
        self.remove_revisions()?;
        files::remove(&self.used_data_path())?;
        files::remove(&self.secrets_path())?;
        self.remove_cluster()
    }

    /// Removes the files that killed processes left unfinished.
    fn remove_unfinished(&self) {
        const AGE: Duration = Duration::from_secs(60);
        for dir in [&self.root, &self.revisions_path()] {
            let _ = files::remove_unfinished(dir, AGE);
        }
    }

    /// Removes all of our files. A directory that contains other files stays.
    pub fn purge(&self) -> Result<(), Error> {
        self.remove_secrets()?;
        files::remove_unfinished(&self.root, Duration::ZERO)?;
        for path in [
            self.agents_path(),
            self.copies_path(),
            self.instance_path(),
            self.root.join(background::FILE),
            self.root.join(lock::FILE),
        ] {
            files::remove(&path)?;
        }
        files::remove_empty_dir(&self.root)?;
        Ok(())
    }
}

/// Distinguishes a home that the user cannot write to from a broken disk.
fn not_writable(error: files::Error) -> Error {
    match error.is_about_directory() {
        true => Error::NotWritable(error),
        false => Error::Files(error),
    }
}

fn json(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("plain data can be serialized");
    text.push('\n');
    text
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Files(#[from] files::Error),
    /// The state directory cannot be created or written to.
    #[error("cannot store the state of the instance: {0}")]
    NotWritable(#[source] files::Error),
    #[error("cannot store the state of the instance: there is no home directory")]
    NoHome,
    /// A state file cannot be parsed.
    #[error("invalid state file {}: {reason}", path.display())]
    Broken { path: PathBuf, reason: String },
    /// A state file has a format that this version does not know.
    #[error(
        "the state file {} was written by a later version of clearml-local (format {format})",
        path.display()
    )]
    Newer { path: PathBuf, format: u64 },
    #[error("the data in {} belong to the instance `{owner}`", path.display())]
    DataOfOther { path: PathBuf, owner: String },
    /// The data directory contains files that we did not create.
    #[error("the data directory {} contains files that clearml-local did not create, such as \
        `{example}`", path.display())]
    DataForeign { path: PathBuf, example: String },
    /// We did not create the volume.
    #[error("the volume `{name}` was not created by clearml-local")]
    VolumeForeign { name: String },
    /// The data were written by another major version of a database.
    #[error(
        "the data in {} were written by {database} {found}, but the release uses {database} \
         {wanted}",
        path.display()
    )]
    DataVersion {
        path: PathBuf,
        database: &'static str,
        found: String,
        wanted: String,
        release: String,
    },
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        match self {
            Error::Files(error) | Error::NotWritable(error) => error.failure(),
            Error::NoHome => Failure::HomeMissing,
            Error::Broken { .. } => Failure::StateInvalid,
            Error::Newer { .. } => Failure::StateNewer,
            Error::DataOfOther { .. } => Failure::DataOfOther,
            Error::DataForeign { .. } | Error::VolumeForeign { .. } => Failure::DataForeign,
            Error::DataVersion { .. } => Failure::DataVersion,
        }
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Files(error) => error.hints(),
            Error::NotWritable(error) => {
                let mut hints = error.hints();
                hints.push(Hint::run(
                    "use a writable directory",
                    "export XDG_DATA_HOME=DIR",
                ));
                hints
            }
            Error::NoHome => vec![Hint::text("set HOME or XDG_DATA_HOME")],
            // `up` restores settings and keys from the instance and generates no new
            // ones.
            Error::Broken { path, .. } => vec![
                Hint::run(
                    "move it out of the way",
                    format!(
                        "mv {} {}",
                        quoted(path),
                        quoted(format!("{}.broken", path.display()))
                    ),
                ),
                Hint::run("then restore it from the instance", ours!(Up)),
            ],
            Error::Newer { .. } => self.failure().remedies(),
            Error::DataOfOther { owner, .. } => vec![
                Hint::run("use that instance", ours!(Up).of(Some(owner))),
                Hint::run("or use another directory", ours!(Up, "--data-dir DIR")),
            ],
            Error::VolumeForeign { .. } => {
                vec![Hint::run(
                    "use a new volume",
                    ours!(Up, "--data-dir volume:NAME"),
                )]
            }
            Error::DataForeign { .. } => {
                vec![Hint::run(
                    "use an empty directory",
                    ours!(Up, "--data-dir DIR"),
                )]
            }
            Error::DataVersion { release, .. } => vec![
                Hint::run(
                    "use the release that wrote the data",
                    ours!(Up, "--release {release}"),
                ),
                Hint::run(
                    "or start with new data",
                    ours!(Up, "--data-dir DIR").of(Some("NEW")),
                ),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_stored() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("clearml"));
        assert!(state.secrets().unwrap().is_none());
        let secrets = Secrets::generate();
        state.save_secrets(&secrets).unwrap();
        assert_eq!(state.secrets().unwrap(), Some(secrets));
    }

    #[test]
    fn a_broken_state_file_is_named_and_left_unchanged() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().to_owned());
        files::write(&state.secrets_path(), "{\"http").unwrap();
        let error = state.save_secrets(&Secrets::generate()).unwrap_err();
        assert!(error.to_string().contains("secrets.json: "), "{error}");
        assert_eq!(
            files::read(&state.secrets_path()).unwrap().unwrap(),
            "{\"http"
        );
    }

    #[test]
    fn purge_leaves_files_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::at(dir.path().join("clearml"));
        state.save_secrets(&Secrets::generate()).unwrap();
        state.save_node("0123").unwrap();
        state
            .save_used_data(&DataPlace::Volume("v1".to_owned()))
            .unwrap();
        state.save_log("kubeadm.log", "x").unwrap();
        state.save_revision(1, "{}").unwrap();
        state.record_copy(&state.default_data_dir()).unwrap();
        let unfinished = format!("{}a1B2c3", files::UNFINISHED);
        files::write(&state.root().join(unfinished), "{").unwrap();
        let mine = state.root().join("notes.txt");
        files::write(&mine, "mine").unwrap();
        state.purge().unwrap();
        assert_eq!(files::list(state.root()).unwrap(), ["notes.txt"]);
    }
}
