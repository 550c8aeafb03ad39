//! What values depend on besides the user and the release: the place where the server runs.

use crate::namespace::Namespace;
use crate::profile::Profile;

/// The place where the server runs.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// A local node, which belongs to the instance.
    Node {
        /// The profile of the host, whose memory sizes are the defaults.
        profile: &'a Profile,
        /// The ingress controller of the instance, if it has one (`--with-ingress`).
        controller: Option<Controller>,
    },
    /// An existing cluster. It provides volumes, load balancers and ingress controllers, and
    /// the values determine requests and limits.
    Cluster {
        /// The namespace of the server.
        namespace: &'a Namespace,
    },
}

/// The properties of the ingress controller that values depend on.
#[derive(Debug, Clone, Copy)]
pub struct Controller {
    /// The ingress class that it serves.
    pub class: &'static str,
    /// The node ports that it uses.
    pub node_ports: [u16; 2],
}

impl<'a> Target<'a> {
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self, Target::Cluster { .. })
    }

    /// Returns the profile of a local node's host.
    pub(super) fn profile(&self) -> Option<&'a Profile> {
        match self {
            Target::Node { profile, .. } => Some(profile),
            Target::Cluster { .. } => None,
        }
    }

    pub(super) fn controller(&self) -> Option<&Controller> {
        match self {
            Target::Node { controller, .. } => controller.as_ref(),
            Target::Cluster { .. } => None,
        }
    }

    /// Returns the name of the namespace with the server.
    pub(super) fn namespace(&self) -> &'a str {
        match self {
            Target::Node { .. } => Namespace::DEFAULT,
            Target::Cluster { namespace } => namespace.as_str(),
        }
    }
}
