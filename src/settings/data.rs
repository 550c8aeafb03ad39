//! Where an instance keeps its data.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a volume is written where a folder could stand.
const VOLUME: &str = "volume:";

/// A folder of the host or, on engines in a virtual machine, a volume of the
/// engine: folders that are shared with the machine are slow and lose owners.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum DataPlace {
    /// A folder of the host.
    Folder(PathBuf),
    /// A named volume of the engine.
    Volume(String),
}

impl DataPlace {
    /// The folder, where it is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            DataPlace::Folder(path) => Some(path),
            DataPlace::Volume(_) => None,
        }
    }

    /// The same place, with a relative folder taken from `dir`.
    #[must_use]
    pub fn below(self, dir: &Path) -> DataPlace {
        match self {
            DataPlace::Folder(path) => DataPlace::Folder(dir.join(path)),
            volume @ DataPlace::Volume(_) => volume,
        }
    }
}

impl fmt::Display for DataPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataPlace::Folder(path) => path.display().fmt(f),
            DataPlace::Volume(name) => write!(f, "{VOLUME}{name}"),
        }
    }
}

impl From<String> for DataPlace {
    fn from(text: String) -> Self {
        match text.strip_prefix(VOLUME) {
            Some(name) => DataPlace::Volume(name.to_owned()),
            None => DataPlace::Folder(text.into()),
        }
    }
}

impl From<DataPlace> for String {
    fn from(place: DataPlace) -> String {
        place.to_string()
    }
}

impl From<PathBuf> for DataPlace {
    fn from(path: PathBuf) -> Self {
        DataPlace::Folder(path)
    }
}

impl FromStr for DataPlace {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.to_owned().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_written_as_it_is_read() {
        for text in ["/home/me/data", "volume:clearml-data", "data"] {
            assert_eq!(DataPlace::from(text.to_owned()).to_string(), text);
        }
        let relative = DataPlace::from("data".to_owned()).below(Path::new("/here"));
        assert_eq!(relative.folder(), Some(Path::new("/here/data")));
        assert_eq!(
            DataPlace::Volume("v".into())
                .below(Path::new("/here"))
                .folder(),
            None
        );
    }
}
