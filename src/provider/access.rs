//! How the server of an instance is reached.

use crate::kube::Forward;
use crate::probe::{Endpoints, Targets};

/// The addresses of a server.
#[derive(Debug)]
pub(crate) struct Access {
    /// The URLs for users.
    pub(crate) endpoints: Endpoints,
    /// The addresses for probes.
    pub(crate) targets: Targets,
    /// Such as a host name that does not resolve here.
    pub(crate) warnings: Vec<String>,
    /// Kept open for the probes, to servers without an address.
    pub(crate) forwards: Vec<Forward>,
}

impl Access {
    /// Returns the addresses at which this machine reaches the server as users do: their own, or
    /// those of the forwards if a server has none that answers.
    pub(crate) fn reachable(&self) -> &Endpoints {
        match self.forwards.is_empty() {
            true => &self.endpoints,
            false => self.targets.servers(),
        }
    }
}
