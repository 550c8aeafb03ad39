//! The marker in a data directory: which instance the data belong to, which release
//! wrote them, and which directories may be removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::file::read_json;
use super::{Error, json};
use crate::component::Component;
use crate::files;
use crate::release::Databases;
use crate::settings::{DataPlace, InstanceName};

const FILE: &str = ".clearml-local.json";
/// Exists in a directory while data are being copied to it.
const COPYING_FILE: &str = ".clearml-local-copying";
/// Directories that belong to the file system.
const FILE_SYSTEM_DIRS: [&str; 2] = ["lost+found", ".snapshot"];
/// The label of a volume that contains the marker.
const LABEL: &str = "clearml-local.io/marker";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    pub instance: InstanceName,
    /// The release that last wrote the data.
    pub release: String,
    pub databases: Databases,
    /// Names of the directories that belong to the instance.
    #[serde(rename = "folders")]
    pub directories: Vec<String>,
    /// Those of the directories in which a server that was ready had its data; empty in markers
    /// of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub used: Vec<String>,
    /// Whether we created the data directory itself; `None` in markers of earlier
    /// versions.
    #[serde(
        rename = "made_directory",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub created_directory: Option<bool>,
}

impl Marker {
    /// Returns the marker of an instance that is about to use a directory.
    pub fn new(instance: &InstanceName, release: &str, databases: Databases) -> Marker {
        let with_data = Component::ALL
            .into_iter()
            .filter(|c| c.data_owner().is_some());
        Marker {
            instance: instance.clone(),
            release: release.to_owned(),
            databases,
            directories: with_data.map(|c| c.name().to_owned()).collect(),
            used: Vec::new(),
            created_directory: None,
        }
    }

    /// Records that a server which was ready had its data in these directories.
    #[must_use]
    pub fn with_used(mut self, directories: impl IntoIterator<Item = String>) -> Marker {
        add(&mut self.used, directories);
        self
    }

    /// Adds directories to the default ones.
    #[must_use]
    pub fn with_directories(mut self, directories: impl IntoIterator<Item = String>) -> Marker {
        add(&mut self.directories, directories);
        self
    }

    pub fn read(dir: &Path) -> Result<Option<Marker>, Error> {
        read_json(&dir.join(FILE))
    }

    pub fn write(&self, dir: &Path) -> Result<(), Error> {
        let create = !dir.exists();
        files::create_dir(dir)?;
        self.save(dir, create)
    }

    fn save(&self, dir: &Path, created_directory: bool) -> Result<(), Error> {
        let existing = Marker::read(dir)?;
        let mut marker = self.merged_with(existing.as_ref());
        if existing.is_none() {
            marker.created_directory = Some(created_directory);
        }
        if existing.as_ref() != Some(&marker) {
            files::write(&dir.join(FILE), &json(&marker))?;
        }
        Ok(())
    }

    /// Returns whether [`Marker::write`] would change nothing.
    pub fn is_current(&self, dir: &Path) -> bool {
        let existing = Marker::read(dir).ok().flatten();
        existing.is_some() && existing == Some(self.merged_with(existing.as_ref()))
    }

    /// Merges with an existing marker: directories that are no longer used still belong
    /// to the instance.
    fn merged_with(&self, existing: Option<&Marker>) -> Marker {
        let Some(existing) = existing else {
            return Marker {
                created_directory: None,
                ..self.clone()
            };
        };
        let merged = self.clone().with_directories(existing.directories.clone());
        Marker {
            created_directory: existing.created_directory,
            ..merged.with_used(existing.used.clone())
        }
    }

    /// Marks a directory as the target of an unfinished copy.
    pub fn start_copy(&self, dir: &Path) -> Result<(), Error> {
        let create = !dir.exists();
        files::create_dir(dir)?;
        // Written before the marker: a marker without this file means that the data are
        // complete.
        files::write(&dir.join(COPYING_FILE), "")?;
        self.save(dir, create)
    }

    /// Marks the copy as complete.
    pub fn finish_copy(dir: &Path) -> Result<(), Error> {
        Ok(files::remove(&dir.join(COPYING_FILE))?)
    }

    /// Returns whether a directory contains an unfinished copy.
    pub fn is_copying(dir: &Path) -> bool {
        dir.join(COPYING_FILE).exists()
    }

    /// Returns the marker as a label of a volume. Only containers can read files in a
    /// volume.
    pub fn label(&self) -> (String, String) {
        let text = serde_json::to_string(self).expect("plain data can be serialized");
        (LABEL.to_owned(), text)
    }

    /// Reads the marker from the labels of a volume.
    pub fn from_labels(labels: &BTreeMap<String, String>) -> Option<Marker> {
        serde_json::from_str(labels.get(LABEL)?).ok()
    }

    /// Checks that this instance and its databases may use a directory.
    pub fn check(&self, dir: &Path) -> Result<(), Error> {
        match Marker::read(dir)? {
            Some(found) => self.check_against(found, &dir.to_owned().into()),
            None => match Marker::foreign_files(dir)?.into_iter().next() {
                Some(example) => Err(Error::DataForeign {
                    path: dir.to_owned(),
                    example,
                }),
                None => Ok(()),
            },
        }
    }

    /// Checks that this instance and its databases may use a location that has another
    /// marker.
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

    /// Returns the names in a directory, without those that belong to the file system or that
    /// are unfinished files of ours.
    pub fn foreign_files(dir: &Path) -> Result<Vec<String>, Error> {
        let mut names = files::list(dir)?;
        names.retain(|name| {
            // A killed process leaves a file unfinished, before the first marker too.
            !FILE_SYSTEM_DIRS.contains(&name.as_str()) && !name.starts_with(files::UNFINISHED)
        });
        Ok(names)
    }

    /// Removes the marker, and the directory if we created it and it is empty. Returns
    /// whether the directory is gone.
    pub fn remove(self, dir: &Path) -> Result<bool, Error> {
        files::remove(&dir.join(COPYING_FILE))?;
        super::keys::remove(dir)?;
        files::remove_unfinished(dir, Duration::ZERO)?;
        files::remove(&dir.join(FILE))?;
        if self.created_directory == Some(false) {
            return Ok(!dir.exists());
        }
        Ok(files::remove_empty_dir(dir)?)
    }
}

fn add(names: &mut Vec<String>, more: impl IntoIterator<Item = String>) {
    for name in more {
        if !names.contains(&name) {
            names.push(name);
        }
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
    fn accepts_an_empty_directory() {
        let dir = tempfile::tempdir().unwrap();
        marker("clearml", "4.4").check(dir.path()).unwrap();
        marker("clearml", "4.4")
            .check(&dir.path().join("new"))
            .unwrap();
    }

    #[test]
    fn refuses_a_directory_with_other_files() {
        let dir = tempfile::tempdir().unwrap();
        files::write(&dir.path().join("thesis.tex"), "").unwrap();
        let error = marker("clearml", "4.4").check(dir.path()).unwrap_err();
        assert!(
            error.to_string().ends_with("such as `thesis.tex`"),
            "{error}"
        );
    }

    #[test]
    fn accepts_the_directory_of_a_killed_up() {
        let dir = tempfile::tempdir().unwrap();
        let unfinished = dir.path().join(format!("{}a1B2c3", files::UNFINISHED));
        files::write(&unfinished, "{").unwrap();
        let marker = marker("clearml", "4.4");
        marker.check(dir.path()).unwrap();
        marker.write(dir.path()).unwrap();
        marker.remove(dir.path()).unwrap();
        assert!(!unfinished.exists());
    }

    #[test]
    fn accepts_a_new_file_system() {
        let dir = tempfile::tempdir().unwrap();
        files::create_dir(&dir.path().join("lost+found")).unwrap();
        marker("clearml", "4.4").check(dir.path()).unwrap();
    }

    #[test]
    fn removes_only_a_directory_that_we_created() {
        let dir = tempfile::tempdir().unwrap();
        let (existing, created) = (dir.path().join("existing"), dir.path().join("created"));
        files::create_dir(&existing).unwrap();
        for (dir, gone) in [(&existing, false), (&created, true)] {
            let marker = marker("clearml", "4.4");
            assert!(!marker.is_current(dir));
            marker.write(dir).unwrap();
            assert!(marker.is_current(dir));
            // A later `up` does not claim the directory.
            marker
                .with_directories(["more".to_owned()])
                .write(dir)
                .unwrap();
            let found = Marker::read(dir).unwrap().unwrap();
            assert_eq!(found.remove(dir).unwrap(), gone);
            assert_eq!(dir.exists(), !gone);
        }
    }

    #[test]
    fn refuses_data_of_another_instance() {
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
    fn refuses_data_of_another_major_database_version() {
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
