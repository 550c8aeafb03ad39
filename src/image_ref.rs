//! References to images: `mongo:7.0.22` is `docker.io/library/mongo:7.0.22`. Every
//! reference that a user writes or an engine reports has this type, and only this module
//! parses one. The grammar is that of the `distribution/reference` package, which Docker,
//! containerd and Kubernetes use.

mod grammar;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub(crate) use self::grammar::{REPOSITORY, TAG};

/// The registry of references without a registry.
const DOCKER_HUB: &str = "docker.io";
/// The name of Docker Hub in old references and in credentials.
const OLD_DOCKER_HUB: &str = "index.docker.io";
/// The path of Docker Hub's official images.
const OFFICIAL: &str = "library/";
/// The tag of references without tag and digest.
const DEFAULT_TAG: &str = "latest";

/// A reference to an image. It is displayed as it was written. Two references are equal
/// if they refer to the same image, even if they are written differently. If there is a
/// digest, the tag is ignored, as engines do.
#[derive(Clone)]
pub struct ImageRef {
    /// Registry and path as they were written.
    repository: String,
    registry: String,
    path: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// Why a text is not a reference to an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("expected a name such as mongo:7.0.22")]
    Empty,
    #[error("expected no scheme: write it without `{0}://`")]
    Scheme(String),
    /// The registry is not a valid host.
    #[error("invalid registry `{0}`: expected a host such as registry.example.com:5000")]
    Registry(String),
    #[error("repository name `{0}` must be lowercase")]
    Uppercase(String),
    #[error(
        "invalid repository name `{0}`: expected lowercase letters and digits, separated by `/`, `.`, `-`, `_` or `__`"
    )]
    Path(String),
    #[error(
        "repository name must not be longer than {} characters",
        grammar::MAX_PATH_LENGTH
    )]
    TooLong,
    #[error("expected a name, got the ID of an image")]
    Id,
    #[error(
        "invalid tag `{0}`: expected up to 128 letters, digits, `_`, `.` and `-`, not starting with `.` or `-`"
    )]
    Tag(String),
    #[error(transparent)]
    Digest(#[from] InvalidDigest),
}

impl FromStr for ImageRef {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<ImageRef, Invalid> {
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(Invalid::Scheme(scheme.to_owned()));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse()?)),
            None => (text, None),
        };
        // A colon before the last slash belongs to a port.
        let last = name.rfind('/').map_or(0, |at| at + 1);
        let (repository, tag) = match name[last..].split_once(':') {
            Some((end, tag)) => (&name[..last + end.len()], Some(tag)),
            None => (name, None),
        };
        if let Some(tag) = tag.filter(|tag| !grammar::is_tag(tag)) {
            return Err(Invalid::Tag(tag.to_owned()));
        }
        let (registry, path) = split_repository(repository)?;
        Ok(ImageRef {
            repository: repository.to_owned(),
            registry,
            path,
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

/// Splits a repository into its registry and path, with the defaults of short names.
fn split_repository(text: &str) -> Result<(String, String), Invalid> {
    if text.is_empty() {
        return Err(Invalid::Empty);
    }
    if grammar::is_id(text) {
        return Err(Invalid::Id);
    }
    // A dot, a port or a capital letter shows that it is a host.
    let is_host = |first: &str| {
        first.contains(['.', ':'])
            || first == "localhost"
            || first.contains(|c: char| c.is_uppercase())
    };
    let (registry, path) = match text.split_once('/') {
        Some((OLD_DOCKER_HUB, path)) => (DOCKER_HUB, path),
        Some((first, path)) if is_host(first) => (first, path),
        _ => (DOCKER_HUB, text),
    };
    if !grammar::is_registry(registry) {
        return Err(Invalid::Registry(registry.to_owned()));
    }
    if !grammar::is_path(path) {
        return Err(match grammar::is_path(&path.to_lowercase()) {
            true => Invalid::Uppercase(path.to_owned()),
            false => Invalid::Path(path.to_owned()),
        });
    }
    let official = registry == DOCKER_HUB && !path.contains('/');
    let path = match official {
        true => format!("{OFFICIAL}{path}"),
        false => path.to_owned(),
    };
    if path.len() > grammar::MAX_PATH_LENGTH {
        return Err(Invalid::TooLong);
    }
    Ok((registry.to_owned(), path))
}

impl ImageRef {
    /// Creates a reference from a repository and a tag.
    ///
    /// # Errors
    /// If one of them is invalid, or the repository already has a tag or a digest.
    pub fn tagged(repository: &str, tag: &str) -> Result<ImageRef, Invalid> {
        let (registry, path) = split_repository(repository)?;
        if !grammar::is_tag(tag) {
            return Err(Invalid::Tag(tag.to_owned()));
        }
        Ok(ImageRef {
            repository: repository.to_owned(),
            registry,
            path,
            tag: Some(tag.to_owned()),
            digest: None,
        })
    }

    /// Returns the host and port of the registry, such as `docker.io`.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the repository as it was written, such as `mongo`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// Returns the tag, or `latest` if there is none.
    pub fn tag_or_default(&self) -> &str {
        self.tag().unwrap_or(DEFAULT_TAG)
    }

    /// Returns the last part of the path, such as `elasticsearch`.
    pub fn short_name(&self) -> &str {
        self.path
            .rsplit_once('/')
            .map_or(&*self.path, |(_, name)| name)
    }

    /// Returns the name and tag for display: `elasticsearch:7.17.29`.
    pub fn short(&self) -> String {
        match self.tag() {
            Some(tag) => format!("{}:{tag}", self.short_name()),
            None => self.short_name().to_owned(),
        }
    }

    /// Returns the registry and path: `docker.io/library/mongo`.
    pub fn canonical_repository(&self) -> String {
        format!("{}/{}", self.registry, self.path)
    }

    /// Returns the full name of the image, as in containerd.
    pub fn canonical(&self) -> String {
        let repository = self.canonical_repository();
        match (&self.tag, &self.digest) {
            (None, None) => format!("{repository}:{DEFAULT_TAG}"),
            _ => format!("{repository}{}", self.suffix()),
        }
    }

    /// Replaces tag and digest with this digest.
    #[must_use]
    pub fn with_digest(&self, digest: &Digest) -> ImageRef {
        ImageRef {
            tag: None,
            digest: Some(digest.clone()),
            ..self.clone()
        }
    }

    /// Removes the digest.
    #[must_use]
    pub fn without_digest(&self) -> ImageRef {
        ImageRef {
            digest: None,
            ..self.clone()
        }
    }

    #[must_use]
    pub fn with_prefix(&self, mirror: &RepositoryPrefix) -> ImageRef {
        let path = match mirror.path.as_str() {
            "" => self.path.clone(),
            prefix => format!("{prefix}/{}", self.path),
        };
        ImageRef {
            repository: format!("{}/{path}", mirror.registry),
            registry: mirror.registry.clone(),
            path,
            ..self.clone()
        }
    }

    /// Returns tag and digest as they were written.
    fn suffix(&self) -> String {
        let tag = self.tag.as_ref().map(|tag| format!(":{tag}"));
        let digest = self.digest.as_ref().map(|digest| format!("@{digest}"));
        [tag, digest].into_iter().flatten().collect()
    }

    /// Returns the parts that identify the image.
    fn identity(&self) -> (&str, &str, Result<&Digest, &str>) {
        let content = self.digest.as_ref().ok_or(self.tag_or_default());
        (&self.registry, &self.path, content)
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.repository, self.suffix())
    }
}

/// Shows the reference, not its fields.
impl fmt::Debug for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl PartialEq for ImageRef {
    fn eq(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for ImageRef {}

impl PartialOrd for ImageRef {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ImageRef {
    fn cmp(&self, other: &Self) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl Hash for ImageRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.identity().hash(state);
    }
}

impl Serialize for ImageRef {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ImageRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.parse();
        parsed.map_err(|why| de::Error::custom(format!("invalid image reference `{text}`: {why}")))
    }
}

/// A content digest, such as `sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid digest `{0}`: expected sha256: and 64 lowercase hexadecimal digits")]
pub struct InvalidDigest(String);

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Digest, InvalidDigest> {
        match grammar::is_digest(text) {
            true => Ok(Digest(text.to_owned())),
            false => Err(InvalidDigest(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Digest, InvalidDigest> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> String {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A registry that mirrors others, optionally with a path: `mirror.corp:5000/hub`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryPrefix {
    registry: String,
    path: String,
}

impl FromStr for RepositoryPrefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<RepositoryPrefix, Invalid> {
        let (registry, path) = text.split_once('/').unwrap_or((text, ""));
        let is_host = registry.contains(['.', ':']) || registry == "localhost";
        if !is_host || !grammar::is_registry(registry) {
            return Err(Invalid::Registry(registry.to_owned()));
        }
        if !path.is_empty() && !grammar::is_path(path) {
            return Err(Invalid::Path(path.to_owned()));
        }
        Ok(RepositoryPrefix {
            registry: registry.to_owned(),
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for RepositoryPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.registry),
            path => write!(f, "{}/{path}", self.registry),
        }
    }
}

#[cfg(test)]
mod tests;
