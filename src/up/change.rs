//! What a change needs, before anything is stopped for it: a server that runs is worth
//! more than one that was asked for and cannot be had.

use super::{Plan, Request, data, node};
use crate::docker::{Container, Engine, EngineInfo};
use crate::error::{Error, Result};
use crate::event::Events;
use crate::images::{self, Delivery, Wanted};
use crate::node::spec;
use crate::settings::Instance;
use crate::state::StateDir;

/// How an `up` changes the node that is there.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// This instance's node, if there is one.
    node: Option<Container>,
    /// Whether it must be recreated, or its data move.
    recreates: bool,
    /// The settings that are in force, if an earlier `up` kept any.
    kept: Option<Instance>,
}

impl Change {
    /// Compares the plan with the node that is there.
    pub(super) async fn look(
        plan: &Plan,
        state: &StateDir,
        engine: &dyn Engine,
        info: &EngineInfo,
    ) -> Result<Change> {
        let node = engine.container(&spec::name(&plan.name)).await?;
        let node = node.filter(|node| spec::is_ours(node, &plan.name));
        let differs = |node: &Container| !plan.differences(node, info).is_empty();
        Ok(Change {
            recreates: data::moved(plan).is_some() || node.as_ref().is_some_and(differs),
            node,
            kept: state.instance()?,
        })
    }

    /// Whether a node is created for the plan: then its settings are in force from that
    /// moment on.
    pub(super) fn creates_node(&self) -> bool {
        self.recreates || self.node.is_none()
    }

    /// Gets every image that the plan needs to where the node that comes will find it:
    /// into the node that runs where its image volume is kept, else into the engine.
    /// Returns what was delivered, if it was to a node.
    ///
    /// # Errors
    /// When an image cannot be had. The server was not touched then.
    pub(super) async fn fetch_images(
        &self,
        plan: &Plan,
        request: &Request,
        engine: &dyn Engine,
        info: &EngineInfo,
        events: &Events,
    ) -> Result<Option<Delivery>> {
        let asked = self.recreates || self.kept.as_ref() != Some(&plan.instance);
        let Some(node) = self.node.as_ref().filter(|_| asked) else {
            return Ok(None);
        };
        let fetched = self.fetch(plan, request, engine, info, node, events).await;
        fetched.map_err(|error| {
            error.with_detail("nothing was changed, and the new settings are not kept")
        })
    }

    async fn fetch(
        &self,
        plan: &Plan,
        request: &Request,
        engine: &dyn Engine,
        info: &EngineInfo,
        node: &Container,
        events: &Events,
    ) -> Result<Option<Delivery>> {
        let (wanted, sources) = (plan.images(), plan.sources(request));
        let architecture = &info.architecture;
        let serves = node.running && node::serves(engine, &node.name).await?;
        let keeps_images = match engine.image(&plan.instance.node_image).await? {
            Some(image) => {
                let volume = spec::image_volume(&plan.name, &image.id);
                node.mounts.iter().any(|(source, _)| *source == volume)
            }
            None => false,
        };
        if serves && keeps_images {
            node::trust(plan, engine, &node.name).await?;
            let delivery =
                images::deliver(engine, &node.name, &wanted, architecture, &sources, events);
            return Ok(Some(delivery.await?));
        }
        if !self.recreates {
            return Ok(None);
        }
        // The volume of a stopped node cannot be asked, but has what it ran with.
        let former = match &self.kept {
            Some(kept) if keeps_images => former_images(plan, kept, info),
            _ => Vec::new(),
        };
        let mut missing = vec![Wanted::of(&plan.instance.node_image)];
        missing.extend(wanted.into_iter().filter(|image| !former.contains(image)));
        let through = serves.then_some(node.name.as_str());
        images::fetch(engine, through, &missing, architecture, &sources, events).await?;
        Ok(None)
    }
}

fn former_images(plan: &Plan, kept: &Instance, info: &EngineInfo) -> Vec<Wanted> {
    let former = Plan::new(plan.name.clone(), kept.clone(), None, info);
    former.map_or_else(|_| Vec::new(), |former| former.images())
}

/// Adds to an error how to take back what was asked for, where it is kept although it
/// failed: every later `up` would ask for it again. `before` is what was kept before, and
/// `good` the revision that can be gone back to.
pub(super) fn with_way_back(
    error: Error,
    before: Option<&Instance>,
    state: &StateDir,
    good: Option<u32>,
) -> Error {
    let (Some(before), Ok(Some(now))) = (before, state.instance()) else {
        return error;
    };
    let mut error = error;
    let flags = now.flags_back_to(before);
    if !flags.is_empty() {
        let flags = flags.join(" ");
        error = error.with_hint(format!("take the change back: clearml-local up {flags}"));
    }
    let chosen = now.clone().with_choice_of(before) != now;
    if let Some(good) = good.filter(|_| chosen) {
        error = error.with_hint(format!(
            "go back to the values of revision {good}: clearml-local rollback {good}"
        ));
    }
    error
}
