//! The marker in a data directory: whose it is, what wrote it, and which of its
//! folders may be removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Error, json, read_json};
use crate::component::Component;
use crate::files;
use crate::release::Databases;
use crate::settings::{DataPlace, InstanceName};

const FILE: &str = ".clearml-local.json";
/// Lies in a folder to which data are being copied.
const COPYING: &str = ".clearml-local-copying";
/// Directories that a file system has of its own.
const OF_FILE_SYSTEM: [&str; 2] = ["lost+found", ".snapshot"];
/// The label of a volume that carries the marker.
const LABEL: &str = "clearml-local.io/marker";

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    pub instance: InstanceName,
    /// The release that last wrote them.
    pub release: String,
    pub databases: Databases,
    /// The folders that are ours, by name.
    pub folders: Vec<String>,
    /// Whether the data directory itself is ours, or was there before; `None` in
    /// markers of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_directory: Option<bool>,
}

impl Marker {
    /// The marker of an instance that is about to use a directory.
    pub fn new(instance: &InstanceName, release: &str, databases: Databases) -> Marker {
        let keepers = Component::ALL
            .into_iter()
            .filter(|c| c.data_owner().is_some());
        Marker {
            instance: instance.clone(),
            release: release.to_owned(),
            databases,
            folders: keepers.map(|c| c.name().to_owned()).collect(),
            made_directory: None,
        }
    }

    /// The same, with folders beside the usual ones.
    #[must_use]
    pub fn with(mut self, folders: impl IntoIterator<Item = String>) -> Marker {
        for folder in folders {
            if !self.folders.contains(&folder) {
                self.folders.push(folder);
            }
        }
        self
    }

    /// The marker in a data directory, if it has one.
    pub fn read(dir: &Path) -> Result<Option<Marker>, Error> {
        read_json(&dir.join(FILE))
    }

    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        let make = !dir.exists();
        files::create_dir(dir)?;
        self.put(dir, make)
    }

    fn put(&self, dir: &Path, made_directory: bool) -> Result<(), Error> {
        let there = Marker::read(dir)?;
        let mut marker = self.continuing(there.as_ref());
        if there.is_none() {
            marker.made_directory = Some(made_directory);
        }
        if there.as_ref() != Some(&marker) {
            files::write(&dir.join(FILE), &json(&marker))?;
        }
        Ok(())
    }

    /// Whether [`Marker::write`] has nothing to write.
    pub fn is_written(&self, dir: &Path) -> bool {
        let there = Marker::read(dir).ok().flatten();
        there.is_some() && there == Some(self.continuing(there.as_ref()))
    }

    /// The marker that follows another: folders that are not used any more are still
    /// ours.
    fn continuing(&self, there: Option<&Marker>) -> Marker {
        let earlier = there.iter().flat_map(|marker| marker.folders.clone());
        Marker {
            made_directory: there.and_then(|marker| marker.made_directory),
            ..self.clone().with(earlier)
        }
    }

    /// Marks a folder as the place of a copy that is not whole yet.
    pub fn begin_copy(&self, dir: &Path) -> Result<(), Error> {
        let make = !dir.exists();
        files::create_dir(dir)?;
        // Before the marker: whoever finds that one without this takes the data for whole.
        files::write(&dir.join(COPYING), "")?;
        self.put(dir, make)
    }

    /// Says that the copy is whole.
    pub fn end_copy(dir: &Path) -> Result<(), Error> {
        Ok(files::remove(&dir.join(COPYING))?)
    }

    /// Whether a folder holds a copy that is not whole.
    pub fn is_copying(dir: &Path) -> bool {
        dir.join(COPYING).exists()
    }

    /// The marker as a volume's label carries it: such a volume is looked into by
    /// containers alone.
    pub fn label(&self) -> (String, String) {
        let text = serde_json::to_string(self).expect("plain data become JSON");
        (LABEL.to_owned(), text)
    }

    /// The marker that a volume's labels carry, if they do.
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Option<Marker> {
        serde_json::from_str(labels.get(LABEL)?).ok()
    }

    /// Checks that this marker's instance and databases may use the folder.
    ///
    /// # Errors
    /// When it is somebody else's, or its databases are of another version.
    pub fn check(&self, dir: &Path) -> Result<(), Error> {
        match Marker::read(dir)? {
            Some(found) => self.check_against(found, &dir.to_owned().into()),
            None => match Marker::others(dir)?.into_iter().next() {
                Some(example) => Err(Error::DataForeign {
                    path: dir.to_owned(),
                    example,
                }),
                None => Ok(()),
            },
        }
    }

    /// Checks that this marker's instance and databases may use a place that
    /// carries the other marker.
    pub fn check_against(&self, found: Marker, place: &DataPlace) -> Result<(), Error> {
        let path = || PathBuf::from(place.to_string());
        if found.instance != self.instance {
            return Err(Error::DataOfOther {
                path: path(),
                owner: found.instance.to_string(),
            });
        }
        let (ours, theirs) = (&self.databases, &found.databases);
        let differing = [
            ("MongoDB", &theirs.mongodb, &ours.mongodb),
            ("Elasticsearch", &theirs.elasticsearch, &ours.elasticsearch),
            ("Redis", &theirs.redis, &ours.redis),
        ]
        .into_iter()
        .find(|(_, found, wanted)| found != wanted);
        match differing {
            Some((database, version, wanted)) => Err(Error::DataVersion {
                path: path(),
                database,
                found: version.clone(),
                wanted: wanted.clone(),
                release: found.release,
            }),
            None => Ok(()),
        }
    }

    /// The names in a data directory that neither we nor a file system put there.
    pub fn others(dir: &Path) -> Result<Vec<String>, Error> {
        let mut names = files::list(dir)?;
        names.retain(|name| !OF_FILE_SYSTEM.contains(&name.as_str()));
        Ok(names)
    }

    /// Removes the marker, and its directory where that is ours and empty. Returns
    /// whether the directory is gone.
    pub fn remove(self, dir: &Path) -> Result<bool, Error> {
        files::remove(&dir.join(COPYING))?;
        super::keys::remove_from(dir)?;
        files::remove(&dir.join(FILE))?;
        if self.made_directory == Some(false) {
            return Ok(!dir.exists());
        }
        Ok(files::remove_empty_dir(dir)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker(instance: &str, mongodb: &str) -> Marker {
        let databases = Databases {
            mongodb: mongodb.into(),
            elasticsearch: "7".into(),
            redis: "6".into(),
        };
        Marker::new(&instance.parse().unwrap(), "1.5.0", databases)
    }

    #[test]
    fn an_empty_folder_is_fine() {
        let dir = tempfile::tempdir().unwrap();
        marker("clearml", "4.4").check(dir.path()).unwrap();
        marker("clearml", "4.4")
            .check(&dir.path().join("new"))
            .unwrap();
    }

    #[test]
    fn a_folder_with_files_of_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        files::write(&dir.path().join("thesis.tex"), "").unwrap();
        let error = marker("clearml", "4.4").check(dir.path()).unwrap_err();
        assert!(
            error.to_string().ends_with("such as `thesis.tex`"),
            "{error}"
        );
    }

    #[test]
    fn a_fresh_file_system_is_empty() {
        let dir = tempfile::tempdir().unwrap();
        files::create_dir(&dir.path().join("lost+found")).unwrap();
        marker("clearml", "4.4").check(dir.path()).unwrap();
    }

    #[test]
    fn a_directory_that_was_there_before_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (given, made) = (dir.path().join("given"), dir.path().join("made"));
        files::create_dir(&given).unwrap();
        for (dir, gone) in [(&given, false), (&made, true)] {
            let marker = marker("clearml", "4.4");
            assert!(!marker.is_written(dir));
            marker.write(dir).unwrap();
            assert!(marker.is_written(dir));
            // A later `up` does not take it for ours.
            marker.with(["more".to_owned()]).write(dir).unwrap();
            let found = Marker::read(dir).unwrap().unwrap();
            assert_eq!(found.remove(dir).unwrap(), gone);
            assert_eq!(dir.exists(), !gone);
        }
    }

    #[test]
    fn data_of_another_instance_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        marker("other", "4.4").write(dir.path()).unwrap();
        let error = marker("clearml", "4.4").check(dir.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("belong to the instance `other`"),
            "{error}"
        );
    }

    #[test]
    fn data_of_another_database_major_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        marker("clearml", "4.4").write(dir.path()).unwrap();
        let error = marker("clearml", "7.0").check(dir.path()).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("written by MongoDB 4.4, but the release uses MongoDB 7.0"),
            "{error}"
        );
    }
}
