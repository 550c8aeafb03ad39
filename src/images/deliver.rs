//! From the engine's store into the node's containerd, as a stream: no
//! temporary files of ours, memory flat in image size.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::TryStreamExt;

use super::in_node::pull_in_node;
use super::reference::short;
use super::store::{NodeStore, note_source};
use super::{Error, Identities, Sources, Wanted, pull};
use crate::docker::{ByteStream, Engine, Image};
use crate::event::{Events, Step};

/// How often progress is told: more would only cost time.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What came of a delivery.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What identifies each image.
    pub identities: Identities,
    /// How many were brought.
    pub brought: usize,
}

/// Brings the images that the node lacks, one after another: images that share
/// layers must not be unpacked at the same time.
///
/// # Errors
/// At the first image that cannot be brought.
pub async fn deliver(
    engine: &dyn Engine,
    node: &str,
    images: &[Wanted],
    architecture: &str,
    sources: &Sources,
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
    let result = delivery.all(images).await;
    step.end(result, |delivery| match delivery.brought {
        0 => (false, format!("{} in the node already", images.len())),
        brought => (true, format!("{brought} of {} brought", images.len())),
    })
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
    async fn all(&self, images: &[Wanted]) -> Result<Delivery, Error> {
        let store = NodeStore::read(self.engine, self.node).await?;
        let mut delivery = Delivery::default();
        for (index, wanted) in images.iter().enumerate() {
            let reference = &wanted.reference;
            let image = self.engine.image(reference).await?;
            let in_node = store.identity(reference);
            let identity = match (image, in_node) {
                (Some(image), Some(_)) if store.has(reference, &image) => image.id,
                (None, Some(identity)) => identity,
                (image, _) => {
                    self.step.count(index, images.len());
                    delivery.brought += 1;
                    self.one(wanted, image).await?
                }
            };
            delivery.identities.insert(reference.clone(), identity);
        }
        Ok(delivery)
    }

    /// Brings one image, pulled first unless the engine has it; returns what
    /// identifies it.
    async fn one(&self, wanted: &Wanted, image: Option<Image>) -> Result<String, Error> {
        let Deliverer {
            engine, node, step, ..
        } = *self;
        let image = match image {
            Some(image) => image,
            None => match pull(engine, wanted, self.architecture, self.sources, step).await {
                Ok(image) => image,
                Err(Error::Pull { reference, message }) => {
                    return self.in_node(wanted).await.map_err(|there| Error::Pull {
                        reference,
                        message: format!("{message}; nor in the node: {}", there.said()),
                    });
                }
                Err(error) => return Err(error),
            },
        };
        bring(engine, node, &wanted.reference, &image, step).await?;
        Ok(image.id)
    }

    /// Pulls in the node what the engine could not.
    async fn in_node(&self, wanted: &Wanted) -> Result<String, Error> {
        let Deliverer {
            engine,
            node,
            sources,
            step,
            ..
        } = *self;
        let platform = format!("linux/{}", self.architecture);
        pull_in_node(engine, node, wanted, &platform, sources, step).await?;
        let store = NodeStore::read(engine, node).await?;
        let identity = store.identity(&wanted.reference);
        identity.ok_or_else(|| Error::Import {
            reference: wanted.reference.clone(),
            reason: "it is not there after the pull".into(),
            tail: Vec::new(),
        })
    }
}

async fn bring(
    engine: &dyn Engine,
    node: &str,
    reference: &str,
    image: &Image,
    step: &Step,
) -> Result<(), Error> {
    let platform = format!("{}/{}", image.os, image.architecture);
    let argv = [
        "ctr",
        "-n",
        "k8s.io",
        "images",
        "import",
        "--platform",
        &platform,
        "-",
    ];
    let (counted, progress) = counted(engine.export(reference, image));
    let import = engine.exec(node, &argv, Some(counted));
    tokio::pin!(import);
    let name = short(reference);
    let output = loop {
        let done = progress.load(Ordering::Relaxed);
        step.bytes(name, done, Some(image.size.max(done)));
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
            reference: reference.to_owned(),
            reason: lines.last().cloned().unwrap_or_default(),
            tail: lines,
        });
    }
    note_source(engine, node, reference, image).await
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
