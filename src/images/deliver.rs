//! The delivery of a release's images: every image that the node lacks, from where it is
//! had with the least bytes written.

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::{mpsc, watch};

use super::copy::Copier;
use super::obtain::{Pulled, Puller};
use super::store::NodeStore;
use super::stream::{Found, groups, is_incomplete, load};
use super::unpacked::{Manifest, discard_layers};
use super::{Error, Identities, Sources, Wanted, pull};
use crate::docker::{Engine, EngineInfo, Image};
use crate::event::{Events, Step};
use crate::settings::Pull;

/// How many streams go at once: more do not fill a disk any better.
const STREAMS: usize = 3;
/// How many images the node pulls at once. Docker pulls one after another, each with
/// several layers.
const PULLS: usize = 4;

#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Delivery {
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
pub async fn deliver(
    engine: &dyn Engine,
    node: &str,
    images: &[Wanted],
    info: &EngineInfo,
    sources: &Sources,
    arrived: Arrived,
    events: &Events,
) -> Result<Delivery, Error> {
    let step = events.step("images");
    let result = async {
        let delivery = Deliverer {
            puller: Puller {
                engine,
                node,
                architecture: &info.architecture,
                sources,
                step: &step,
            },
            copier: Copier::new(engine, node, info, &step).await?,
            tally: Tally {
                arrived,
                total: images.len(),
                step: &step,
            },
        };
        delivery.all(images).await
    };
    let result = result.await;
    step.end(result, |delivery| match delivery.brought {
        0 => (false, format!("{} in the node already", images.len())),
        brought => (true, format!("{brought} of {} loaded", images.len())),
    })
}

/// Gets the images that Docker lacks before a node is recreated: into its store or, where
/// it cannot pull and `node` can, into that node, which says that the next one can have
/// them. With `--pull node` nobody is there to be asked while no node runs.
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
    /// Where layers can be copied as files.
    copier: Option<Copier<'a>>,
    tally: Tally<'a>,
}

/// Which images are in the node, and who is told.
struct Tally<'a> {
    arrived: Arrived,
    total: usize,
    step: &'a Step,
}

impl Tally<'_> {
    fn add(&self, identities: Identities) {
        self.arrived.send_modify(|there| there.extend(identities));
        let done = self.arrived.borrow().len();
        self.step.count(done, self.total);
    }
}

/// The images of a delivery, by where they are.
#[derive(Default)]
struct Sorted<'a> {
    in_node: Identities,
    in_engine: Vec<Found>,
    nowhere: Vec<&'a Wanted>,
}

impl Deliverer<'_> {
    async fn all(&self, images: &[Wanted]) -> Result<Delivery, Error> {
        let Sorted {
            in_node,
            in_engine,
            nowhere,
        } = self.sort(images).await?;
        let brought = in_engine.len() + nowhere.len();
        if brought == 0 {
            self.tally.arrived.send_replace(in_node.clone());
            return Ok(Delivery {
                identities: in_node,
                brought,
            });
        }
        self.tally.add(in_node);
        let (pulled, arriving) = mpsc::unbounded_channel();
        let pulls = self.pull_all(nowhere, pulled);
        let single = stream::unfold(arriving, |mut arriving| async {
            arriving.recv().await.map(|found| (vec![found], arriving))
        });
        let loads = stream::iter(self.batches(in_engine))
            .chain(single)
            .map(|batch| self.load(batch))
            .buffer_unordered(STREAMS)
            .try_collect::<()>();
        let (manifests, ()) = tokio::try_join!(pulls, loads)?;
        let Puller { engine, node, .. } = self.puller;
        discard_layers(engine, node, &manifests).await;
        Ok(Delivery {
            identities: self.tally.arrived.borrow().clone(),
            brought,
        })
    }

    async fn sort<'w>(&self, images: &'w [Wanted]) -> Result<Sorted<'w>, Error> {
        let Puller {
            engine,
            node,
            sources,
            ..
        } = self.puller;
        let store = NodeStore::read(engine, node).await?;
        let mut sorted = Sorted::default();
        for wanted in images {
            let reference = &wanted.reference;
            let image = in_engine(engine, wanted, sources.pull).await?;
            let decision = match (image, store.identity(reference)) {
                (Some(image), Some(identity)) if store.has(reference, &image) => {
                    sorted.in_node.insert(reference.clone(), identity);
                    "in the node already"
                }
                (None, Some(identity)) => {
                    sorted.in_node.insert(reference.clone(), identity);
                    "in the node already"
                }
                (Some(image), _) => {
                    let found = (reference.clone(), image);
                    let copied = self.can_copy(&found);
                    sorted.in_engine.push(found);
                    match copied {
                        true => "in Docker: its layers are copied into the node",
                        false => "in Docker: it is streamed into the node",
                    }
                }
                (None, None) => {
                    sorted.nowhere.push(wanted);
                    match sources.pull {
                        Pull::Engine => "neither in Docker nor in the node: Docker pulls it",
                        Pull::Auto => "neither in Docker nor in the node: the node pulls it",
                        Pull::Node => "not in the node: the node pulls it",
                    }
                }
            };
            self.puller.step.decide(format!("{reference}: {decision}"));
        }
        Ok(sorted)
    }

    /// Pulls what nobody has. What is in Docker then goes on through `pulled`; returns
    /// what is in the node.
    async fn pull_all(
        &self,
        images: Vec<&Wanted>,
        pulled: mpsc::UnboundedSender<Found>,
    ) -> Result<Vec<Manifest>, Error> {
        let at_once = match self.puller.sources.pull {
            Pull::Engine => 1,
            Pull::Auto | Pull::Node => PULLS,
        };
        let mut pulls = stream::iter(images)
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
                    self.tally.add([identity].into());
                    in_node.push(manifest);
                }
            }
        }
        Ok(in_node)
    }

    /// What is loaded together: all that can be copied, and the others as streams.
    fn batches(&self, images: Vec<Found>) -> Vec<Vec<Found>> {
        let (copied, streamed): (Vec<Found>, Vec<Found>) =
            images.into_iter().partition(|found| self.can_copy(found));
        let copied = Some(copied).filter(|copied| !copied.is_empty());
        copied.into_iter().chain(groups(streamed)).collect()
    }

    fn can_copy(&self, found: &Found) -> bool {
        let copier = self.copier.as_ref();
        copier.is_some_and(|copier| copier.can_copy(found))
    }

    /// Loads images from Docker: as files where that can be, else as streams.
    async fn load(&self, batch: Vec<Found>) -> Result<(), Error> {
        let copier = self.copier.as_ref();
        let left = match copier.filter(|_| batch.iter().all(|found| self.can_copy(found))) {
            Some(copier) => {
                let arrived = |(reference, image): &Found| {
                    self.tally
                        .add([(reference.clone(), image.id.clone())].into());
                };
                copier.copy(batch, &arrived).await?
            }
            None => batch,
        };
        let streams = groups(left).into_iter().map(|group| self.stream(group));
        stream::iter(streams)
            .buffer_unordered(STREAMS)
            .try_collect()
            .await
    }

    /// Loads images that share layers; those of which Docker does not have all are pulled
    /// in the node.
    async fn stream(&self, group: Vec<Found>) -> Result<(), Error> {
        let Puller {
            engine, node, step, ..
        } = self.puller;
        let incomplete = match load(engine, node, &group, step).await {
            Err(Error::Import { reason, .. }) if is_incomplete(&reason) => group,
            result => {
                self.tally.add(result?);
                return Ok(());
            }
        };
        for (reference, _) in incomplete {
            let image = self
                .puller
                .in_node(&Wanted::of(reference.clone()), false)
                .await?;
            self.tally.add([(reference, image.config)].into());
        }
        Ok(())
    }
}
