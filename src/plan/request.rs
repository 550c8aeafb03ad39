//! What the user asks of `up` and `start`.

use std::path::PathBuf;

use crate::interrupt::Interrupt;
use crate::options::Options;
use crate::path::HostPath;
use crate::proxy::Proxies;

#[derive(Debug, Clone)]
pub struct Request {
    pub options: Options,
    /// Whether to keep a node whose kubeadm failed.
    pub retain: bool,
    /// Whether to roll back to the last good revision on failure.
    pub atomic: bool,
    /// Whether to create new keys if those of the instance are lost.
    pub new_keys: bool,
    /// A signal that ends `up`. With `atomic`, it starts a rollback.
    pub interrupt: Interrupt,
    /// The revision to roll back to, for `rollback`.
    pub back_to: Option<RollbackTarget>,
    /// The proxies of the environment or of Docker's configuration.
    pub proxies: Proxies,
    /// The directory of Docker's configuration.
    pub docker_config: Option<PathBuf>,
    pub user_kubeconfig: Option<HostPath>,
}

impl Request {
    /// Creates a request that differs from the earlier settings only by these options.
    pub(crate) fn new(options: Options) -> Request {
        Request {
            options,
            retain: false,
            atomic: false,
            new_keys: false,
            interrupt: Interrupt::never(),
            back_to: None,
            proxies: Proxies::default(),
            docker_config: None,
            user_kubeconfig: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RollbackTarget {
    /// The number of the revision. By default, the last good one before the current revision.
    pub number: Option<u32>,
    /// Whether to restore only its values and keep the release.
    pub keep_release: bool,
}
