//! A kind node in Docker. Everything that knows the engine and the node is here.

mod addons;
mod api;
mod change;
mod compare;
mod connection;
mod data;
mod ensure;
mod error;
#[cfg(test)]
mod fixtures;
mod host;
mod images;
mod ingress;
mod list;
mod logs;
mod look;
mod node;
mod own_part;
mod place;
mod preflight;
mod previous;
mod published;
mod recovery;
mod remove;
mod revive;
mod run;
mod stopped;
mod stuck;
#[cfg(test)]
mod tests;
mod warnings;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;

pub(crate) use self::connection::Connection;
#[cfg(test)]
pub(crate) use self::fixtures::{TestInstance, labels};
#[doc(hidden)]
pub use self::images::pull;
pub(crate) use self::images::refused_pull;
pub(crate) use self::list::nodes;
pub(crate) use self::logs::{Journal, JournalOptions};
pub(crate) use self::node::GPU_RUNTIME;
use self::recovery::Places;
use self::run::Run;
use super::{
    Access, Checked, ClusterState, Details, Differences, Facts, Fetched, GpuSource, KeySearch,
    OwnPart, Place, Previous, Provider, Recovery, Removal, Removed, Seen,
};
use crate::docker::{self, Engine, EngineInfo};
use crate::error::Result;
use crate::event::Events;
use crate::image_ref::ImageRef;
use crate::images::{Identities, RequiredImage, arrivals};
use crate::kube::Cluster;
use crate::kubectl::Kubectl;
use crate::logs::{LogOptions, Opened};
use crate::plan::{self, Plan, Request};
use crate::preflight::Finding;
use crate::probe::{Endpoints, Targets};
use crate::profile::Profile;
use crate::recovery::Found;
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, InstanceName};
use crate::state::StateDir;
use crate::words;

/// A node of this machine's Docker engine, for one instance.
pub(crate) struct Local<'a> {
    name: &'a InstanceName,
    state: &'a StateDir,
    engine: Arc<dyn Engine>,
    events: Events,
    /// The engine's information, as it was when it was last asked for.
    info: Mutex<Option<Arc<EngineInfo>>>,
}

impl<'a> Local<'a> {
    pub(crate) fn new(
        name: &'a InstanceName,
        state: &'a StateDir,
        engine: Arc<dyn Engine>,
        events: Events,
    ) -> Local<'a> {
        Local {
            name,
            state,
            engine,
            events,
            info: Mutex::new(None),
        }
    }

    fn engine(&self) -> &dyn Engine {
        &*self.engine
    }

    /// Returns the engine's information, for which it is asked once.
    async fn info(&self) -> Result<Arc<EngineInfo>, docker::Error> {
        let known = self
            .info
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match known {
            Some(known) => Ok(known),
            None => self.ask_for_info().await,
        }
    }

    async fn ask_for_info(&self) -> Result<Arc<EngineInfo>, docker::Error> {
        let info = Arc::new(self.engine.info().await?);
        *self.info.lock().unwrap_or_else(PoisonError::into_inner) = Some(info.clone());
        Ok(info)
    }

    fn facts_of(&self, info: &EngineInfo) -> Facts {
        let place = if info.in_virtual_machine() || info.is_from_snap() {
            DataPlace::Volume(node::spec::data_volume(self.name))
        } else {
            DataPlace::Directory(self.state.default_data_dir())
        };
        let cores = words::count(info.cpus.into(), "core");
        Facts {
            memory: info.memory,
            summary: format!(
                "Docker {} with {cores} and {}: profile {}",
                info.version,
                words::bytes(info.memory),
                Profile::for_memory(info.memory).name
            ),
            defaults: Instance::with_defaults(place),
        }
    }
}

#[async_trait(?Send)]
impl Provider for Local<'_> {
    /// Asks the engine again: the information contains its clock.
    async fn facts(&self) -> Result<Facts> {
        Ok(self.facts_of(&*self.ask_for_info().await?))
    }

    fn has_own_node(&self) -> bool {
        true
    }

    async fn gpus(&self) -> Result<GpuSource> {
        let node = recovery::node_of(self).await?;
        if node.is_some_and(|node| node.gpus) {
            return Ok(GpuSource::Node);
        }
        Ok(match self.info().await?.gpus {
            Some(_) => GpuSource::Machine,
            None => GpuSource::Nothing,
        })
    }

    fn kubectl(&self) -> Kubectl {
        Kubectl::in_node(&node::spec::name(self.name))
    }

    async fn access(&self, settings: &Instance) -> Result<Access> {
        Ok(Access {
            endpoints: Endpoints::of(settings),
            targets: Targets::of(settings),
            warnings: Vec::new(),
            forwards: Vec::new(),
        })
    }

    async fn previous(&self) -> Result<Previous> {
        previous::find(self).await
    }

    async fn cluster(&self) -> Result<ClusterState> {
        recovery::cluster_state(self).await
    }

    async fn keys(&self, search: KeySearch<'_>) -> Result<Found> {
        let node = recovery::node_of(self).await?;
        let mut data = vec![&search.settings.node.data_dir];
        data.extend(search.former_data_dir);
        let places = Places {
            cluster: search.cluster,
            node: node.as_ref(),
            unreachable: search.unreadable,
            data: &data,
            node_image: &search.settings.node.node_image,
            home: search.home,
        };
        recovery::find(self, places).await
    }

    async fn recover(
        &self,
        stored: Option<&Instance>,
        home: Option<&Secrets>,
        until: Instant,
    ) -> Result<Option<Recovery>> {
        let Some(node) = recovery::node_of(self).await? else {
            return Ok(None);
        };
        Ok(Some(Recovery {
            recovered: recovery::recover_until(self, &node, stored, home, until).await?,
            runs: node.can_exec(),
        }))
    }

    async fn start_to_read(&self) -> Result<()> {
        recovery::start_node(self).await?;
        Ok(())
    }

    async fn warnings(&self, plan: &Plan) -> Vec<String> {
        warnings::warnings(plan).await
    }

    async fn check(&self, plan: &Plan, request: &Request) -> Result<Checked> {
        let info = self.info().await?;
        preflight::check(&Run::new(self, &info, request, plan)).await
    }

    async fn check_reachable(&self, settings: &Instance) -> Result<Vec<Finding>> {
        preflight::reachable(self, settings).await
    }

    async fn compare(&self, plan: &Plan) -> Result<Differences> {
        compare::compare(self, plan).await
    }

    async fn identities(&self, plan: &Plan) -> Result<Identities> {
        let node = node::spec::name(self.name);
        let (wanted, pull) = (plan.images(), plan.instance.node.pull);
        let mut identities = images::identities(self.engine(), &node, &wanted, pull).await?;
        for image in wanted {
            let later = || "known after it is pulled".to_owned();
            identities.entry(image.reference).or_insert_with(later);
        }
        Ok(identities)
    }

    async fn fetch(&self, plan: &Plan, request: &Request) -> Result<Fetched> {
        let info = self.info().await?;
        let run = Run::new(self, &info, request, plan);
        let change = change::Change::find(&run).await?;
        Ok(Fetched {
            images: change.fetch_images(&run).await?,
            creates: change.creates_node(),
        })
    }

    async fn provide_image(
        &self,
        image: &ImageRef,
        settings: &Instance,
        request: &Request,
    ) -> Result<Identities> {
        let sources = plan::sources_of(settings, request);
        let wanted = [RequiredImage::of(image.clone())];
        let (arrived, _) = arrivals();
        let node = node::spec::name(self.name);
        let loaded = images::load(self, &node, &wanted, &sources, arrived).await?;
        Ok(loaded.identities)
    }

    async fn move_data(&self, plan: &Plan, request: &Request) -> Result<bool> {
        let info = self.info().await?;
        data::move_data(&Run::new(self, &info, request, plan)).await
    }

    async fn ensure<'p>(
        &'p self,
        plan: &'p Plan,
        request: &'p Request,
    ) -> Result<Box<dyn Place + 'p>> {
        Ok(Box::new(place::ensure(self, plan, request).await?))
    }

    async fn start<'p>(
        &'p self,
        plan: &'p Plan,
        request: &'p Request,
    ) -> Result<Box<dyn Place + 'p>> {
        Ok(Box::new(place::start(self, plan, request).await?))
    }

    async fn stop(&self) -> Result<bool> {
        remove::stop(self).await
    }

    /// The question of `down --purge` names no directories.
    async fn data(&self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn remove(&self, removal: Removal<'_>) -> Result<Removed> {
        remove::remove(self, removal).await
    }

    fn patience(&self) -> Duration {
        look::PATIENCE
    }

    async fn look(&self, stored: Option<&Instance>, began: Instant) -> Result<Seen> {
        look::look(self, stored, began).await
    }

    async fn details(&self, cluster: Option<&Cluster>, until: Instant) -> Details {
        look::details(self, cluster, until).await
    }

    async fn logs(&self, options: &LogOptions) -> Result<Opened> {
        logs::open(self, options).await
    }

    async fn journal(&self, options: JournalOptions) -> Result<(String, Journal)> {
        logs::open_journal(self, options).await
    }

    fn own_parts(&self) -> &'static [OwnPart] {
        &OwnPart::OF_NODE
    }

    async fn own_part(&self, part: OwnPart) -> Result<String> {
        own_part::read(self, part).await
    }
}
