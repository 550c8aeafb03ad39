//! Volumes whose claim went away are bound again.

use ::kube::Api;
use ::kube::api::{ListParams, Patch, PatchParams};
use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::json;

use super::client::persistent;
use super::{Cluster, Error, FIELD_MANAGER, INSTANCE_LABEL};

impl Cluster {
    /// Frees the instance's volumes that are `Released`, so that their claim, made
    /// anew, finds them: the claim's former uid is removed by an explicit patch,
    /// because server-side apply leaves what it never set. Returns their names.
    pub async fn rebind_released(&self, instance: &str) -> Result<Vec<String>, Error> {
        let api: Api<PersistentVolume> = Api::all(self.client());
        let ours = ListParams::default().labels(&format!("{INSTANCE_LABEL}={instance}"));
        let volumes = persistent("list persistentvolumes", || api.list(&ours)).await?;
        let mut freed = Vec::new();
        for volume in volumes.items.into_iter().filter(is_released) {
            let name = volume.metadata.name.unwrap_or_default();
            // The version seen: a volume that changed since is judged again next time.
            let patch = Patch::Merge(json!({
                "metadata": {"resourceVersion": volume.metadata.resource_version},
                "spec": {"claimRef": {"uid": null, "resourceVersion": null}},
            }));
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let what = format!("free PersistentVolume/{name}");
            match persistent(&what, || api.patch(&name, &parameters, &patch)).await {
                Ok(_) => freed.push(name),
                Err(Error::Refused {
                    status: 404 | 409, ..
                }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(freed)
    }
}

fn is_released(volume: &PersistentVolume) -> bool {
    let phase = volume
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    let claim = volume
        .spec
        .as_ref()
        .and_then(|spec| spec.claim_ref.as_ref());
    phase == Some("Released") && claim.is_some_and(|claim| claim.uid.is_some())
}
