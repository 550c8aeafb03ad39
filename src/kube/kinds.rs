//! Maps the kind of an object to its resource, with a table of the kinds that we use, and
//! with discovery for others.

use ::kube::Api;
use ::kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use ::kube::discovery::{self, Scope};
use serde_json::Value;

use super::calls::with_retries;
use super::{Cluster, Error};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    group: &'static str,
    version: &'static str,
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    pub(super) namespaced: bool,
    /// Whether prune may delete objects of this kind.
    pub(crate) pruned: bool,
}

pub(super) const fn kind(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    namespaced: bool,
    pruned: bool,
) -> Kind {
    Kind {
        group,
        version,
        kind,
        plural,
        namespaced,
        pruned,
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// Group, version, kind, plural, namespaced, pruned. Volumes, claims and namespaces
/// contain data, so they are never pruned.
#[rustfmt::skip]
pub(crate) const KINDS: [Kind; 21] = [
    kind("", "v1", "Namespace", "namespaces", false, false),
    kind("", "v1", "PersistentVolume", "persistentvolumes", false, false),
    kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims", true, false),
    kind("", "v1", "Secret", "secrets", true, true),
    kind("", "v1", "ConfigMap", "configmaps", true, true),
    kind("", "v1", "Service", "services", true, true),
    kind("", "v1", "ServiceAccount", "serviceaccounts", true, true),
    kind("", "v1", "Pod", "pods", true, true),
    kind("apps", "v1", "Deployment", "deployments", true, true),
    kind("apps", "v1", "StatefulSet", "statefulsets", true, true),
    kind("apps", "v1", "DaemonSet", "daemonsets", true, true),
    kind("batch", "v1", "Job", "jobs", true, true),
    kind("batch", "v1", "CronJob", "cronjobs", true, true),
    kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", true, true),
    kind("networking.k8s.io", "v1", "Ingress", "ingresses", true, true),
    kind("networking.k8s.io", "v1", "IngressClass", "ingressclasses", false, true),
    kind("storage.k8s.io", "v1", "StorageClass", "storageclasses", false, true),
    kind(RBAC, "v1", "Role", "roles", true, true),
    kind(RBAC, "v1", "RoleBinding", "rolebindings", true, true),
    kind(RBAC, "v1", "ClusterRole", "clusterroles", false, true),
    kind(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", false, true),
];

/// The kinds that the program creates in a cluster that has other users. It looks for no
/// others there: the user needs no permission to list them.
const IN_SHARED_CLUSTERS: [&str; 10] = [
    "PersistentVolumeClaim",
    "Secret",
    "ConfigMap",
    "Service",
    "Pod",
    "Deployment",
    "StatefulSet",
    "Job",
    "PodDisruptionBudget",
    "Ingress",
];

/// Returns the API groups and resources of the kinds that the program creates in a cluster
/// that has other users.
#[cfg(test)]
pub(crate) fn resources_in_shared_clusters() -> impl Iterator<Item = (&'static str, &'static str)> {
    let created = KINDS
        .iter()
        .filter(|kind| IN_SHARED_CLUSTERS.contains(&kind.kind));
    created.map(|kind| (kind.group, kind.plural))
}

impl Kind {
    pub(crate) fn resource(&self) -> ApiResource {
        let gvk = GroupVersionKind::gvk(self.group, self.version, self.kind);
        ApiResource::from_gvk_with_plural(&gvk, self.plural)
    }
}

/// The resource of an object's kind.
#[derive(Debug, Clone)]
pub(crate) struct Resolved {
    pub(crate) resource: ApiResource,
    pub(crate) namespaced: bool,
}

/// The identity of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) api_version: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
}

impl Identity {
    pub(crate) fn of(object: &Value) -> Result<Self, Error> {
        let text = |pointer: &str| {
            let found = object.pointer(pointer).and_then(Value::as_str);
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let required = |pointer: &str| {
            text(pointer).ok_or_else(|| Error::Object {
                problem: match text("/kind") {
                    Some(kind) => format!("a {kind} without {}", pointer.trim_start_matches('/')),
                    None => "it has no kind".to_owned(),
                },
            })
        };
        Ok(Identity {
            kind: required("/kind")?,
            api_version: required("/apiVersion")?,
            name: required("/metadata/name")?,
            namespace: text("/metadata/namespace"),
        })
    }

    /// Returns the API group; empty for the core group.
    pub(crate) fn group(&self) -> &str {
        self.api_version
            .split_once('/')
            .map_or("", |(group, _)| group)
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// Looks up the resource of an object in the table.
fn in_table(identity: &Identity) -> Option<Resolved> {
    KINDS
        .iter()
        .find(|kind| {
            kind.kind == identity.kind && kind.resource().api_version == identity.api_version
        })
        .map(|kind| Resolved {
            resource: kind.resource(),
            namespaced: kind.namespaced,
        })
}

impl Cluster {
    /// Returns the API for a kind of the table, in the server's namespace if it is
    /// namespaced.
    pub(super) fn api_of_kind(&self, kind: Kind) -> Api<DynamicObject> {
        let resource = kind.resource();
        match kind.namespaced {
            true => Api::namespaced_with(self.client(), self.namespace().as_str(), &resource),
            false => Api::all_with(self.client(), &resource),
        }
    }

    /// Returns the kinds of the objects that the program creates in this cluster.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &'static Kind> {
        let is_shared = self.is_shared();
        KINDS
            .iter()
            .filter(move |kind| !is_shared || IN_SHARED_CLUSTERS.contains(&kind.kind))
    }

    /// Finds the resource of an object: in the table, otherwise by discovery.
    pub(crate) async fn resolve(&self, identity: &Identity) -> Result<Resolved, Error> {
        if let Some(resolved) = in_table(identity) {
            return Ok(resolved);
        }
        let (group, version) = match identity.api_version.split_once('/') {
            Some((group, version)) => (group, version),
            None => ("", identity.api_version.as_str()),
        };
        let gvk = GroupVersionKind::gvk(group, version, &identity.kind);
        let client = self.client();
        let what = format!("find the kind of {identity}");
        let (resource, capabilities) =
            with_retries(&what, || discovery::pinned_kind(&client, &gvk)).await?;
        Ok(Resolved {
            resource,
            namespaced: capabilities.scope == Scope::Namespaced,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_kind_is_found_only_with_its_version() {
        let current = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "x"}});
        let old = json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget", "metadata": {"name": "x"}});
        let found = in_table(&Identity::of(&current).unwrap()).unwrap();
        assert_eq!(found.resource.plural, "poddisruptionbudgets");
        assert!(found.namespaced);
        assert!(in_table(&Identity::of(&old).unwrap()).is_none());
    }

    #[test]
    fn kinds_with_data_are_never_pruned() {
        for kind in KINDS.iter().filter(|kind| !kind.pruned) {
            assert!(
                ["Namespace", "PersistentVolume", "PersistentVolumeClaim"].contains(&kind.kind)
            );
        }
        assert_eq!(KINDS.iter().filter(|kind| !kind.pruned).count(), 3);
    }

    #[test]
    fn an_object_without_a_name_is_refused() {
        let error = Identity::of(&json!({"apiVersion": "v1", "kind": "Secret"})).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot apply an object: a Secret without metadata/name"
        );
    }
}
