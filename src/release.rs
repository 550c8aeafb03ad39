//! Releases of the server: their images, and the features of their versions.

use std::collections::BTreeMap;
use std::path::Path;

use semver::Version;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::component::Component;
use crate::error::Explain;
use crate::failures::Failure;
use crate::hint::{Hint, ours};
use crate::image_ref::{Digest, ImageRef};
use crate::version;
use crate::yaml;

/// The default release: the chart's.
pub const DEFAULT: &str = "1.5.0";

/// Returns whether a release is the path of a file that defines one, not a name.
pub fn is_path(release: &str) -> bool {
    let extension = Path::new(release).extension();
    release.contains('/') || extension.is_some_and(|one| one == "yaml" || one == "yml")
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ImageEntry", into = "ImageEntry")]
pub struct ReleaseImage {
    pub reference: ImageRef,
    /// Digests by platform (`linux/amd64`), as far as they are known.
    pub digests: BTreeMap<String, Digest>,
}

/// The image of a release, as it is in a file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ImageEntry {
    /// Such as `docker.elastic.co/elasticsearch/elasticsearch`.
    repository: String,
    /// Such as `7.17.29`.
    tag: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    digests: BTreeMap<String, Digest>,
}

impl TryFrom<ImageEntry> for ReleaseImage {
    type Error = String;

    fn try_from(entry: ImageEntry) -> Result<ReleaseImage, String> {
        let ImageEntry {
            repository,
            tag,
            digests,
        } = entry;
        let reference = ImageRef::tagged(&repository, &tag)
            .map_err(|why| format!("invalid image `{repository}:{tag}`: {why}"))?;
        Ok(ReleaseImage { reference, digests })
    }
}

impl From<ReleaseImage> for ImageEntry {
    fn from(image: ReleaseImage) -> ImageEntry {
        ImageEntry {
            repository: image.reference.repository().to_owned(),
            tag: image.reference.tag_or_default().to_owned(),
            digests: image.digests,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    pub clearml: ReleaseImage,
    pub mongodb: ReleaseImage,
    pub redis: ReleaseImage,
    pub elasticsearch: ReleaseImage,
}

/// The versions of the databases, as far as they determine the format of the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Databases {
    /// Such as `4.4`.
    pub mongodb: String,
    /// Such as `7`.
    pub elasticsearch: String,
    /// Such as `6`.
    pub redis: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// The name that users specify, such as `2.3`.
    pub name: String,
    /// The server's version, such as `2.3.0`.
    pub server: String,
    pub images: Images,
    pub databases: Databases,
}

impl Release {
    /// Parses a release from the user's file: an entry of the catalogue, or a catalogue
    /// with one entry. `path` is for messages.
    pub fn from_file_text(text: &str, path: &str) -> Result<Release, Error> {
        let path = path.to_owned();
        if yaml::one::<Vec<IgnoredAny>>(text).is_err() {
            return yaml::one(text).map_err(|error| Error::File {
                path,
                reason: error.to_string(),
            });
        }
        let mut releases: Vec<Release> = yaml::one(text).map_err(|error| Error::File {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        match (releases.pop(), releases.len()) {
            (Some(release), 0) => Ok(release),
            (last, _) => {
                let names = releases.into_iter().chain(last).map(|release| release.name);
                let names = names.collect();
                Err(Error::Count { path, names })
            }
        }
    }

    pub fn image(&self, component: Component) -> &ReleaseImage {
        match component {
            Component::Redis => &self.images.redis,
            Component::Mongodb => &self.images.mongodb,
            Component::Elasticsearch => &self.images.elasticsearch,
            Component::Apiserver | Component::Fileserver | Component::Webserver => {
                &self.images.clearml
            }
        }
    }

    /// Returns whether the server has at least this version.
    fn at_least(&self, major: u64, minor: u64) -> bool {
        version::parse(&self.server).is_some_and(|server| server >= Version::new(major, minor, 0))
    }

    /// Returns whether the file server requires a login, and logs in itself. Older
    /// servers fail if its credentials are set.
    pub fn file_server_requires_login(&self) -> bool {
        self.at_least(1, 16)
    }

    /// Returns whether the URLs that the web app shows, and the URL of its API, can be
    /// configured.
    pub fn can_display_urls(&self) -> bool {
        self.at_least(1, 15)
    }

    /// Returns whether the server has a user for the services agent, and an option for
    /// IPv6.
    pub fn has_services_agent(&self) -> bool {
        self.at_least(1, 11)
    }

    /// Returns whether the server can log in to MongoDB. Earlier versions confuse the
    /// databases of a connection with credentials.
    pub fn supports_mongodb_login(&self) -> bool {
        self.at_least(2, 0)
    }

    /// Returns whether a version of the server, such as the tag of an image, belongs to
    /// this release, or `None` if the text is not a version.
    pub fn is_server_version(&self, text: &str) -> Option<bool> {
        let found = version::parse(text)?;
        let server = version::parse(&self.server);
        Some(
            server.is_some_and(|server| (found.major, found.minor) == (server.major, server.minor)),
        )
    }

    /// Returns the same for a component: versions of a database belong to this release if
    /// they use the same data format.
    pub fn is_database_version(&self, component: Component, text: &str) -> Option<bool> {
        let wanted = match component {
            Component::Redis => &self.databases.redis,
            Component::Mongodb => &self.databases.mongodb,
            Component::Elasticsearch => &self.databases.elasticsearch,
            Component::Apiserver | Component::Fileserver | Component::Webserver => {
                return self.is_server_version(text);
            }
        };
        let found = version::parse(text)?;
        Some(version::series(wanted).is_some_and(|series| series.matches(&found)))
    }

    /// Returns the shell in the MongoDB image: `mongo` up to 5, `mongosh` from 6.
    pub fn mongo_shell(&self) -> &'static str {
        match version::parse(&self.databases.mongodb) {
            Some(mongodb) if mongodb.major >= 6 => "mongosh",
            _ => "mongo",
        }
    }

    pub fn elasticsearch_major(&self) -> u64 {
        version::parse(&self.databases.elasticsearch).map_or(0, |version| version.major)
    }
}

/// The list of releases.
#[derive(Debug, Clone)]
pub struct Catalogue(Vec<Release>);

impl Catalogue {
    /// Returns the catalogue that is part of the program.
    ///
    /// # Panics
    /// Never: a test parses the same text.
    pub fn builtin() -> Catalogue {
        let text = include_str!("../assets/releases.yaml");
        Catalogue(yaml::one(text).expect("the catalogue is part of the program"))
    }

    /// Returns the default release.
    ///
    /// # Panics
    /// Never, as [`Catalogue::builtin`].
    pub(crate) fn default_release() -> Release {
        let found = Catalogue::builtin().find(DEFAULT);
        found.expect("the catalogue is part of the program")
    }

    /// Returns all releases, oldest first.
    pub(crate) fn all(&self) -> &[Release] {
        &self.0
    }

    pub fn find(&self, name: &str) -> Result<Release, Error> {
        let found = self.0.iter().find(|release| release.name == name);
        found.cloned().ok_or_else(|| Error::Unknown {
            name: name.to_owned(),
            known: self.0.iter().map(|release| release.name.clone()).collect(),
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("unknown release `{name}`: expected {}", known.join(" or "))]
    Unknown { name: String, known: Vec<String> },
    /// The user's file is invalid.
    #[error("invalid release in {path}: {reason}")]
    File { path: String, reason: String },
    /// The user's file does not contain exactly one release.
    #[error("expected one release in {path}, got {}{}", names.len(), listed(names))]
    Count { path: String, names: Vec<String> },
}

fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        names => format!(": {}", names.join(", ")),
    }
}

impl Explain for Error {
    fn failure(&self) -> Failure {
        Failure::InvalidRelease
    }

    fn hints(&self) -> Vec<Hint> {
        match self {
            Error::Unknown { known, .. } => {
                vec![Hint::run(
                    "for example",
                    ours!(Up, "--release {name}", name = known[0]),
                )]
            }
            Error::File { .. } => Vec::new(),
            Error::Count { path, .. } => {
                vec![Hint::text(format!("keep only one of them in {path}"))]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_in_the_catalogue() {
        let release = Catalogue::builtin().find(DEFAULT).unwrap();
        assert_eq!(release.mongo_shell(), "mongo");
        assert!(!release.file_server_requires_login());
        assert_eq!(
            Catalogue::builtin().find("2.3").unwrap().mongo_shell(),
            "mongosh"
        );
    }

    #[test]
    fn versions_are_compared_by_their_significant_parts() {
        let release = Catalogue::builtin().find(DEFAULT).unwrap();
        assert_eq!(release.is_server_version("1.5.0-192"), Some(true));
        assert_eq!(release.is_server_version("1.6.0"), Some(false));
        assert_eq!(release.is_server_version("latest"), None);
        let of = |component, text| release.is_database_version(component, text);
        assert_eq!(of(Component::Mongodb, "4.4.15"), Some(true));
        assert_eq!(of(Component::Mongodb, "5.0.1"), Some(false));
        assert_eq!(of(Component::Redis, "6.2.14-alpine"), Some(true));
        assert_eq!(of(Component::Redis, "7"), Some(false));
    }

    #[test]
    fn the_error_for_an_unknown_release_lists_the_known_ones() {
        let error = Catalogue::builtin().find("1.6").unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown release `1.6`: expected 1.5.0 or 2.3"
        );
    }

    #[test]
    fn a_file_may_be_a_catalogue_with_one_entry() {
        let release = Catalogue::builtin().find("2.3").unwrap();
        let read = |text: &str| Release::from_file_text(text, "my.yaml");
        let entry = yaml::to_string(&release);
        assert_eq!(read(&entry).unwrap(), release);
        assert_eq!(read(&yaml::to_string(&[&release])).unwrap(), release);
        let several = read(include_str!("../assets/releases.yaml")).unwrap_err();
        assert_eq!(
            several.to_string(),
            "expected one release in my.yaml, got 2: 1.5.0, 2.3"
        );
        assert_eq!(several.hints(), ["keep only one of them in my.yaml"]);
        let none = read("[]").unwrap_err().to_string();
        assert_eq!(none, "expected one release in my.yaml, got 0");
    }

    #[test]
    fn a_file_that_is_not_an_entry_is_refused() {
        let error = Release::from_file_text("name: x\nserver: 1\n", "my.yaml").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("invalid release in my.yaml: "),
            "{error}"
        );
    }

    #[test]
    fn an_invalid_image_in_a_file_is_reported() {
        let entry = yaml::to_string(&Catalogue::builtin().find("2.3").unwrap());
        let text = entry.replace("clearml/server", "clearml/Server");
        let error = Release::from_file_text(&text, "my.yaml").unwrap_err();
        let message = error.to_string();
        assert!(
            message.contains("invalid image `clearml/Server:2.3.0`: repository name"),
            "{message}"
        );
    }
}
