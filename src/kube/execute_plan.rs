//! Executes a plan, before the objects are applied.

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams};
use futures_util::future::try_join_all;
use k8s_openapi::api::core::v1::{PersistentVolume, PersistentVolumeClaim, Pod};
use serde_json::{Value, json};

use super::calls::with_retries;
use super::kinds::{Identity, KINDS, Kind};
use super::plan::{Action, ImpossibleChange, PlannedChange, plan};
use super::replace::{self, Pods, until};
use super::{Cluster, Error, FIELD_MANAGER, INSTANCE_LABEL};

/// The kinds that a plan considers, and whether only objects of the instance count.
const PLANNED_KINDS: [(&str, bool); 7] = [
    ("Deployment", true),
    ("StatefulSet", true),
    ("DaemonSet", true),
    ("PersistentVolumeClaim", true),
    ("PersistentVolume", true),
    ("Service", true),
    ("StorageClass", false),
];

impl Cluster {
    /// Plans what must be done before these objects can be applied (see [`plan`]).
    ///
    /// # Errors
    /// If the server does not answer. The inner error: if a change would leave data
    /// behind.
    pub async fn plan(
        &self,
        instance: &str,
        rendered: &[Value],
    ) -> Result<Result<Vec<PlannedChange>, ImpossibleChange>, Error> {
        let kinds = PLANNED_KINDS.iter().filter_map(|(name, ours)| {
            let is_it = |kind: &&Kind| kind.resource().kind == *name;
            let kind = match ours {
                true => self.kinds().find(is_it)?,
                false => KINDS.iter().find(is_it)?,
            };
            Some(self.list_objects(*kind, ours.then_some(instance)))
        });
        let live: Vec<Value> = try_join_all(kinds).await?.into_iter().flatten().collect();
        Ok(plan(&live, rendered))
    }

    async fn list_objects(&self, kind: Kind, instance: Option<&str>) -> Result<Vec<Value>, Error> {
        let resource = kind.resource();
        let api = self.api_of_kind(kind);
        let mut parameters = ListParams::default();
        if let Some(instance) = instance {
            parameters = parameters.labels(&format!("{INSTANCE_LABEL}={instance}"));
        }
        let what = format!("list {}", resource.plural);
        let listed = match with_retries(&what, || api.list(&parameters)).await {
            Ok(listed) => listed.items,
            // Storage classes only tell whether claims may grow.
            Err(Error::Refused { status: 403, .. }) if instance.is_none() => Vec::new(),
            Err(error) => return Err(error),
        };
        let objects = listed
            .into_iter()
            .filter(|object| object.metadata.deletion_timestamp.is_none());
        Ok(objects
            .map(|object| {
                let mut value = serde_json::to_value(object).unwrap_or_default();
                // Items of a list do not have these fields.
                value["kind"] = json!(resource.kind);
                value["apiVersion"] = json!(resource.api_version);
                value
            })
            .collect())
    }

    /// Executes a plan in its order. Calls `on_start` before each step. Data are kept;
    /// the next apply completes an interrupted plan.
    pub async fn execute_plan(
        &self,
        planned: &[PlannedChange],
        rendered: &[Value],
        mut on_start: impl FnMut(&PlannedChange),
    ) -> Result<(), Error> {
        for one in planned {
            on_start(one);
            match &one.how {
                Action::DeleteWithItsPods
                | Action::RecreateAfterItsPods
                | Action::Recreate
                | Action::DeleteFirst => {
                    self.delete_planned(one, Pods::Stop).await?;
                }
                Action::RecreateAroundItsPods => {
                    self.delete_planned(one, Pods::Keep).await?;
                }
                Action::ScaleToZero => self.pause(one).await?,
                Action::Rebind { volume, claim } => {
                    self.release_volume(&one.name, volume, claim).await?;
                    self.bind(volume, claim, rendered).await?;
                }
            }
        }
        Ok(())
    }

    async fn planned_api(
        &self,
        planned: &PlannedChange,
    ) -> Result<(Identity, Api<DynamicObject>), Error> {
        let kind = KINDS
            .iter()
            .find(|kind| kind.resource().kind == planned.kind);
        let mut identity = Identity {
            api_version: kind.map_or_else(String::new, |kind| kind.resource().api_version),
            kind: planned.kind.clone(),
            name: planned.name.clone(),
            namespace: planned.namespace.clone(),
        };
        let api = self.api_of(&mut identity).await?;
        Ok((identity, api))
    }

    async fn delete_planned(&self, planned: &PlannedChange, pods: Pods) -> Result<(), Error> {
        let (identity, api) = self.planned_api(planned).await?;
        let what = format!("read {identity}");
        let found = with_retries(&what, || api.get_metadata_opt(&identity.name)).await?;
        match found {
            Some(found) => replace::delete(&api, &identity, found.metadata.uid, pods).await,
            None => Ok(()),
        }
    }

    /// Scales a workload to zero. The next apply scales it up again.
    async fn pause(&self, planned: &PlannedChange) -> Result<(), Error> {
        let (identity, api) = self.planned_api(planned).await?;
        let what = format!("stop {identity}");
        let patch = Patch::Merge(json!({"spec": {"replicas": 0}}));
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let stopped = with_retries(&what, || api.patch(&identity.name, &parameters, &patch));
        let stopped = stopped.await?;
        let selector = &stopped.data["spec"]["selector"]["matchLabels"];
        let labels = selector.as_object().into_iter().flatten();
        let labels: Vec<String> = labels
            .filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
            .collect();
        let pods = self.namespaced::<Pod>();
        let parameters = ListParams::default().labels(&labels.join(","));
        until(&what, async || {
            let remaining = with_retries("list pods", || pods.list_metadata(&parameters)).await?;
            Ok(remaining.items.is_empty())
        })
        .await
    }

    /// Deletes a claim that no pod uses any more, and reserves its volume for the next
    /// claim.
    async fn release_volume(&self, claim: &str, volume: &str, next: &str) -> Result<(), Error> {
        let claims = self.namespaced::<PersistentVolumeClaim>();
        let what = format!("bind PersistentVolumeClaim/{claim} again");
        let parameters = DeleteParams::default();
        match with_retries(&what, || claims.delete(claim, &parameters)).await {
            Err(error) if !error.is_not_found() => return Err(error),
            _ => {}
        }
        until(&what, async || {
            let found = with_retries(&what, || claims.get_metadata_opt(claim)).await?;
            Ok(found.is_none())
        })
        .await?;
        let volumes: Api<PersistentVolume> = Api::all(self.client());
        // If the volume is released before Kubernetes has noticed the deletion of the
        // claim, it becomes `Lost`.
        until(&what, async || {
            let found = with_retries(&what, || volumes.get_opt(volume)).await?;
            Ok(found.is_none_or(|found| !is_bound(&found)))
        })
        .await?;
        let patch = Patch::Merge(json!({"spec": {"claimRef": {
            "namespace": self.namespace(), "name": next, "uid": null, "resourceVersion": null,
        }}}));
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        match with_retries(&what, || volumes.patch(volume, &parameters, &patch)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}

impl Cluster {
    /// Applies volume and claim, and waits until they are bound. For a pod that is
    /// created before, the kubelet would check them again only after some seconds.
    async fn bind(&self, volume: &str, claim: &str, rendered: &[Value]) -> Result<(), Error> {
        let names = [
            ("PersistentVolume", volume),
            ("PersistentVolumeClaim", claim),
        ];
        let both = rendered.iter().filter(|object| {
            names
                .iter()
                .any(|(kind, name)| object["kind"] == *kind && object["metadata"]["name"] == *name)
        });
        let both: Vec<Value> = both.cloned().collect();
        self.apply(&both).await?;
        let claims = self.namespaced::<PersistentVolumeClaim>();
        let what = format!("bind PersistentVolumeClaim/{claim} to {volume}");
        until(&what, async || {
            let found = with_retries(&what, || claims.get_opt(claim)).await?;
            let status = found.and_then(|claim| claim.status);
            Ok(status.and_then(|status| status.phase).as_deref() == Some("Bound"))
        })
        .await
    }
}

fn is_bound(volume: &PersistentVolume) -> bool {
    let phase = volume.status.as_ref();
    phase.and_then(|status| status.phase.as_deref()) == Some("Bound")
}

/// Returns the identity of an object in a list of metadata.
pub(super) fn identity_of(kind: Kind, metadata: &ObjectMeta) -> Identity {
    let resource = kind.resource();
    Identity {
        api_version: resource.api_version,
        kind: resource.kind,
        name: metadata.name.clone().unwrap_or_default(),
        namespace: metadata.namespace.clone(),
    }
}

#[cfg(test)]
mod tests;
