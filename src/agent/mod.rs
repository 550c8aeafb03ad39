//! Agents: pods in the cluster that execute the queued tasks of the server. An agent executes
//! the tasks of one queue. Its objects are its own: `up` keeps them, and installs in a new
//! cluster the agents that the state directory lists.

mod adopt;
mod down;
mod error;
mod gpus;
mod manifest;
mod overview;
mod removed;
mod routes;
mod trust;
mod up;
mod work;

use crate::kube::Cluster;
use crate::probe::{self, Api};
use crate::provider::Access;
use crate::secrets::Credentials;
use crate::settings::Instance;

pub(crate) use self::adopt::{adopt, settings};
pub(crate) use self::down::down;
pub(crate) use self::overview::{Agent, Chosen, Overview, QueueLength, observe};
pub(crate) use self::up::{Wanted, restore, up};

/// A running server.
pub(crate) struct Server<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) settings: &'a Instance,
    /// The key pair for programs.
    pub(crate) credentials: &'a Credentials,
    pub(crate) access: &'a Access,
}

impl Server<'_> {
    /// Logs in to the API, at the address that this machine reaches.
    async fn api(&self) -> Result<Api, String> {
        let client = probe::client(&self.access.targets);
        let mut api = Api::at(client, &self.access.reachable().api);
        api.log_in(self.credentials).await?;
        Ok(api)
    }
}
