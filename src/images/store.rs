//! What containerd in the node holds.

use std::collections::BTreeMap;

use super::Error;
use crate::docker::{Engine, Image, exec_ok};
use crate::image_ref::ImageRef;

/// Label on an image in the node: the engine's identifier of what was brought,
/// and the digest that the name pointed to then. Engines with the containerd
/// store do not tell the config digest by which the node knows an image.
const SOURCE_LABEL: &str = "clearml-local.io/source";

#[derive(Debug, Default)]
pub(super) struct NodeStore {
    /// What each name points to and its source label.
    images: BTreeMap<ImageRef, Stored>,
    /// Digest to the config digests that it is known by.
    configs: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Clone)]
struct Stored {
    digest: String,
    source: Option<String>,
}

impl NodeStore {
    pub(super) async fn read(engine: &dyn Engine, node: &str) -> Result<NodeStore, Error> {
        let argv = ["ctr", "-n", "k8s.io", "images", "ls"];
        let listing = exec_ok(engine, node, "list the images in the node", &argv).await?;
        Ok(NodeStore::parse(&listing))
    }

    /// `REF TYPE DIGEST SIZE PLATFORMS LABELS`, where a size has two words.
    fn parse(listing: &str) -> NodeStore {
        let mut store = NodeStore::default();
        for line in listing.lines().skip(1) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [name, _, digest, .., labels] = words[..] else {
                continue;
            };
            if name.starts_with("sha256:") {
                let known = store.configs.entry(digest.to_owned()).or_default();
                known.push(name.to_owned());
                continue;
            }
            let source = labels
                .split(',')
                .filter_map(|label| label.split_once('='))
                .find(|(key, _)| *key == SOURCE_LABEL)
                .and_then(|(_, value)| value.rsplit_once('@'))
                .filter(|(_, at)| *at == digest)
                .map(|(id, _)| id.to_owned());
            let stored = Stored {
                digest: digest.to_owned(),
                source,
            };
            // Whatever else the node calls an image, nobody asks for.
            if let Ok(name) = name.parse() {
                store.images.insert(name, stored);
            }
        }
        store
    }

    /// What identifies the image that the node has under that name.
    pub(super) fn identity(&self, reference: &ImageRef) -> Option<String> {
        let stored = self.images.get(reference)?;
        let config = || self.configs.get(&stored.digest)?.first().cloned();
        stored.source.clone().or_else(config)
    }

    /// Whether the node has that very image under that name.
    pub(super) fn has(&self, reference: &ImageRef, image: &Image) -> bool {
        let Some(stored) = self.images.get(reference) else {
            return false;
        };
        let known = self.configs.get(&stored.digest);
        stored.source.as_deref() == Some(image.id.as_str())
            || stored.digest == image.id
            || known.is_some_and(|configs| configs.contains(&image.id))
    }
}

impl NodeStore {
    /// The digest that a name points to.
    pub(super) fn digest(&self, reference: &ImageRef) -> Option<&str> {
        Some(&self.images.get(reference)?.digest)
    }

    /// Notes on an image which content its name points to.
    pub(super) async fn note_source(
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

/// The label that says what an image was that now has the given digest in the node.
pub(super) fn source_label(id: &str, digest: &str) -> String {
    format!("{SOURCE_LABEL}={id}@{digest}")
}

/// Notes on images that were brought what they were.
pub(super) async fn note_sources(
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
        NodeStore::note_source(engine, node, &name, &image.id, &stored.digest).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::tests::image;

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
    fn an_image_is_known_by_its_config_digest() {
        let store = NodeStore::parse(LISTING);
        assert!(store.has(&reference("mongo:4.4.29"), &image("sha256:c1")));
        assert!(!store.has(&reference("mongo:4.4.29"), &image("sha256:other")));
        assert_eq!(
            store.identity(&reference("mongo:4.4.29")).as_deref(),
            Some("sha256:c1")
        );
    }

    #[test]
    fn an_image_of_a_containerd_store_is_known_by_what_was_brought() {
        let store = NodeStore::parse(LISTING);
        assert!(store.has(&reference("redis:6.2"), &image("sha256:e2")));
        assert!(!store.has(&reference("redis:6.2"), &image("sha256:new")));
    }

    #[test]
    fn a_note_about_former_content_counts_for_nothing() {
        let store = NodeStore::parse(LISTING);
        assert!(!store.has(&reference("old:1"), &image("sha256:e3")));
        assert!(!store.has(&reference("absent:1"), &image("sha256:e3")));
    }
}
