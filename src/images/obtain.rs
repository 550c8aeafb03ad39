//! Who pulls an image that nobody has: the node or Docker, and the other one where the
//! first cannot.

use super::in_node::InNode;
use super::store::NodeStore;
use super::unpacked::Manifest;
use super::{Error, Refusal, Sources, Wanted, pull};
use crate::docker::{Engine, Image, exec_ok};
use crate::event::Step;
use crate::settings::Pull;

/// What is needed to pull images for one node.
#[derive(Clone, Copy)]
pub(super) struct Puller<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) node: &'a str,
    pub(super) architecture: &'a str,
    pub(super) sources: &'a Sources,
    pub(super) step: &'a Step,
}

/// Where a pull left its image.
pub(super) enum Pulled {
    Engine(Image),
    Node(Manifest),
}

impl Puller<'_> {
    /// Pulls an image to where `--pull` says.
    pub(super) async fn pull(&self, wanted: &Wanted) -> Result<Pulled, Error> {
        match self.sources.pull {
            Pull::Engine => self.in_engine(wanted).await,
            Pull::Node => self.in_node(wanted, false).await.map(Pulled::Node),
            Pull::Auto => match self.in_node(wanted, true).await {
                Err(error) if self.engine_may_help(wanted, &error).await => {
                    self.in_engine_instead(wanted, error).await
                }
                result => result.map(Pulled::Node),
            },
        }
    }

    /// Pulls an image to where it outlives the node, or else into the node that is there:
    /// a proof that the next one can have it.
    pub(super) async fn pull_before_change(&self, wanted: &Wanted) -> Result<(), Error> {
        if self.sources.pull == Pull::Node {
            return self.in_node(wanted, false).await.map(|_| ());
        }
        let engine = match self.in_engine(wanted).await {
            Err(error @ Error::Pull { .. }) if self.sources.pull == Pull::Auto => error,
            result => return result.map(|_| ()),
        };
        let node = self.in_node(wanted, false).await;
        node.map(|_| ())
            .map_err(|node| both(engine, "in the node", node))
    }

    /// Whether Docker may reach what the node does not: it has proxies, certificates and
    /// mirrors of its own, runs other platforms by emulation, and takes tokens.
    async fn engine_may_help(&self, wanted: &Wanted, error: &Error) -> bool {
        match error {
            Error::Unauthorized { .. } | Error::NotFound { .. } => {
                let place = self.sources.place(&wanted.reference);
                let login = self.sources.credentials(&place, self.step).await;
                login.is_some_and(|login| login.password().is_none())
            }
            Error::Pull { .. } | Error::TooMany { .. } => true,
            Error::NoPlatform { .. } => self.architecture != "amd64",
            _ => false,
        }
    }

    async fn in_engine(&self, wanted: &Wanted) -> Result<Pulled, Error> {
        let image = pull(
            self.engine,
            wanted,
            self.architecture,
            self.sources,
            self.step,
        );
        image.await.map(Pulled::Engine)
    }

    async fn in_engine_instead(&self, wanted: &Wanted, node: Error) -> Result<Pulled, Error> {
        let place = self.sources.place(&wanted.reference);
        let why = match &node {
            Error::Pull { message, .. } | Error::TooMany { message, .. } => {
                let refusal = Refusal::of(message, Some(&place));
                Some(refusal.words().unwrap_or(message))
            }
            Error::Unauthorized { .. } | Error::NotFound { .. } => Some("the login is a token"),
            _ => None,
        };
        if let Some(why) = why {
            self.step.warn(format!(
                "Docker pulls from {} because the node cannot: {why}",
                place.registry()
            ));
        }
        let pulled = self.in_engine(wanted).await;
        pulled.map_err(|engine| match &node {
            Error::Pull { .. } | Error::TooMany { .. } => both(node, "with Docker", engine),
            _ => engine,
        })
    }

    /// Pulls an image into the node under its own name.
    pub(super) async fn in_node(
        &self,
        wanted: &Wanted,
        elsewhere: bool,
    ) -> Result<Manifest, Error> {
        let (engine, node, reference) = (self.engine, self.node, &wanted.reference);
        let platform = format!("linux/{}", self.architecture);
        let pull = InNode {
            engine,
            node,
            sources: self.sources,
            step: self.step,
        };
        let place = pull.pull(wanted, &platform, elsewhere).await?;
        let store = NodeStore::read(engine, node).await?;
        let digest = store.digest(&place).ok_or_else(|| Error::Import {
            references: vec![reference.clone()],
            reason: format!(
                "{} is missing in the node after the pull",
                place.canonical()
            ),
            tail: Vec::new(),
        })?;
        let manifest = Manifest::read(engine, node, digest, &platform, reference).await?;
        let name = reference.canonical();
        if place.canonical() != name {
            let argv = [
                "ctr",
                "-n",
                "k8s.io",
                "images",
                "tag",
                "--force",
                &place.canonical(),
                &name,
            ];
            exec_ok(engine, node, "tag an image in the node", &argv).await?;
        }
        NodeStore::note_source(engine, node, &name, &manifest.config, digest).await?;
        Ok(manifest)
    }
}

/// The error of two that failed, the second one `how`. Where the registry itself has
/// spoken to that one, it is what helps.
fn both(first: Error, how: &str, second: Error) -> Error {
    match (first, second) {
        (
            Error::Pull { reference, message } | Error::TooMany { reference, message },
            second @ (Error::Pull { .. } | Error::TooMany { .. }),
        ) => Error::Pull {
            reference,
            message: format!("{message}; {how}: {}", second.said()),
        },
        (_, second) => second,
    }
}
