//! Why a server in a node can never become ready, whatever its own state is.

use async_trait::async_trait;

use super::addons::Addons;
use super::host::Disks;
use super::published::Published;
use crate::docker::Engine;
use crate::error::Result;
use crate::health::Stuck;

/// The checks of a node during the waits for its server.
pub(super) struct StuckNode<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) node: &'a str,
    pub(super) addons: Addons<'a>,
    pub(super) disks: Disks<'a>,
    pub(super) ports: Published,
}

#[async_trait(?Send)]
impl Stuck for StuckNode<'_> {
    async fn check_components(&mut self) -> Result<()> {
        self.disks.check()?;
        self.addons.check().await
    }

    async fn check_server(&mut self) -> Result<()> {
        self.disks.check()?;
        self.addons.check().await?;
        self.ports.check(self.engine, self.node).await
    }
}
