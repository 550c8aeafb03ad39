//! Streams images from Docker's store into the node's containerd, without temporary files
//! and with constant memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;

use super::store::label_sources;
use super::{Error, Identities};
use crate::docker::{ByteStream, Engine, Image};
use crate::event::{Progress, Step};
use crate::image_ref::ImageRef;

/// The interval of progress reports.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// An image in Docker's store, and the reference under which the node needs it.
pub(super) type EngineImage = (ImageRef, Image);

/// Loads images that share layers in one stream.
pub(super) async fn load_stream(
    engine: &dyn Engine,
    node: &str,
    group: &[EngineImage],
    step: &Step,
) -> Result<Identities, Error> {
    let references: Vec<&ImageRef> = group.iter().map(|(reference, _)| reference).collect();
    let platform = group
        .first()
        .map(|(_, image)| image.platform())
        .unwrap_or_default();
    // The transfer service, which is the default, takes twice as long.
    let argv = [
        "ctr",
        "-n",
        "k8s.io",
        "images",
        "import",
        "--local",
        "--platform",
        &platform,
        "-",
    ];
    let (counted, progress) = count_bytes(engine.export(&references, &platform));
    let import = engine.exec(node, &argv, Some(counted));
    tokio::pin!(import);
    let names: Vec<&str> = references.iter().map(|image| image.short_name()).collect();
    let (name, size) = (names.join(" + "), size(group));
    let output = loop {
        let done = progress.load(Ordering::Relaxed);
        step.progress(&name, Progress::bytes(done, Some(size.max(done))));
        tokio::select! {
            output = &mut import => break output?,
            () = tokio::time::sleep(PROGRESS_EVERY) => {}
        }
    };
    if output.code != 0 {
        let lines = output.stderr.lines().chain(output.stdout.lines());
        let lines: Vec<String> = lines
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        return Err(Error::Import {
            references: references.into_iter().cloned().collect(),
            reason: lines.last().cloned().unwrap_or_default(),
            tail: lines,
        });
    }
    let end = progress.load(Ordering::Relaxed);
    step.progress(&name, Progress::bytes(end, Some(end)));
    label_sources(engine, node, group).await?;
    let identity = |(reference, image): &EngineImage| (reference.clone(), image.id.clone());
    Ok(group.iter().map(identity).collect())
}

/// Returns whether an archive lacks content of its index: engines with the containerd
/// store may have only one platform of an image (kubernetes-sigs/kind#3795).
pub(super) fn is_incomplete(reason: &str) -> bool {
    reason.contains("content digest") && reason.contains("not found")
}

/// Groups images of the same platform that share layers: shared layers should not be sent
/// twice, and must not be unpacked at the same time.
pub(super) fn group_by_layers(images: Vec<EngineImage>) -> Vec<Vec<EngineImage>> {
    let mut groups: Vec<Vec<EngineImage>> = Vec::new();
    for found in images {
        let related = |group: &Vec<EngineImage>| {
            group.iter().any(|(_, other)| {
                let image = &found.1;
                let shares = image
                    .layers
                    .iter()
                    .any(|layer| other.layers.contains(layer));
                shares && image.platform() == other.platform()
            })
        };
        let (mut one, others): (Vec<_>, Vec<_>) = groups.into_iter().partition(related);
        groups = others;
        let mut group: Vec<EngineImage> = one.drain(..).flatten().collect();
        group.push(found);
        groups.push(group);
    }
    groups
}

/// Estimates the size of a group's stream in bytes. Engines report only the size of whole
/// images, and images that share layers usually share the largest one.
fn size(group: &[EngineImage]) -> u64 {
    let mut by_base: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (_, image) in group {
        let base = image.layers.first().map_or("", String::as_str);
        let entry = by_base.entry(base).or_insert((u64::MAX, 0));
        entry.0 = entry.0.min(image.size);
        entry.1 += 1;
    }
    let all: u64 = group.iter().map(|(_, image)| image.size).sum();
    let shared: u64 = by_base
        .values()
        .map(|(minimum, count)| minimum * (count - 1))
        .sum();
    all.saturating_sub(shared)
}

/// Counts the bytes of a stream.
fn count_bytes(stream: ByteStream) -> (ByteStream, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&count);
    let stream = stream.inspect_ok(move |chunk| {
        counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
    });
    (Box::pin(stream), count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, size: u64, layers: &[&str]) -> EngineImage {
        let image = Image {
            id: format!("sha256:{name}"),
            architecture: "amd64".into(),
            os: "linux".into(),
            size,
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
            layer_dirs: Vec::new(),
        };
        (format!("{name}:1").parse().unwrap(), image)
    }

    #[test]
    fn images_that_share_layers_are_grouped() {
        let images = vec![
            found("mongo", 7, &["u", "m"]),
            found("redis", 2, &["r"]),
            found("ubuntu", 5, &["u"]),
            found("elastic", 9, &["e", "m2"]),
        ];
        let groups = group_by_layers(images);
        let names: Vec<Vec<&str>> = groups
            .iter()
            .map(|group| group.iter().map(|(name, _)| name.short_name()).collect())
            .collect();
        assert_eq!(
            names,
            [vec!["redis"], vec!["mongo", "ubuntu"], vec!["elastic"]]
        );
        assert_eq!(size(&groups[1]), 7);
        assert_eq!(size(&groups[0]), 2);
    }
}
