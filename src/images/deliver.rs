//! The delivery of a release's images: every image that the node lacks, from where it is
//! had with the least bytes written.

use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{mpsc, watch};

use super::obtain::{Pulled, Puller};
use super::store::NodeStore;
use super::stream::{Found, groups, is_incomplete, load};
use super::unpacked::{Manifest, discard_layers};
use super::{Error, Identities, Sources, Wanted, pull};
use crate::docker::{Engine, Image};
use crate::event::Events;
use crate::settings::Pull;

/// How many streams go at once: more do not fill a disk any better.
const STREAMS: usize = 3;
/// How many images the node pulls at once. Docker pulls one after another, each with
/// several layers.
const PULLS: usize = 4;

/// What came of a delivery.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What identifies each image.
    pub identities: Identities,
    /// How many were brought.
    pub brought: usize,
}

/// Tells which images are in the node, as they arrive; its end is the delivery's.
pub type Arrived = watch::Sender<Identities>;
/// Follows which images are in the node.
pub type Arriving = watch::Receiver<Identities>;

/// Both ends of what is told of a delivery.
pub fn arrivals() -> (Arrived, Arriving) {
    watch::channel(Identities::new())
}

/// Loads the images that the node lacks, in their order: what Docker has is on its way
/// while the rest is pulled.
///
/// # Errors
/// At the first image that cannot be had.
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
        puller: Puller {
            engine,
            node,
            architecture,
            sources,
            step: &step,
        },
    };
    let result = delivery.all(images, &arrived).await;
    step.end(result, |delivery| match delivery.brought {
        0 => (false, format!("{} in the node already", images.len())),
        brought => (true, format!("{brought} of {} brought", images.len())),
    })
}

/// Gets the images that Docker lacks before a node is recreated: into its store or, where
/// it cannot pull and `node` can, into that node, which says that the next one can have
/// them. With `--pull node` nobody is there to be asked while no node runs.
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
    if node.is_none() && sources.pull == Pull::Node {
        return Ok(());
    }
    let mut missing = Vec::new();
    for wanted in images {
        if in_engine(engine, wanted, sources.pull).await?.is_none() {
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
                    let puller = Puller {
                        engine,
                        node,
                        architecture,
                        sources,
                        step: &step,
                    };
                    puller.pull_before_change(wanted).await?;
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
    by: Pull,
) -> Result<Identities, Error> {
    let store = NodeStore::read(engine, node).await?;
    let mut identities = Identities::new();
    for wanted in images {
        let reference = &wanted.reference;
        let image = in_engine(engine, wanted, by).await?;
        let identity = match image {
            // The node has it under another identity where it has pulled it itself.
            Some(image) if store.has(reference, &image) => store.identity(reference),
            Some(image) => Some(image.id),
            None => store.identity(reference),
        };
        identities.extend(identity.map(|identity| (reference.clone(), identity)));
    }
    Ok(identities)
}

/// The image as Docker has it, where it is loaded from there.
async fn in_engine(engine: &dyn Engine, wanted: &Wanted, by: Pull) -> Result<Option<Image>, Error> {
    match by {
        Pull::Node => Ok(None),
        Pull::Auto | Pull::Engine => Ok(engine.image(&wanted.reference).await?),
    }
}

/// What every image of a delivery needs.
struct Deliverer<'a> {
    puller: Puller<'a>,
}

impl Deliverer<'_> {
    async fn all(&self, images: &[Wanted], arrived: &Arrived) -> Result<Delivery, Error> {
        let Puller {
            engine,
            node,
            sources,
            step,
            ..
        } = self.puller;
        let store = NodeStore::read(engine, node).await?;
        let mut identities = Identities::new();
        let (mut found, mut absent) = (Vec::new(), Vec::new());
        for wanted in images {
            let reference = &wanted.reference;
            let image = in_engine(engine, wanted, sources.pull).await?;
            match (image, store.identity(reference)) {
                (Some(image), Some(identity)) if store.has(reference, &image) => {
                    identities.insert(reference.clone(), identity);
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
            step.count(images.len() - brought, images.len());
        }
        let done = AtomicU64::new((images.len() - brought) as u64);
        let count = &|more: usize| {
            let now = done.fetch_add(more as u64, Ordering::Relaxed) + more as u64;
            let now = usize::try_from(now).unwrap_or(images.len());
            step.count(now, images.len());
        };
        let (pulled, arriving) = mpsc::unbounded_channel();
        let pulls = async {
            let at_once = match sources.pull {
                Pull::Engine => 1,
                Pull::Auto | Pull::Node => PULLS,
            };
            let mut pulls = stream::iter(absent)
                .map(|wanted| async move {
                    let pulled = self.puller.pull(wanted).await?;
                    Ok::<_, Error>((&wanted.reference, pulled))
                })
                .buffer_unordered(at_once);
            let mut in_node = Vec::new();
            while let Some((reference, image)) = pulls.try_next().await? {
                match image {
                    // The other end lives as long as this one.
                    Pulled::Engine(image) => {
                        let _ = pulled.send((reference.clone(), image));
                    }
                    Pulled::Node(manifest) => {
                        let identity = (reference.clone(), manifest.config.clone());
                        arrived.send_modify(|there| there.extend([identity]));
                        in_node.push((reference.clone(), manifest));
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
        let loads = stream::iter(groups(found))
            .chain(single)
            .map(|group| async move {
                let identities = self.load(&group).await?;
                arrived.send_modify(|there| there.extend(identities.clone()));
                count(group.len());
                Ok::<_, Error>(identities)
            })
            .buffer_unordered(STREAMS)
            .try_collect::<Vec<Identities>>();
        let (in_node, by_stream) = tokio::try_join!(pulls, loads)?;
        let config = |manifest: &Manifest| manifest.config.clone();
        identities.extend(
            in_node
                .iter()
                .map(|(name, image)| (name.clone(), config(image))),
        );
        identities.extend(by_stream.into_iter().flatten());
        let manifests: Vec<Manifest> = in_node.into_iter().map(|(_, image)| image).collect();
        discard_layers(engine, node, &manifests).await;
        Ok(Delivery {
            identities,
            brought,
        })
    }

    /// Loads images that share layers; those of which Docker does not have all are pulled
    /// in the node.
    async fn load(&self, group: &[Found]) -> Result<Identities, Error> {
        let Puller {
            engine, node, step, ..
        } = self.puller;
        match load(engine, node, group, step).await {
            Err(Error::Import { reason, .. }) if is_incomplete(&reason) => {}
            result => return result,
        }
        let mut identities = Identities::new();
        for (reference, _) in group {
            let wanted = Wanted::of(reference.clone());
            let image = self.puller.in_node(&wanted, false).await?;
            identities.insert(reference.clone(), image.config);
        }
        Ok(identities)
    }
}
