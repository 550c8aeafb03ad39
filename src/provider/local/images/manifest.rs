//! Creates the archive of an image for containerd, without its layers: a manifest that
//! refers to them, and the image's configuration. Pure.

use serde_json::json;
use sha2::{Digest, Sha256};

/// A layer in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    pub(super) digest: String,
    /// Its size in bytes; containerd computes the size of an image from these.
    pub(super) size: u64,
}

/// Returns the names of the layers' snapshots in containerd, lowest first: each name
/// identifies a layer and all layers below it
/// (<https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid>).
pub(super) fn chain(layers: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for layer in layers {
        names.push(match names.last() {
            Some(below) => digest(format!("{below} {layer}").as_bytes()),
            None => layer.clone(),
        });
    }
    names
}

/// Returns an archive in the OCI image layout with one image, and the digest of its
/// manifest.
pub(super) fn archive(name: &str, config: &[u8], layers: &[Layer]) -> (Vec<u8>, String) {
    const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
    let layers: Vec<_> = layers
        .iter()
        .map(|layer| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer.digest,
                "size": layer.size,
            })
        })
        .collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(config),
            "size": config.len(),
        },
        "layers": layers,
    })
    .to_string();
    let manifest_digest = digest(manifest.as_bytes());
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{
            "mediaType": MANIFEST,
            "digest": manifest_digest,
            "size": manifest.len(),
            "annotations": { "io.containerd.image.name": name },
        }],
    });
    let blob = |digest: &str| digest.replacen("sha256:", "blobs/sha256/", 1);
    let files = [
        (
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        ),
        ("index.json".to_owned(), index.to_string().into_bytes()),
        (blob(&manifest_digest), manifest.into_bytes()),
        (blob(&digest(config)), config.to_vec()),
    ];
    (pack(&files), manifest_digest)
}

fn pack(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        builder
            .append_data(&mut header, path, bytes.as_slice())
            .expect("writing to memory does not fail, and the paths are short");
    }
    builder
        .into_inner()
        .expect("writing to memory does not fail")
}

pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn snapshots_have_containerds_names() {
        let layers = ["sha256:a", "sha256:b", "sha256:c"].map(str::to_owned);
        let names = chain(&layers);
        assert_eq!(names[0], "sha256:a");
        assert_eq!(names[1], digest(b"sha256:a sha256:b"));
        assert_eq!(
            names[2],
            digest(format!("{} sha256:c", names[1]).as_bytes())
        );
    }

    #[test]
    fn the_index_of_an_archive_refers_to_manifest_and_configuration() {
        let layer = Layer {
            digest: "sha256:l".into(),
            size: 7,
        };
        let (bytes, manifest) = archive("docker.io/library/redis:7", b"{}", &[layer]);
        let mut archive = tar::Archive::new(bytes.as_slice());
        let files: std::collections::BTreeMap<String, String> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let path = entry.path().unwrap().display().to_string();
                let mut text = String::new();
                entry.read_to_string(&mut text).unwrap();
                (path, text)
            })
            .collect();
        let blob = |digest: &str| &files[&digest.replace("sha256:", "blobs/sha256/")];
        let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        let index = json(&files["index.json"]);
        let first = &index["manifests"][0];
        assert_eq!(first["digest"], *manifest);
        assert_eq!(
            first["annotations"]["io.containerd.image.name"],
            "docker.io/library/redis:7"
        );
        let manifest = json(blob(&manifest));
        assert_eq!(manifest["layers"][0]["digest"], "sha256:l");
        assert_eq!(manifest["layers"][0]["size"], 7);
        assert_eq!(blob(manifest["config"]["digest"].as_str().unwrap()), "{}");
    }
}
