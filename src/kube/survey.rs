//! Reads what the checks before an installation in an existing cluster need to know.

use std::fmt::Debug;

use ::kube::Api;
use ::kube::api::{DynamicObject, ListParams, PostParams};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::core::v1::{
    LimitRange, Namespace, Node, PersistentVolumeClaim, Pod, ResourceQuota, Secret, Service,
};
use k8s_openapi::api::networking::v1::IngressClass;
use k8s_openapi::api::storage::v1::{CSIDriver, StorageClass};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::apply::PARALLEL;
use super::calls::read;
use super::kinds::Identity;
use super::{Cluster, Error};

/// What was read, or that the user may not read it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Observed<T> {
    Known(T),
    Denied,
}

impl<T> Observed<T> {
    /// Returns what was read.
    pub(crate) fn known(&self) -> Option<&T> {
        match self {
            Observed::Known(known) => Some(known),
            Observed::Denied => None,
        }
    }
}

impl<T: Default> Default for Observed<T> {
    fn default() -> Self {
        Observed::Known(T::default())
    }
}

/// What a cluster and a namespace in it have.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    /// Such as `1.37.2`.
    pub(crate) version: String,
    /// `None` if the namespace does not exist.
    pub(crate) namespace: Observed<Option<Namespace>>,
    pub(crate) storage_classes: Observed<Vec<StorageClass>>,
    pub(crate) drivers: Observed<Vec<CSIDriver>>,
    pub(crate) ingress_classes: Observed<Vec<IngressClass>>,
    pub(crate) nodes: Observed<Vec<Node>>,
    /// The services of all namespaces.
    pub(crate) services: Observed<Vec<Service>>,
    /// The pods of all namespaces that have not finished.
    pub(crate) pods: Observed<Vec<Pod>>,
    pub(crate) claims: Observed<Vec<PersistentVolumeClaim>>,
    pub(crate) quotas: Observed<Vec<ResourceQuota>>,
    pub(crate) limits: Observed<Vec<LimitRange>>,
    /// The Secrets of the namespace, without their content.
    pub(crate) secrets: Observed<Vec<ObjectMeta>>,
}

/// A permission of the user: a verb and a resource, such as `pods/log`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Permission<'a> {
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    /// `None` for all namespaces, and for resources without a namespace.
    pub(crate) namespace: Option<&'a str>,
}

impl Cluster {
    /// Reads everything in parallel. What the user may not read is `Denied`.
    pub(crate) async fn survey(&self, namespace: &str) -> Result<Survey, Error> {
        let client = || self.client();
        let all = ListParams::default();
        let unfinished =
            ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed");
        let secrets: Api<Secret> = Api::namespaced(client(), namespace);
        let namespaces: Api<Namespace> = Api::all(client());
        // First, alone: if the credentials are refused, there is one error.
        let version = self.version().await?;
        let secrets = read("list secrets", || secrets.list_metadata(&all));
        let lists = async {
            tokio::try_join!(
                async {
                    tokio::try_join!(
                        observed(read("read the namespace", || namespaces.get_opt(namespace))),
                        list(Api::all(client()), "storageclasses", &all),
                        list(Api::all(client()), "csidrivers", &all),
                        list(Api::all(client()), "ingressclasses", &all),
                    )
                },
                async {
                    tokio::try_join!(
                        list(Api::all(client()), "nodes", &all),
                        list(Api::all(client()), "services", &all),
                        list(Api::all(client()), "pods", &unfinished),
                        list(
                            Api::namespaced(client(), namespace),
                            "persistentvolumeclaims",
                            &all
                        ),
                    )
                },
                async {
                    tokio::try_join!(
                        list(Api::namespaced(client(), namespace), "resourcequotas", &all),
                        list(Api::namespaced(client(), namespace), "limitranges", &all),
                        observed(secrets),
                    )
                },
            )
        };
        let (
            (namespace, storage_classes, drivers, ingress_classes),
            (nodes, services, pods, claims),
            (quotas, limits, secrets),
        ) = Box::pin(lists).await?;
        Ok(Survey {
            version,
            namespace,
            storage_classes,
            drivers,
            ingress_classes,
            nodes,
            services,
            pods,
            claims,
            quotas,
            limits,
            secrets: match secrets {
                Observed::Known(list) => {
                    Observed::Known(list.items.into_iter().map(|item| item.metadata).collect())
                }
                Observed::Denied => Observed::Denied,
            },
        })
    }

    /// Asks the cluster whether the user has each of these permissions.
    pub(crate) async fn review(
        &self,
        permissions: &[Permission<'_>],
    ) -> Result<Observed<Vec<bool>>, Error> {
        let reviewed = permissions.iter().map(|permission| self.may(*permission));
        let reviewed = stream::iter(reviewed).buffered(PARALLEL);
        observed(reviewed.try_collect()).await
    }

    async fn may(&self, permission: Permission<'_>) -> Result<bool, Error> {
        let (resource, subresource) = match permission.resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (permission.resource, None),
        };
        let review = SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec {
                resource_attributes: Some(ResourceAttributes {
                    group: Some(permission.group.to_owned()),
                    resource: Some(resource.to_owned()),
                    subresource,
                    verb: Some(permission.verb.to_owned()),
                    namespace: permission.namespace.map(str::to_owned),
                    ..ResourceAttributes::default()
                }),
                ..SelfSubjectAccessReviewSpec::default()
            },
            ..SelfSubjectAccessReview::default()
        };
        let api: Api<SelfSubjectAccessReview> = Api::all(self.client());
        let parameters = PostParams::default();
        let what = "check your permissions";
        let answer = read(what, || api.create(&parameters, &review)).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }

    /// Returns the objects of the cluster that have the kinds and names of these, without
    /// those that the user may not read.
    pub(crate) async fn live_objects(
        &self,
        objects: &[Value],
        namespace: &str,
    ) -> Result<Vec<Value>, Error> {
        let live = objects
            .iter()
            .map(|object| self.live_object(object, namespace));
        let live: Vec<Option<Value>> = stream::iter(live).buffered(PARALLEL).try_collect().await?;
        Ok(live.into_iter().flatten().collect())
    }

    async fn live_object(&self, object: &Value, namespace: &str) -> Result<Option<Value>, Error> {
        let identity = Identity::of(object)?;
        let resolved = self.resolve(&identity).await?;
        let api: Api<DynamicObject> = match resolved.namespaced {
            true => Api::namespaced_with(self.client(), namespace, &resolved.resource),
            false => Api::all_with(self.client(), &resolved.resource),
        };
        let what = format!("read {identity}");
        let found = observed(read(&what, || api.get_opt(&identity.name))).await?;
        let found = found.known().cloned().flatten();
        Ok(found.and_then(|found| serde_json::to_value(found).ok()))
    }
}

async fn list<K>(
    api: Api<K>,
    what: &str,
    parameters: &ListParams,
) -> Result<Observed<Vec<K>>, Error>
where
    K: Clone + Debug + DeserializeOwned,
{
    let what = format!("list {what}");
    Ok(
        match observed(read(&what, || api.list(parameters))).await? {
            Observed::Known(list) => Observed::Known(list.items),
            Observed::Denied => Observed::Denied,
        },
    )
}

async fn observed<T>(read: impl Future<Output = Result<T, Error>>) -> Result<Observed<T>, Error> {
    match read.await {
        Ok(known) => Ok(Observed::Known(known)),
        Err(Error::Refused { status: 403, .. }) => Ok(Observed::Denied),
        Err(error) => Err(error),
    }
}
