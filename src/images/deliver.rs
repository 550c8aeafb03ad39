//! From the engine's store into the node's containerd, as streams: no temporary
//! files of ours, memory flat in image size.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{mpsc, watch};

use super::in_node::pull_in_node;
use super::store::{NodeStore, note_sources};
use super::{Error, Identities, Sources, Wanted, pull};
use crate::docker::{ByteStream, Engine, Image};
use crate::event::{Events, Step};
use crate::image_ref::ImageRef;

/// How often progress is told: more would only cost time.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How many streams go at once: more do not fill a disk any better.
const STREAMS: usize = 3;

/// What came of a delivery.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What identifies each image.
    pub identities: Identities,
    /// How many were brought.
    pub brought: usize,
}

/// An image that the engine has, and under which reference it is wanted.
type Found = (ImageRef, Image);

/// Tells which images are in the node, as they arrive; its end is the delivery's.
pub type Arrived = watch::Sender<Identities>;
/// Follows which images are in the node.
pub type Arriving = watch::Receiver<Identities>;

/// Both ends of what is told of a delivery.
pub fn arrivals() -> (Arrived, Arriving) {
    watch::channel(Identities::new())
}

/// Brings the images that the node lacks, in their order: what the engine has at once,
/// what it must pull first while those are on their way.
///
/// # Errors
/// At the first image that cannot be brought.
pub async fn deliver(
    engine: &dyn Engine,
    node: &str,
    images: &[Wanted],
    architecture: &str,
    sources: &Sources,
    arrived: Arrived,
    events: &Events,
) -> Result<Delivery, Error> {
    let step = events.step("images");
    let delivery = Deliverer {
        engine,
        node,
        architecture,
        sources,
        step: &step,
    };
    let result = delivery.all(images, &arrived).await;
    step.end(result, |delivery| match delivery.brought {
        0 => (false, format!("{} in the node already", images.len())),
        brought => (true, format!("{brought} of {} brought", images.len())),
    })
}

/// Gets the images that the engine lacks: into its store or, where it cannot pull and
/// `node` can, into that node, which says that a node can have them.
///
/// # Errors
/// At the first image that cannot be had.
pub async fn fetch(
    engine: &dyn Engine,
    node: Option<&str>,
    images: &[Wanted],
    architecture: &str,
    sources: &Sources,
    events: &Events,
) -> Result<(), Error> {
    let mut missing = Vec::new();
    for wanted in images {
        if engine.image(&wanted.reference).await?.is_none() {
            missing.push(wanted);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let step = events.step("images");
    let result = async {
        for (done, wanted) in missing.iter().enumerate() {
            step.count(done, missing.len());
            match node {
                Some(node) => {
                    let deliverer = Deliverer {
                        engine,
                        node,
                        architecture,
                        sources,
                        step: &step,
                    };
                    deliverer.pull(wanted).await?;
                }
                None => {
                    pull(engine, wanted, architecture, sources, &step).await?;
                }
            }
        }
        Ok(())
    }
    .await;
    step.end(result, |()| (true, format!("{} pulled", missing.len())))
}

/// What identifies the images as they would be delivered; those that nobody has yet
/// are left out.
///
/// # Errors
/// When the engine does not answer.
pub async fn known(
    engine: &dyn Engine,
    node: &str,
    images: &[Wanted],
) -> Result<Identities, Error> {
    let store = NodeStore::read(engine, node).await?;
    let mut identities = Identities::new();
    for Wanted { reference, .. } in images {
        let image = engine.image(reference).await?;
        let identity = match image {
            Some(image) => Some(image.id),
            None => store.identity(reference),
        };
        identities.extend(identity.map(|identity| (reference.clone(), identity)));
    }
    Ok(identities)
}

/// What every image of a delivery needs.
struct Deliverer<'a> {
    engine: &'a dyn Engine,
    node: &'a str,
    architecture: &'a str,
    sources: &'a Sources,
    step: &'a Step,
}

impl Deliverer<'_> {
    async fn all(&self, images: &[Wanted], arrived: &Arrived) -> Result<Delivery, Error> {
        let store = NodeStore::read(self.engine, self.node).await?;
        let mut identities = Identities::new();
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        for wanted in images {
            let reference = &wanted.reference;
            let image = self.engine.image(reference).await?;
            match (image, store.identity(reference)) {
                (Some(image), Some(_)) if store.has(reference, &image) => {
                    identities.insert(reference.clone(), image.id);
                }
                (None, Some(identity)) => {
                    identities.insert(reference.clone(), identity);
                }
                (Some(image), _) => found.push((reference.clone(), image)),
                (None, None) => absent.push(wanted),
            }
        }
        arrived.send_modify(|there| there.clone_from(&identities));
        let brought = found.len() + absent.len();
        if brought > 0 {
            self.step.count(images.len() - brought, images.len());
        }
        let done = AtomicU64::new((images.len() - brought) as u64);
        let count = &|more: usize| {
            let now = done.fetch_add(more as u64, Ordering::Relaxed) + more as u64;
            let now = usize::try_from(now).unwrap_or(images.len());
            self.step.count(now, images.len());
        };
        let (pulled, arriving) = mpsc::unbounded_channel();
        let pulls = async {
            let mut in_node = Identities::new();
            for wanted in absent {
                match self.pull(wanted).await? {
                    // The other end lives as long as this one.
                    Pulled::Engine(image) => {
                        let _ = pulled.send((wanted.reference.clone(), image));
                    }
                    Pulled::Node(identity) => {
                        in_node.insert(wanted.reference.clone(), identity);
                        arrived.send_modify(|there| there.extend(in_node.clone()));
                        count(1);
                    }
                }
            }
            drop(pulled);
            Ok::<_, Error>(in_node)
        };
        let single = stream::unfold(arriving, |mut arriving| async {
            arriving.recv().await.map(|found| (vec![found], arriving))
        });
        let brings = stream::iter(groups(found))
            .chain(single)
            .map(|group| async move {
                let identities = match self.bring(&group).await {
                    Err(Error::Import { reason, .. }) if is_incomplete(&reason) => {
                        self.all_in_node(&group).await?
                    }
                    result => result?,
                };
                arrived.send_modify(|there| there.extend(identities.clone()));
                count(group.len());
                Ok::<_, Error>(identities)
            })
            .buffer_unordered(STREAMS)
            .try_collect::<Vec<Identities>>();
        let (in_node, by_stream) = tokio::try_join!(pulls, brings)?;
        identities.extend(in_node);
        identities.extend(by_stream.into_iter().flatten());
        Ok(Delivery {
            identities,
            brought,
        })
    }

    /// Pulls an image into the engine, or in the node what the engine cannot.
    async fn pull(&self, wanted: &Wanted) -> Result<Pulled, Error> {
        let (engine, step) = (self.engine, self.step);
        match pull(engine, wanted, self.architecture, self.sources, step).await {
            Ok(image) => Ok(Pulled::Engine(image)),
            Err(Error::Pull { reference, message }) => match self.in_node(wanted).await {
                Ok(identity) => Ok(Pulled::Node(identity)),
                // The registry itself has spoken there: that is what helps.
                Err(there @ (Error::Unauthorized { .. } | Error::NotFound { .. })) => Err(there),
                Err(there) => Err(Error::Pull {
                    reference,
                    message: format!("{message}; nor in the node: {}", there.said()),
                }),
            },
            Err(error) => Err(error),
        }
    }

    async fn in_node(&self, wanted: &Wanted) -> Result<String, Error> {
        let (engine, node) = (self.engine, self.node);
        let platform = format!("linux/{}", self.architecture);
        pull_in_node(engine, node, wanted, &platform, self.sources, self.step).await?;
        let store = NodeStore::read(engine, node).await?;
        let identity = store.identity(&wanted.reference);
        identity.ok_or_else(|| Error::Import {
            references: vec![wanted.reference.clone()],
            reason: "it is not there after the pull".into(),
            tail: Vec::new(),
        })
    }

    async fn all_in_node(&self, group: &[Found]) -> Result<Identities, Error> {
        let mut identities = Identities::new();
        for (reference, _) in group {
            let identity = self.in_node(&Wanted::of(reference.clone())).await?;
            identities.insert(reference.clone(), identity);
        }
        Ok(identities)
    }

    /// Brings images that share layers in one stream.
    async fn bring(&self, group: &[Found]) -> Result<Identities, Error> {
        let (engine, node, step) = (self.engine, self.node, self.step);
        let references: Vec<&ImageRef> = group.iter().map(|(reference, _)| reference).collect();
        let platform = group
            .first()
            .map(|(_, image)| image.platform())
            .unwrap_or_default();
        // Through the transfer service, which is the default, it takes twice as long.
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
        let (counted, progress) = counted(engine.export(&references, &platform));
        let import = engine.exec(node, &argv, Some(counted));
        tokio::pin!(import);
        let names: Vec<&str> = references.iter().map(|image| image.short_name()).collect();
        let (name, size) = (names.join(" + "), size(group));
        let output = loop {
            let done = progress.load(Ordering::Relaxed);
            step.bytes(&name, done, Some(size.max(done)));
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
        step.bytes(&name, end, Some(end));
        note_sources(engine, node, group).await?;
        let identity = |(reference, image): &Found| (reference.clone(), image.id.clone());
        Ok(group.iter().map(identity).collect())
    }
}

/// Whether an archive lacks what its index names: engines with the containerd store
/// may have one platform of an image alone (kubernetes-sigs/kind#3795).
fn is_incomplete(reason: &str) -> bool {
    reason.contains("content digest") && reason.contains("not found")
}

/// Where a pull left its image.
enum Pulled {
    /// In the engine's store.
    Engine(Image),
    /// In the node, under this identity.
    Node(String),
}

/// Images that share layers together, as these must not be unpacked at the same
/// time, nor be sent twice; those of other platforms apart.
fn groups(images: Vec<Found>) -> Vec<Vec<Found>> {
    let mut groups: Vec<Vec<Found>> = Vec::new();
    for found in images {
        let related = |group: &Vec<Found>| {
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
        let mut group: Vec<Found> = one.drain(..).flatten().collect();
        group.push(found);
        groups.push(group);
    }
    groups
}

/// About how many bytes a group's stream has: engines tell the size of whole images
/// alone, and images that share layers mostly share the largest of them.
fn size(group: &[Found]) -> u64 {
    let mut by_base: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (_, image) in group {
        let base = image.layers.first().map_or("", String::as_str);
        let entry = by_base.entry(base).or_insert((u64::MAX, 0));
        entry.0 = entry.0.min(image.size);
        entry.1 += 1;
    }
    let all: u64 = group.iter().map(|(_, image)| image.size).sum();
    let twice: u64 = by_base
        .values()
        .map(|(least, count)| least * (count - 1))
        .sum();
    all.saturating_sub(twice)
}

/// A stream that counts the bytes that went through it.
fn counted(stream: ByteStream) -> (ByteStream, Arc<AtomicU64>) {
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

    fn found(name: &str, size: u64, layers: &[&str]) -> Found {
        let image = Image {
            id: format!("sha256:{name}"),
            architecture: "amd64".into(),
            os: "linux".into(),
            size,
            layers: layers.iter().map(|layer| (*layer).to_owned()).collect(),
        };
        (format!("{name}:1").parse().unwrap(), image)
    }

    #[test]
    fn what_shares_layers_goes_together() {
        let images = vec![
            found("mongo", 7, &["u", "m"]),
            found("redis", 2, &["r"]),
            found("ubuntu", 5, &["u"]),
            found("elastic", 9, &["e", "m2"]),
        ];
        let groups = groups(images);
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
