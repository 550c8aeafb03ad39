//! Pulls missing images, in the node or with Docker. If one of them cannot pull, the
//! other tries.

use super::in_node::InNode;
use super::pulled::Manifest;
use super::store::NodeStore;
use super::{Error, Refusal, RequiredImage, Sources, pull};
use crate::docker::{Engine, Image, exec_ok};
use crate::event::Step;
use crate::settings::Pull;

/// Pulls images for one node.
#[derive(Clone, Copy)]
pub(super) struct Puller<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) node: &'a str,
    pub(super) architecture: &'a str,
    pub(super) sources: &'a Sources,
    pub(super) step: &'a Step,
}

/// Where a pulled image is.
pub(super) enum Pulled {
    /// In Docker's store.
    Engine(Image),
    /// In the node.
    Node(Manifest),
}

impl Puller<'_> {
    /// Pulls an image as `--pull` specifies.
    pub(super) async fn pull(&self, wanted: &RequiredImage) -> Result<Pulled, Error> {
        match self.sources.pull {
            Pull::Engine => self.pull_in_engine(wanted).await,
            Pull::Node => self.pull_in_node(wanted, false).await.map(Pulled::Node),
            Pull::Auto => match self.pull_in_node(wanted, true).await {
                Err(error) if self.engine_may_help(wanted, &error).await => {
                    self.fall_back_to_engine(wanted, error).await
                }
                result => result.map(Pulled::Node),
            },
        }
    }

    /// Pulls an image into Docker's store, so that it outlives the node. If that fails,
    /// pulls it into the current node, which shows that the next node can pull it.
    pub(super) async fn pull_before_change(&self, wanted: &RequiredImage) -> Result<(), Error> {
        if self.sources.pull == Pull::Node {
            return self.pull_in_node(wanted, false).await.map(|_| ());
        }
        let engine = match self.pull_in_engine(wanted).await {
            Err(error @ Error::Pull { .. }) if self.sources.pull == Pull::Auto => error,
            result => return result.map(|_| ()),
        };
        let node = self.pull_in_node(wanted, false).await;
        node.map(|_| ())
            .map_err(|node| combined(engine, "in the node", node))
    }

    /// Returns whether Docker may succeed where the node failed: it has its own proxies,
    /// certificates and mirrors, emulates other platforms, and supports tokens.
    async fn engine_may_help(&self, wanted: &RequiredImage, error: &Error) -> bool {
        match error {
            Error::Unauthorized { .. } | Error::NotFound { .. } => {
                let source = self.sources.resolve(&wanted.reference);
                let login = self.sources.credentials(&source, self.step).await;
                login.is_some_and(|login| login.password().is_none())
            }
            Error::Pull { .. } | Error::RateLimited { .. } => true,
            Error::NoPlatform { .. } => self.architecture != "amd64",
            _ => false,
        }
    }

    async fn pull_in_engine(&self, wanted: &RequiredImage) -> Result<Pulled, Error> {
        let image = pull(
            self.engine,
            wanted,
            self.architecture,
            self.sources,
            self.step,
        );
        image.await.map(Pulled::Engine)
    }

    async fn fall_back_to_engine(
        &self,
        wanted: &RequiredImage,
        node: Error,
    ) -> Result<Pulled, Error> {
        let source = self.sources.resolve(&wanted.reference);
        let why = match &node {
            Error::Pull { message, .. } | Error::RateLimited { message, .. } => {
                let refusal = Refusal::of(message, Some(&source));
                Some(refusal.description().unwrap_or(message))
            }
            Error::Unauthorized { .. } | Error::NotFound { .. } => Some("the login is a token"),
            _ => None,
        };
        if let Some(why) = why {
            self.step.warn(format!(
                "Docker pulls from {} because the node cannot: {why}",
                source.registry()
            ));
        }
        let pulled = self.pull_in_engine(wanted).await;
        pulled.map_err(|engine| match &node {
            Error::Pull { .. } | Error::RateLimited { .. } => combined(node, "with Docker", engine),
            _ => engine,
        })
    }

    /// Pulls an image into the node, and tags it with its own name if it comes from a
    /// mirror.
    pub(super) async fn pull_in_node(
        &self,
        wanted: &RequiredImage,
        has_fallback: bool,
    ) -> Result<Manifest, Error> {
        let (engine, node, reference) = (self.engine, self.node, &wanted.reference);
        let platform = format!("linux/{}", self.architecture);
        let pull = InNode {
            engine,
            node,
            sources: self.sources,
            step: self.step,
        };
        let source = pull.pull(wanted, &platform, has_fallback).await?;
        let store = NodeStore::read(engine, node).await?;
        let digest = store.digest(&source).ok_or_else(|| Error::Import {
            references: vec![reference.clone()],
            reason: format!(
                "{} is missing in the node after the pull",
                source.canonical()
            ),
            tail: Vec::new(),
        })?;
        let manifest = Manifest::read(engine, node, digest, &platform, reference).await?;
        let name = reference.canonical();
        if source.canonical() != name {
            let argv = [
                "ctr",
                "-n",
                "k8s.io",
                "images",
                "tag",
                "--force",
                &source.canonical(),
                &name,
            ];
            exec_ok(engine, node, "tag an image in the node", &argv).await?;
        }
        NodeStore::label_source(engine, node, &name, &manifest.config, digest).await?;
        Ok(manifest)
    }
}

/// Combines the errors of two failed pulls; `how` describes the second. If the registry
/// answered the second, only that error is useful.
fn combined(first: Error, how: &str, second: Error) -> Error {
    match (first, second) {
        (
            Error::Pull { reference, message } | Error::RateLimited { reference, message },
            second @ (Error::Pull { .. } | Error::RateLimited { .. }),
        ) => Error::Pull {
            reference,
            message: format!("{message}; {how}: {}", second.message()),
        },
        (_, second) => second,
    }
}
