//! The manifest of a pulled image. Discards compressed layers, which are not needed once
//! they are unpacked, as the kubelet does after its own pulls.

use serde::Deserialize;

use super::Error;
use crate::docker::{Engine, exec_ok};
use crate::image_ref::ImageRef;

/// Lets the garbage collector remove layers in the background. The arguments are, for
/// each image, the digest of its name, the digest of its manifest, and the number of its
/// layers. The collector runs when a lease is deleted.
const DISCARD: &str = "ctr='ctr -n k8s.io'; { while [ $# -gt 2 ]; do labels=; n=0; \
     while [ $n -lt $3 ]; do labels=\"$labels containerd.io/gc.ref.content.l.$n=\"; \
     n=$((n+1)); done; $ctr content label $2 $labels; \
     $ctr content label $1 containerd.io/gc.root=; shift 3; done; \
     $ctr leases rm \"$($ctr leases create -x 1m)\"; } </dev/null >/dev/null 2>&1 &";

/// The manifest of an image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    /// The digest of the image's name: of an index or of this manifest.
    root: String,
    digest: String,
    /// The digest of its configuration, which identifies the image.
    pub(super) config: String,
    layers: usize,
}

#[derive(Deserialize)]
struct Content {
    #[serde(default)]
    manifests: Vec<Descriptor>,
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
}

#[derive(Deserialize)]
struct Platform {
    os: String,
    architecture: String,
}

impl Content {
    /// Returns the digest of a platform's manifest in an index.
    fn manifest_digest(&self, platform: &str) -> Option<&str> {
        let matches = |one: &&Descriptor| {
            let name = one.platform.as_ref();
            name.is_some_and(|one| format!("{}/{}", one.os, one.architecture) == platform)
        };
        Some(&self.manifests.iter().find(matches)?.digest)
    }
}

impl Manifest {
    /// Reads the manifest at a digest, directly or through an index.
    pub(super) async fn read(
        engine: &dyn Engine,
        node: &str,
        root: &str,
        platform: &str,
        reference: &ImageRef,
    ) -> Result<Manifest, Error> {
        let invalid = |reason: String| Error::Import {
            references: vec![reference.clone()],
            reason,
            tail: Vec::new(),
        };
        let mut digest = root.to_owned();
        // An index refers to a manifest, and a manifest to no other.
        for _ in 0..2 {
            let argv = ["ctr", "-n", "k8s.io", "content", "get", &digest];
            let text = exec_ok(engine, node, "read an image manifest in the node", &argv).await?;
            let content: Content = serde_json::from_str(&text)
                .map_err(|error| invalid(format!("invalid manifest {digest}: {error}")))?;
            if let Some(config) = content.config {
                return Ok(Manifest {
                    root: root.to_owned(),
                    digest,
                    config: config.digest,
                    layers: content.layers.len(),
                });
            }
            let found = content.manifest_digest(platform).map(str::to_owned);
            digest = found.ok_or_else(|| invalid(format!("{digest} has no {platform}")))?;
        }
        Err(invalid(format!("{digest} is not a manifest")))
    }
}

/// Discards the compressed layers of images. A failure is ignored, because it only costs
/// space.
pub(super) async fn discard_layers(engine: &dyn Engine, node: &str, images: &[Manifest]) {
    if images.is_empty() {
        return;
    }
    let counts: Vec<String> = images.iter().map(|one| one.layers.to_string()).collect();
    let mut argv = vec!["sh", "-c", DISCARD, "sh"];
    for (image, count) in images.iter().zip(&counts) {
        argv.extend([&image.root, &image.digest, count].map(String::as_str));
    }
    let _ = engine.exec(node, &argv, None).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::Output;
    use crate::docker::fake::{FakeEngine, State};

    const INDEX: &str = r#"{"schemaVersion": 2, "manifests": [
        {"digest": "sha256:arm", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
        {"digest": "sha256:amd", "platform": {"os": "linux", "architecture": "amd64"}},
        {"digest": "sha256:none"}]}"#;
    const MANIFEST: &str = r#"{"config": {"digest": "sha256:config"},
        "layers": [{"digest": "sha256:l0"}, {"digest": "sha256:l1"}]}"#;

    #[tokio::test]
    async fn the_manifest_of_the_platform_is_read_and_its_layers_are_discarded() {
        let engine = FakeEngine::new(State::default()).with_exec(Box::new(|_, argv| Output {
            stdout: match argv.last() {
                Some(&"sha256:index") => INDEX.into(),
                _ => MANIFEST.into(),
            },
            ..Output::default()
        }));
        let reference = "mongo:7".parse().unwrap();
        let read = async |platform: &str| {
            Manifest::read(&engine, "n", "sha256:index", platform, &reference).await
        };
        let manifest = read("linux/amd64").await.unwrap();
        assert_eq!(
            (&*manifest.digest, &*manifest.config),
            ("sha256:amd", "sha256:config")
        );
        let absent = read("linux/s390x").await.unwrap_err().to_string();
        assert!(
            absent.ends_with("sha256:index has no linux/s390x"),
            "{absent}"
        );
        discard_layers(&engine, "n", &[manifest]).await;
        let calls = engine.state().calls.clone();
        let discarded = calls.last().unwrap();
        assert!(
            discarded.ends_with("sh sha256:index sha256:amd 2"),
            "{discarded}"
        );
    }
}
