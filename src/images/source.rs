//! The sources of images that must be pulled: their own registries or a mirror, with the
//! user's credentials.

use std::path::PathBuf;

use super::Error;
use crate::docker::{CredentialError, Credentials};
use crate::event::Step;
use crate::image_ref::ImageRef;
use crate::settings::{Mirror, Pull};

/// Where and how images are pulled.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The registry that replaces all others.
    pub mirror: Mirror,
    /// The directory of Docker's configuration with the user's credentials.
    pub docker_config: Option<PathBuf>,
    /// Credentials from the values, which take precedence over those in Docker's
    /// configuration.
    pub from_values: Option<Credentials>,
    /// Which program pulls missing images.
    pub pull: Pull,
}

impl Sources {
    /// Returns the reference from which an image is pulled.
    pub(crate) fn resolve(&self, reference: &ImageRef) -> ImageRef {
        self.mirror.of(reference)
    }

    /// Returns whether images are pulled over HTTP without TLS.
    pub(crate) fn plain_http(&self) -> bool {
        self.mirror.plain_http()
    }

    /// Returns the user's credentials for the registry of a reference. Only warns if they
    /// cannot be read, because most images need none.
    pub(crate) async fn credentials(&self, source: &ImageRef, step: &Step) -> Option<Credentials> {
        let from_values = self.from_values.as_ref();
        if let Some(found) = from_values.filter(|found| found.are_for(source.registry())) {
            return Some(found.clone());
        }
        match self.find_login(source.registry()).await {
            Ok(found) => found,
            Err(error) => {
                step.warn(format!("pulling without credentials: {error}"));
                None
            }
        }
    }

    /// Returns the credentials that `docker login` stored for a registry.
    pub async fn login(&self, registry: &str) -> Result<Option<Credentials>, Error> {
        let found = self.find_login(registry).await;
        found.map_err(|error| Error::Credentials {
            registry: registry.to_owned(),
            reason: error.to_string(),
        })
    }

    async fn find_login(&self, registry: &str) -> Result<Option<Credentials>, CredentialError> {
        let Some(dir) = self.docker_config.clone() else {
            return Ok(None);
        };
        let host = registry.to_owned();
        let find = tokio::task::spawn_blocking(move || Credentials::find(&dir, &host));
        find.await.unwrap_or(Ok(None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_replaces_every_registry() {
        let mut sources = Sources::default();
        let source =
            |sources: &Sources, image: &str| sources.resolve(&image.parse().unwrap()).to_string();
        assert_eq!(source(&sources, "mongo:4.4"), "mongo:4.4");
        sources.mirror = "mirror.corp:5000/hub".parse().unwrap();
        for (reference, expected) in [
            ("mongo:4.4", "mirror.corp:5000/hub/library/mongo:4.4"),
            (
                "docker.elastic.co/elasticsearch/elasticsearch:7",
                "mirror.corp:5000/hub/elasticsearch/elasticsearch:7",
            ),
            (
                "kindest/node:v1@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
                "mirror.corp:5000/hub/kindest/node:v1@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5",
            ),
        ] {
            assert_eq!(source(&sources, reference), expected);
        }
    }
}
