//! Fetching everything that a change needs before the server is stopped, so that a change that
//! is not possible does not stop a running server.

use super::images::{self, Loaded, RequiredImage, Sources};
use super::node::spec;
use super::run::Run;
use super::{data, ensure, recovery};
use crate::docker::{Container, EngineInfo};
use crate::error::Result;
use crate::plan::Plan;
use crate::settings::{Instance, Pull};

#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The node of the instance, if it exists.
    node: Option<Container>,
    recreates: bool,
    /// The settings saved by an earlier `up`.
    saved: Option<Instance>,
}

impl Change {
    /// Compares the plan with the existing node.
    pub(super) async fn find(run: &Run<'_>) -> Result<Change> {
        let Run { local, plan, .. } = *run;
        let node = recovery::node_of(local).await?;
        let differs = |node: &Container| !plan.differences(node, run.info).is_empty();
        Ok(Change {
            recreates: data::moved(plan).is_some() || node.as_ref().is_some_and(differs),
            node,
            saved: local.state.instance()?,
        })
    }

    /// Returns whether the plan needs a new node. If so, its settings are saved before the node
    /// is created.
    pub(super) fn creates_node(&self) -> bool {
        self.recreates || self.node.is_none()
    }

    /// Pulls every image that the plan needs: into the running node if its image volume is
    /// kept, or else into the engine. Returns what was loaded into the node, if anything.
    ///
    /// # Errors
    /// An image cannot be pulled. Nothing was changed then.
    pub(super) async fn fetch_images(&self, run: &Run<'_>) -> Result<Option<Loaded>> {
        let is_needed = self.recreates || self.saved.as_ref() != Some(&run.plan.instance);
        let Some(node) = self.node.as_ref().filter(|_| is_needed) else {
            return Ok(None);
        };
        let fetched = self.fetch(run, node).await;
        fetched.map_err(|error| {
            error.with_detail("nothing was changed, and the new settings are not kept")
        })
    }

    async fn fetch(&self, run: &Run<'_>, node: &Container) -> Result<Option<Loaded>> {
        let Run { local, plan, .. } = *run;
        let engine = local.engine();
        let (wanted, sources) = (plan.images(), plan.sources(run.request));
        let can_load = node.running && ensure::can_load_images(engine, &node.name).await?;
        let has_image_volume = match engine.image(&plan.instance.node.node_image).await? {
            Some(image) => {
                let volume = spec::image_volume(&plan.name, &image.id);
                node.mounts.iter().any(|(source, _)| *source == volume)
            }
            None => false,
        };
        if can_load && has_image_volume {
            ensure::trust(plan, engine, &node.name).await?;
            let (arrived, _) = images::arrivals();
            let delivery = images::load(local, &node.name, &wanted, &sources, arrived);
            return Ok(Some(delivery.await?));
        }
        if !self.recreates {
            return Ok(None);
        }
        // The volume of a stopped node cannot be read, but contains the images that the node
        // ran with.
        let former = match &self.saved {
            Some(saved) if has_image_volume => former_images(plan, saved, run.info),
            _ => Vec::new(),
        };
        // The node image must be in Docker, which creates the container from it.
        let node_image = [RequiredImage::of(plan.instance.node.node_image.clone())];
        let by_engine = Sources {
            pull: Pull::Engine,
            ..sources.clone()
        };
        images::pull_missing(local, None, &node_image, &by_engine).await?;
        let mut missing = wanted;
        missing.retain(|image| !former.contains(image));
        let through = can_load.then_some(node.name.as_str());
        images::pull_missing(local, through, &missing, &sources).await?;
        Ok(None)
    }
}

fn former_images(plan: &Plan, saved: &Instance, info: &EngineInfo) -> Vec<RequiredImage> {
    let former = Plan::new(plan.name.clone(), saved.clone(), None, info.memory);
    former.map_or_else(|_| Vec::new(), |former| former.images())
}
