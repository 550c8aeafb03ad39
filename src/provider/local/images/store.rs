//! The images in the node's containerd.

use std::collections::BTreeMap;

use super::Error;
use crate::docker::{Engine, Image, exec_ok};
use crate::image_ref::ImageRef;

/// The label on an image in the node with the engine's ID of the image that was loaded,
/// and the digest that the name had then. It is needed for engines with the containerd
/// store, which do not report the config digest.
const SOURCE_LABEL: &str = "clearml-local.io/source";

#[derive(Debug, Default)]
pub(super) struct NodeStore {
    /// The digest and the source label of each name.
    images: BTreeMap<ImageRef, StoredImage>,
    /// The config digests of each digest.
    configs: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone)]
struct StoredImage {
    digest: String,
    source: Option<String>,
}

impl NodeStore {
    pub(super) async fn read(engine: &dyn Engine, node: &str) -> Result<NodeStore, Error> {
        let argv = ["ctr", "-n", "k8s.io", "images", "ls"];
        let listing = exec_ok(engine, node, "list the images in the node", &argv).await?;
        Ok(NodeStore::parse(&listing))
    }

    /// Parses lines of `REF TYPE DIGEST SIZE PLATFORMS LABELS`. A size consists of two
    /// words.
    fn parse(listing: &str) -> NodeStore {
        let mut store = NodeStore::default();
        for line in listing.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, _, digest, .., labels] = words[..] else {
                continue;
            };
            if name.starts_with("sha256:") {
                let configs = store.configs.entry(digest.to_owned()).or_default();
                configs.push(name.to_owned());
                continue;
            }
            let source = labels
                .split(',')
                .filter_map(|label| label.split_once('='))
                .find(|(key, _)| *key == SOURCE_LABEL)
                .and_then(|(_, value)| value.rsplit_once('@'))
                .filter(|(_, at)| *at == digest)
                .map(|(id, _)| id.to_owned());
            let stored = StoredImage {
                digest: digest.to_owned(),
                source,
            };
            // Other names are not references.
            if let Ok(name) = name.parse() {
                store.images.insert(name, stored);
            }
        }
        store
    }

    /// Returns the identity of an image in the node.
    pub(super) fn identity(&self, reference: &ImageRef) -> Option<String> {
        let stored = self.images.get(reference)?;
        let config = || self.configs.get(&stored.digest)?.first().cloned();
        stored.source.clone().or_else(config)
    }

    /// Returns whether the node has exactly this image under this name.
    pub(super) fn has(&self, reference: &ImageRef, image: &Image) -> bool {
        let Some(stored) = self.images.get(reference) else {
            return false;
        };
        let configs = self.configs.get(&stored.digest);
        stored.source.as_deref() == Some(image.id.as_str())
            || stored.digest == image.id
            || configs.is_some_and(|configs| configs.contains(&image.id))
    }
}

impl NodeStore {
    /// Returns the digest of a name.
    pub(super) fn digest(&self, reference: &ImageRef) -> Option<&str> {
        Some(&self.images.get(reference)?.digest)
    }

    /// Labels an image with the ID and the digest of its content.
    pub(super) async fn label_source(
        engine: &dyn Engine,
        node: &str,
        name: &str,
        id: &str,
        digest: &str,
    ) -> Result<(), Error> {
        let label = source_label(id, digest);
        let argv = ["ctr", "-n", "k8s.io", "images", "label", name, &label];
        exec_ok(engine, node, "label an image in the node", &argv).await?;
        Ok(())
    }
}

/// Returns the label for an image with this ID in the engine and this digest in the node.
pub(super) fn source_label(id: &str, digest: &str) -> String {
    format!("{SOURCE_LABEL}={id}@{digest}")
}

/// Labels loaded images with their IDs in the engine.
pub(super) async fn label_sources(
    engine: &dyn Engine,
    node: &str,
    images: &[(ImageRef, Image)],
) -> Result<(), Error> {
    let store = NodeStore::read(engine, node).await?;
    for (reference, image) in images {
        let name = reference.canonical();
        let Some(stored) = store.images.get(reference) else {
            return Err(Error::Import {
                references: vec![reference.clone()],
                reason: format!("{name} is missing after the import"),
                tail: Vec::new(),
            });
        };
        NodeStore::label_source(engine, node, &name, &image.id, &stored.digest).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::fake::image;

    const LISTING: &str = "\
REF                                TYPE                                       DIGEST     SIZE      PLATFORMS   LABELS
docker.io/library/mongo:4.4.29     application/vnd.oci.image.manifest.v1+json sha256:m1  12.3 MiB  linux/amd64 io.cri-containerd.image=managed
docker.io/library/redis:6.2        application/vnd.oci.image.manifest.v1+json sha256:m2  12.3 MiB  linux/amd64 clearml-local.io/source=sha256:e2@sha256:m2,io.cri-containerd.image=managed
docker.io/library/old:1            application/vnd.oci.image.manifest.v1+json sha256:m3  12.3 MiB  linux/amd64 clearml-local.io/source=sha256:e3@sha256:former
sha256:c1                          application/vnd.oci.image.manifest.v1+json sha256:m1  12.3 MiB  linux/amd64 io.cri-containerd.image=managed
";

    fn reference(text: &str) -> ImageRef {
        text.parse().unwrap()
    }

    #[test]
    fn an_image_is_identified_by_its_config_digest() {
        let store = NodeStore::parse(LISTING);
        assert!(store.has(&reference("mongo:4.4.29"), &image("sha256:c1")));
        assert!(!store.has(&reference("mongo:4.4.29"), &image("sha256:other")));
        assert_eq!(
            store.identity(&reference("mongo:4.4.29")).as_deref(),
            Some("sha256:c1")
        );
    }

    #[test]
    fn an_image_of_a_containerd_store_is_identified_by_its_label() {
        let store = NodeStore::parse(LISTING);
        assert!(store.has(&reference("redis:6.2"), &image("sha256:e2")));
        assert!(!store.has(&reference("redis:6.2"), &image("sha256:new")));
    }

    #[test]
    fn a_label_for_another_digest_is_ignored() {
        let store = NodeStore::parse(LISTING);
        assert!(!store.has(&reference("old:1"), &image("sha256:e3")));
        assert!(!store.has(&reference("absent:1"), &image("sha256:e3")));
    }
}
