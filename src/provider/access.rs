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
