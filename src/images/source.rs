//! Where images come from that the engine does not have: their own registries or
//! a mirror of them, with the user's credentials.

use std::path::PathBuf;

use super::Error;
use crate::docker::{CredentialError, Credentials};
use crate::event::Step;
use crate::image_ref::ImageRef;
use crate::settings::{Mirror, Pull};

/// What decides where an image is pulled from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The registry that stands in for all others.
    pub mirror: Option<Mirror>,
    /// The folder of Docker's own configuration, where credentials lie.
    pub docker_config: Option<PathBuf>,
    /// Credentials that the user gave for this server alone; they win.
    pub given: Option<Credentials>,
    /// Where images are pulled that the node lacks.
    pub pull: Pull,
}

impl Sources {
    /// The reference by which an image is pulled.
    pub(super) fn place(&self, reference: &ImageRef) -> ImageRef {
        match &self.mirror {
            Some(mirror) => mirror.of(reference),
            None => reference.clone(),
        }
    }

    /// Whether that place speaks HTTP without TLS.
    pub(super) fn plain_http(&self) -> bool {
        self.mirror.as_ref().is_some_and(Mirror::plain_http)
    }

    /// The user's credentials for the registry of a reference. Those that cannot be
    /// had are no reason to fail: most images need none.
    pub(super) async fn credentials(&self, place: &ImageRef, step: &Step) -> Option<Credentials> {
        let given = self.given.as_ref();
        if let Some(given) = given.filter(|given| given.are_for(place.registry())) {
            return Some(given.clone());
        }
        match self.find_login(place.registry()).await {
            Ok(found) => found,
            Err(error) => {
                step.warn(format!("pulling without credentials: {error}"));
                None
            }
        }
    }

    /// What the user's own `docker login` left for a registry.
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
    fn a_mirror_stands_in_for_every_registry() {
        let mut sources = Sources::default();
        let place =
            |sources: &Sources, image: &str| sources.place(&image.parse().unwrap()).to_string();
        assert_eq!(place(&sources, "mongo:4.4"), "mongo:4.4");
        sources.mirror = Some("mirror.corp:5000/hub".parse().unwrap());
        for (reference, there) in [
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
            assert_eq!(place(&sources, reference), there);
        }
    }
}
