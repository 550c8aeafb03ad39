//! The permissions that the program needs in an existing cluster, in one table. The
//! preflight check asks for each of them, and `render --role` prints them as a Role.

use crate::kube::Permission;

/// A resource, what the program does with it, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Right {
    /// Empty for the core group.
    pub(crate) group: &'static str,
    /// Such as `pods` or `pods/log`.
    pub(crate) resource: &'static str,
    pub(crate) verbs: &'static [&'static str],
    pub(crate) scope: Scope,
    pub(crate) need: Need,
    /// What the program does with it; for an optional right, what it cannot do without it.
    pub(crate) why: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The namespace of the server.
    Namespace,
    /// The whole cluster.
    Cluster,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Always,
    /// Only to create the namespace.
    NewNamespace,
    /// Without it, a check is left out.
    Optional,
}

/// Server-side apply reads an object before, and needs `create` if it does not exist yet.
const MANAGE: &[&str] = &["get", "list", "create", "patch", "delete"];

const fn right(
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
    why: &'static str,
) -> Right {
    Right {
        group,
        resource,
        verbs,
        scope: Scope::Namespace,
        need: Need::Always,
        why,
    }
}

const fn optional(group: &'static str, resource: &'static str, why: &'static str) -> Right {
    Right {
        group,
        resource,
        verbs: &["list"],
        scope: Scope::Cluster,
        need: Need::Optional,
        why,
    }
}

/// All permissions.
#[rustfmt::skip]
pub(crate) const RIGHTS: &[Right] = &[
    right("", "secrets", MANAGE, "keys, passwords and revisions"),
    right("", "configmaps", MANAGE, "configuration of the servers"),
    right("", "services", MANAGE, "addresses of the servers"),
    right("", "persistentvolumeclaims", MANAGE, "data; deleted only by `down --purge`"),
    right("", "pods", MANAGE, "status, and the check of external databases"),
    right("apps", "deployments", MANAGE, "servers"),
    right("apps", "statefulsets", MANAGE, "databases"),
    right("batch", "jobs", MANAGE, "first start of a replica set of MongoDB"),
    right("policy", "poddisruptionbudgets", MANAGE, "servers with several replicas"),
    right("networking.k8s.io", "ingresses", MANAGE, "host names"),
    right("apps", "replicasets", &["list"], "status of the servers"),
    right("", "events", &["list"], "causes of problems in `status`"),
    right("", "pods/log", &["get"], "`logs`, and causes of crashes"),
    // WebSocket requests are `get`; newer versions of Kubernetes check `create` as well.
    right("", "pods/portforward", &["get", "create"], "`forward`, and checks without another address"),
    right("", "namespaces", &["get"], "state and pod security level of the namespace"),
    Right { scope: Scope::Namespace, ..optional("", "resourcequotas", "quotas of the namespace") },
    Right { scope: Scope::Namespace, ..optional("", "limitranges", "limit ranges of the namespace") },
    Right {
        verbs: &["create"],
        scope: Scope::Cluster,
        need: Need::NewNamespace,
        ..right("", "namespaces", &[], "creates the namespace if it does not exist")
    },
    optional("storage.k8s.io", "storageclasses", "storage classes"),
    optional("storage.k8s.io", "csidrivers", "provisioners of the storage classes"),
    optional("networking.k8s.io", "ingressclasses", "ingress classes"),
    optional("", "nodes", "size and architecture of the nodes"),
    optional("coordination.k8s.io", "leases", "reports of the nodes"),
    optional("", "pods", "free memory and processors of the nodes"),
    optional("", "services", "node ports of other services"),
];

impl Right {
    /// Returns the resource with its group, as kubectl writes it: `deployments.apps`.
    pub(crate) fn name(&self) -> String {
        match self.group {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        }
    }

    /// Returns each verb as a permission.
    pub(crate) fn permissions<'a>(
        &'a self,
        namespace: &'a str,
    ) -> impl Iterator<Item = Permission<'a>> {
        self.verbs.iter().map(move |verb| Permission {
            verb,
            group: self.group,
            resource: self.resource,
            namespace: match self.scope {
                Scope::Namespace => Some(namespace),
                Scope::Cluster => None,
            },
        })
    }
}

#[cfg(test)]
mod tests;
