//! Loads every image that the node lacks, from the source that requires the fewest bytes
//! to be written.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;

use super::copy::Copier;
use super::pulled::{Manifest, discard_layers};
use super::puller::{Pulled, Puller};
use super::store::NodeStore;
use super::stream::{EngineImage, group_by_layers, is_incomplete, load_stream};
use super::{ArrivalSender, Error, Identities, Loaded, RequiredImage, Sources, pull};
use crate::docker::{self, Engine, Image};
use crate::event::Step;
use crate::provider::local::Local;
use crate::settings::Pull;
use crate::words::duration;

/// The number of parallel streams. More do not use the disk better.
const STREAMS: usize = 3;
/// The number of images that the node pulls in parallel. Docker pulls one at a time, with
/// several layers in parallel.
const PULLS: usize = 4;

/// The pauses before a load is repeated whose connection to Docker broke.
pub(super) const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Reports that a load is repeated, and waits before it is.
pub(super) async fn pause_interrupted(step: &Step, error: &docker::Error, pause: Duration) {
    step.state(format!(
        "continuing an interrupted load in {}: {error}",
        duration(pause)
    ));
    tokio::time::sleep(pause).await;
}

/// Loads the images that the node lacks, in their order. Images in Docker's store are
/// loaded while the others are pulled.
pub async fn load(
    local: &Local<'_>,
    node: &str,
    images: &[RequiredImage],
    sources: &Sources,
    arrived: ArrivalSender,
) -> Result<Loaded, Error> {
    let step = local.events.step("images");
    let result = async {
        let loader = Loader {
            puller: Puller {
                engine: local.engine(),
                node,
                architecture: &local.info().await?.architecture,
                sources,
                step: &step,
            },
            copier: Copier::new(local, node, &step).await?,
            tracker: Tracker {
                arrived,
                total: images.len(),
                step: &step,
            },
        };
        loader.load_all(images).await
    };
    let result = result.await;
    step.end(result, |result| match result.count {
        0 => (false, format!("{} in the node already", images.len())),
        loaded => (true, format!("{loaded} of {} loaded", images.len())),
    })
}

/// Pulls the images that Docker lacks before a node is recreated: into Docker's store or,
/// if Docker cannot pull them, into the running `node`, which shows that the next node
/// can pull them. Does nothing with `--pull node` if no node is running.
pub async fn pull_missing(
    local: &Local<'_>,
    node: Option<&str>,
    images: &[RequiredImage],
    sources: &Sources,
) -> Result<(), Error> {
    let engine = local.engine();
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
    let architecture = &local.info().await?.architecture;
    let step = local.events.step("images");
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

/// Returns the identities that the images would have after loading, without those that
/// must be pulled first.
pub async fn identities(
    engine: &dyn Engine,
    node: &str,
    images: &[RequiredImage],
    by: Pull,
) -> Result<Identities, Error> {
    let store = NodeStore::read(engine, node).await?;
    let mut identities = Identities::new();
    for wanted in images {
        let reference = &wanted.reference;
        let image = in_engine(engine, wanted, by).await?;
        let identity = match image {
            // If the node pulled the image itself, it has another identity.
            Some(image) if store.has(reference, &image) => store.identity(reference),
            Some(image) => Some(image.id),
            None => store.identity(reference),
        };
        identities.extend(identity.map(|identity| (reference.clone(), identity)));
    }
    Ok(identities)
}

/// Returns the image in Docker's store, unless `--pull node` ignores it.
async fn in_engine(
    engine: &dyn Engine,
    wanted: &RequiredImage,
    by: Pull,
) -> Result<Option<Image>, Error> {
    match by {
        Pull::Node => Ok(None),
        Pull::Auto | Pull::Engine => Ok(engine.image(&wanted.reference).await?),
    }
}

/// Loads images into one node.
struct Loader<'a> {
    puller: Puller<'a>,
    /// `Some` if layers can be copied as files.
    copier: Option<Copier<'a>>,
    tracker: Tracker<'a>,
}

/// Tracks and reports which images are in the node.
struct Tracker<'a> {
    arrived: ArrivalSender,
    total: usize,
    step: &'a Step,
}

impl Tracker<'_> {
    fn add(&self, identities: Identities) {
        self.arrived.send_modify(|loaded| loaded.extend(identities));
        let done = self.arrived.borrow().len();
        self.step.count(done, self.total);
    }
}

/// The images, by where they are.
#[derive(Default)]
struct Located<'a> {
    in_node: Identities,
    in_engine: Vec<EngineImage>,
    missing: Vec<&'a RequiredImage>,
}

impl Loader<'_> {
    async fn load_all(&self, images: &[RequiredImage]) -> Result<Loaded, Error> {
        let Located {
            in_node,
            in_engine,
            missing,
        } = self.locate(images).await?;
        let count = in_engine.len() + missing.len();
        if count == 0 {
            self.tracker.arrived.send_replace(in_node.clone());
            return Ok(Loaded {
                identities: in_node,
                count,
            });
        }
        self.tracker.add(in_node);
        let (pulled, arriving) = mpsc::unbounded_channel();
        let pulls = self.pull_all(missing, pulled);
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
        Ok(Loaded {
            identities: self.tracker.arrived.borrow().clone(),
            count,
        })
    }

    async fn locate<'w>(&self, images: &'w [RequiredImage]) -> Result<Located<'w>, Error> {
        let Puller {
            engine,
            node,
            sources,
            ..
        } = self.puller;
        let store = NodeStore::read(engine, node).await?;
        let mut located = Located::default();
        for wanted in images {
            let reference = &wanted.reference;
            let image = in_engine(engine, wanted, sources.pull).await?;
            let decision = match (image, store.identity(reference)) {
                (Some(image), Some(identity)) if store.has(reference, &image) => {
                    located.in_node.insert(reference.clone(), identity);
                    "in the node already"
                }
                (None, Some(identity)) => {
                    located.in_node.insert(reference.clone(), identity);
                    "in the node already"
                }
                (Some(image), _) => {
                    let found = (reference.clone(), image);
                    let copied = self.can_copy(&found);
                    located.in_engine.push(found);
                    match copied {
                        true => "in Docker: its layers are copied into the node",
                        false => "in Docker: it is streamed into the node",
                    }
                }
                (None, None) => {
                    located.missing.push(wanted);
                    match sources.pull {
                        Pull::Engine => "neither in Docker nor in the node: Docker pulls it",
                        Pull::Auto => "neither in Docker nor in the node: the node pulls it",
                        Pull::Node => "not in the node: the node pulls it",
                    }
                }
            };
            self.puller.step.decide(format!("{reference}: {decision}"));
        }
        Ok(located)
    }

    /// Pulls missing images. Sends those that Docker pulled through `pulled`, and returns
    /// those that the node pulled.
    async fn pull_all(
        &self,
        images: Vec<&RequiredImage>,
        pulled: mpsc::UnboundedSender<EngineImage>,
    ) -> Result<Vec<Manifest>, Error> {
        let parallel = match self.puller.sources.pull {
            Pull::Engine => 1,
            Pull::Auto | Pull::Node => PULLS,
        };
        let mut pulls = stream::iter(images)
            .map(|wanted| async move {
                let pulled = self.puller.pull(wanted).await?;
                Ok::<_, Error>((&wanted.reference, pulled))
            })
            .buffer_unordered(parallel);
        let mut in_node = Vec::new();
        while let Some((reference, image)) = pulls.try_next().await? {
            match image {
                // The receiver lives as long as this sender.
                Pulled::Engine(image) => {
                    let _ = pulled.send((reference.clone(), image));
                }
                Pulled::Node(manifest) => {
                    let identity = (reference.clone(), manifest.config.clone());
                    self.tracker.add([identity].into());
                    in_node.push(manifest);
                }
            }
        }
        Ok(in_node)
    }

    /// Groups images that are loaded together: all that can be copied, and those that
    /// share a stream.
    fn batches(&self, images: Vec<EngineImage>) -> Vec<Vec<EngineImage>> {
        let (copied, streamed): (Vec<EngineImage>, Vec<EngineImage>) =
            images.into_iter().partition(|found| self.can_copy(found));
        let copied = Some(copied).filter(|copied| !copied.is_empty());
        copied
            .into_iter()
            .chain(group_by_layers(streamed))
            .collect()
    }

    fn can_copy(&self, found: &EngineImage) -> bool {
        let copier = self.copier.as_ref();
        copier.is_some_and(|copier| copier.can_copy(found))
    }

    /// Loads images from Docker's store: as files if possible, otherwise as streams.
    async fn load(&self, batch: Vec<EngineImage>) -> Result<(), Error> {
        let copier = self.copier.as_ref();
        let remaining = match copier.filter(|_| batch.iter().all(|found| self.can_copy(found))) {
            Some(copier) => {
                let arrived = |(reference, image): &EngineImage| {
                    self.tracker
                        .add([(reference.clone(), image.id.clone())].into());
                };
                copier.copy(batch, &arrived).await?
            }
            None => batch,
        };
        let streams = group_by_layers(remaining)
            .into_iter()
            .map(|group| self.stream(group));
        stream::iter(streams)
            .buffer_unordered(STREAMS)
            .try_collect()
            .await
    }

    /// Returns the images that the node still lacks, and reports the others.
    async fn missing_of(&self, group: Vec<EngineImage>) -> Result<Vec<EngineImage>, Error> {
        let Puller { engine, node, .. } = self.puller;
        let store = NodeStore::read(engine, node).await?;
        let (complete, missing): (Vec<EngineImage>, Vec<EngineImage>) = group
            .into_iter()
            .partition(|(reference, image)| store.has(reference, image));
        let identity = |(reference, image): EngineImage| (reference, image.id);
        self.tracker
            .add(complete.into_iter().map(identity).collect());
        Ok(missing)
    }

    /// Streams images that share layers, again if the connection breaks. If Docker's copy of them
    /// is incomplete, the node pulls them.
    async fn stream(&self, group: Vec<EngineImage>) -> Result<(), Error> {
        let Puller {
            engine, node, step, ..
        } = self.puller;
        let mut group = group;
        let mut pauses = PAUSES.into_iter();
        let incomplete = loop {
            match load_stream(engine, node, &group, step).await {
                Err(Error::Import { reason, .. }) if is_incomplete(&reason) => break group,
                Err(Error::Docker(error)) if error.is_interrupted() => {
                    let Some(pause) = pauses.next() else {
                        return Err(error.into());
                    };
                    pause_interrupted(step, &error, pause).await;
                    group = self.missing_of(group).await?;
                }
                result => {
                    self.tracker.add(result?);
                    return Ok(());
                }
            }
            if group.is_empty() {
                return Ok(());
            }
        };
        for (reference, _) in incomplete {
            let image = self
                .puller
                .pull_in_node(&RequiredImage::of(reference.clone()), false)
                .await?;
            self.tracker.add([(reference, image.config)].into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
