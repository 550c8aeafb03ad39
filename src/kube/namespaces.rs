//! The namespace of a server in an existing cluster: creating it, what is in it, and deleting
//! the data.

use ::kube::Api;
use ::kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use k8s_openapi::api::core::v1::{Namespace, PersistentVolumeClaim, Secret};

use super::calls::with_retries;
use super::{Cluster, Error, INSTANCE_LABEL};

impl Cluster {
    /// Creates the namespace unless it exists. Returns whether it was created.
    pub(crate) async fn ensure_namespace(&self, instance: &str) -> Result<bool, Error> {
        let api: Api<Namespace> = Api::all(self.client());
        let name = self.namespace().as_str();
        let what = format!("read Namespace/{name}");
        match with_retries(&what, || api.get_opt(name)).await {
            Ok(Some(_)) => return Ok(false),
            Ok(None) => {}
            // Without the right to read it, it must exist.
            Err(Error::Refused { status: 403, .. }) => return Ok(false),
            Err(error) => return Err(error),
        }
        let namespace = Namespace {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some([(INSTANCE_LABEL.to_owned(), instance.to_owned())].into()),
                ..ObjectMeta::default()
            },
            ..Namespace::default()
        };
        let what = format!("create Namespace/{name}");
        let parameters = PostParams::default();
        match with_retries(&what, || api.create(&parameters, &namespace)).await {
            Ok(_) => Ok(true),
            // Created in the meantime: by another process, or by an attempt whose answer was lost.
            Err(Error::Refused { status: 409, .. }) => {
                let found = with_retries(&what, || api.get(name)).await?;
                let labels = found.metadata.labels.unwrap_or_default();
                Ok(labels
                    .get(INSTANCE_LABEL)
                    .is_some_and(|owner| owner == instance))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns whether the namespace has workloads of an instance.
    pub(crate) async fn has_objects_of(&self, instance: &str) -> Result<bool, Error> {
        let one = ListParams::default()
            .labels(&format!("{INSTANCE_LABEL}={instance}"))
            .limit(1);
        let deployments: Api<Deployment> = self.namespaced();
        let sets: Api<StatefulSet> = self.namespaced();
        let (deployments, sets) = tokio::try_join!(
            with_retries("list deployments", || deployments.list_metadata(&one)),
            with_retries("list statefulsets", || sets.list_metadata(&one)),
        )?;
        Ok(!deployments.items.is_empty() || !sets.items.is_empty())
    }

    /// Returns the names of the claims of an instance.
    pub(crate) async fn claims_of(&self, instance: &str) -> Result<Vec<String>, Error> {
        let ours = ListParams::default().labels(&format!("{INSTANCE_LABEL}={instance}"));
        let claims: Api<PersistentVolumeClaim> = self.namespaced();
        let what = "list persistentvolumeclaims";
        let found = with_retries(what, || claims.list_metadata(&ours)).await?;
        let names = found.items.into_iter();
        Ok(names.filter_map(|claim| claim.metadata.name).collect())
    }

    /// Deletes the claims and Secrets of an instance. Returns the names of the claims.
    pub(crate) async fn delete_data(&self, instance: &str) -> Result<Vec<String>, Error> {
        let ours = ListParams::default().labels(&format!("{INSTANCE_LABEL}={instance}"));
        let deleted = self.claims_of(instance).await?;
        let claims: Api<PersistentVolumeClaim> = self.namespaced();
        for name in &deleted {
            delete(&claims, "PersistentVolumeClaim", name).await?;
        }
        let secrets: Api<Secret> = self.namespaced();
        let found = with_retries("list secrets", || secrets.list_metadata(&ours)).await?;
        for name in found.items.into_iter().filter_map(|one| one.metadata.name) {
            self.delete_record(&name).await?;
        }
        Ok(deleted)
    }
}

async fn delete<K>(api: &Api<K>, kind: &str, name: &str) -> Result<(), Error>
where
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let what = format!("delete {kind}/{name}");
    let parameters = DeleteParams::default();
    match with_retries(&what, || api.delete(name, &parameters)).await {
        Err(error) if !error.is_not_found() => Err(error),
        _ => Ok(()),
    }
}
