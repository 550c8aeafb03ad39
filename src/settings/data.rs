//! The location of an instance's data.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ClusterSettings;
use crate::path::{self, HostPath};
use crate::words;

/// The prefix of a volume name.
const VOLUME: &str = "volume:";

/// A directory of the host or, if the engine runs in a virtual machine, a volume of the engine:
/// directories that are shared with the virtual machine are slow and do not store owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DataPlace {
    Directory(HostPath),
    /// A named volume of the engine.
    Volume(String),
}

impl DataPlace {
    /// Returns the directory, unless it is a volume.
    pub fn directory(&self) -> Option<&HostPath> {
        match self {
            DataPlace::Directory(path) => Some(path),
            DataPlace::Volume(_) => None,
        }
    }
}

impl fmt::Display for DataPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataPlace::Directory(path) => path.fmt(f),
            DataPlace::Volume(name) => write!(f, "{VOLUME}{name}"),
        }
    }
}

impl FromStr for DataPlace {
    type Err = path::Error;

    fn from_str(text: &str) -> Result<Self, path::Error> {
        Ok(match text.strip_prefix(VOLUME) {
            Some(name) => DataPlace::Volume(name.to_owned()),
            None => DataPlace::Directory(text.parse()?),
        })
    }
}

impl TryFrom<String> for DataPlace {
    type Error = path::Error;

    fn try_from(text: String) -> Result<Self, path::Error> {
        text.parse()
    }
}

impl From<DataPlace> for String {
    fn from(place: DataPlace) -> String {
        place.to_string()
    }
}

impl From<HostPath> for DataPlace {
    fn from(path: HostPath) -> Self {
        DataPlace::Directory(path)
    }
}

impl From<PathBuf> for DataPlace {
    fn from(path: PathBuf) -> Self {
        DataPlace::Directory(path.into())
    }
}

/// Where the data of an instance are, which outlive its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptData {
    Place(DataPlace),
    /// The claims in a namespace of an existing cluster.
    Claims(ClusterSettings),
}

impl KeptData {
    /// Returns the place as a user reads it.
    pub(crate) fn shown(&self, home: Option<&Path>) -> String {
        match self {
            KeptData::Place(DataPlace::Directory(dir)) => words::path(dir, home),
            other => other.to_string(),
        }
    }

    /// Returns the directory or the volume of a local node.
    pub fn place(&self) -> Option<&DataPlace> {
        match self {
            KeptData::Place(place) => Some(place),
            KeptData::Claims(_) => None,
        }
    }
}

impl fmt::Display for KeptData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeptData::Place(place) => place.fmt(f),
            KeptData::Claims(cluster) => write!(
                f,
                "claims in the namespace {} of {}",
                cluster.namespace, cluster.context
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_parse_round_trip() {
        for text in ["/home/me/data", "volume:clearml-data"] {
            assert_eq!(text.parse::<DataPlace>().unwrap().to_string(), text);
        }
        let spelled: DataPlace = "./data/".parse().unwrap();
        assert_eq!(spelled, "data".parse().unwrap());
        let volume: DataPlace = "volume:v".parse().unwrap();
        assert_eq!(volume.directory(), None);
        // A directory whose name starts with the prefix.
        let directory: DataPlace = "./volume:v".parse().unwrap();
        assert!(directory.directory().unwrap().ends_with("volume:v"));
    }
}
