//! The argument that the steps of `up` and `start` on a node share.

use super::Local;
use super::node::spec::{self, Difference, NodeSpec};
use crate::docker::{Container, EngineInfo};
use crate::manifests;
use crate::plan::{Plan, Request};
use crate::proxy::Proxies;
use crate::state::{AGENT_CACHE, Marker};

/// A run of `up` or `start`.
#[derive(Clone, Copy)]
pub(super) struct Run<'a> {
    pub(super) local: &'a Local<'a>,
    pub(super) info: &'a EngineInfo,
    pub(super) request: &'a Request,
    pub(super) plan: &'a Plan,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        local: &'a Local<'a>,
        info: &'a EngineInfo,
        request: &'a Request,
        plan: &'a Plan,
    ) -> Run<'a> {
        Run {
            local,
            info,
            request,
            plan,
        }
    }

    /// Returns the proxies for the node: the user's, or else the engine's.
    pub(super) fn proxies(&self) -> &'a Proxies {
        if self.request.proxies.is_empty() {
            &self.info.proxies
        } else {
            &self.request.proxies
        }
    }
}

impl Plan {
    /// Returns the marker for the data directory.
    pub fn marker(&self) -> Marker {
        let databases = self.release.databases.clone();
        let folders = manifests::data_dirs(&self.values).into_iter();
        let folders = folders.map(|(directory, _)| directory);
        // An agent may be added at any time.
        let folders = folders.chain([AGENT_CACHE.to_owned()]);
        Marker::new(&self.name, &self.release.name, databases).with_directories(folders)
    }

    /// Returns the specification of the node container.
    pub fn node<'a>(
        &'a self,
        image_id: &'a str,
        proxies: &'a Proxies,
        engine: &'a EngineInfo,
    ) -> NodeSpec<'a> {
        NodeSpec {
            name: &self.name,
            instance: &self.instance,
            node_ports: self.node_ports(),
            image_id,
            proxies,
            api_server_port: 0,
            device_mapper: spec::needs_device_mapper(&engine.storage_driver),
            gpus: engine.gpus.as_ref(),
        }
    }

    /// Returns the differences because of which the existing node must be recreated. Proxies
    /// are not compared.
    pub fn differences(&self, node: &Container, engine: &EngineInfo) -> Vec<Difference> {
        self.node("", &Proxies::default(), engine).differences(node)
    }
}
