//! Rebinds volumes whose claim was deleted.

use ::kube::Api;
use ::kube::api::{ListParams, Patch, PatchParams};
use k8s_openapi::api::core::v1::PersistentVolume;
use serde_json::json;

use super::calls::with_retries;
use super::{Cluster, Error, FIELD_MANAGER, INSTANCE_LABEL};

impl Cluster {
    /// Makes `Released` volumes of the instance available, so that their recreated claims
    /// can bind to them. An explicit patch removes the uid of the old claim, because
    /// server-side apply does not remove fields that it did not set. Returns the names of
    /// the volumes.
    pub async fn release_volumes(&self, instance: &str) -> Result<Vec<String>, Error> {
        // Volumes of other clusters belong to their storage class.
        if self.is_shared() {
            return Ok(Vec::new());
        }
        let api: Api<PersistentVolume> = Api::all(self.client());
        let ours = ListParams::default().labels(&format!("{INSTANCE_LABEL}={instance}"));
        let volumes = with_retries("list persistentvolumes", || api.list(&ours)).await?;
        let mut freed = Vec::new();
        for volume in volumes.items.into_iter().filter(is_released) {
            let name = volume.metadata.name.unwrap_or_default();
            // Only this version: a volume that changed since is checked again next time.
            let patch = Patch::Merge(json!({
                "metadata": {"resourceVersion": volume.metadata.resource_version},
                "spec": {"claimRef": {"uid": null, "resourceVersion": null}},
            }));
            let parameters = PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let what = format!("free PersistentVolume/{name}");
            match with_retries(&what, || api.patch(&name, &parameters, &patch)).await {
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

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::kube::mock::{Request, cluster};

    #[tokio::test]
    async fn only_the_uid_of_released_volumes_is_removed() {
        let (cluster, record) = cluster(|request: &Request| {
            let volume = |name: &str, phase: &str, uid: Value| {
                json!({"apiVersion": "v1", "kind": "PersistentVolume",
                    "metadata": {"name": name, "resourceVersion": "7"},
                    "spec": {"claimRef": {"namespace": "clearml", "name": "clearml-mongodb", "uid": uid}},
                    "status": {"phase": phase}})
            };
            let items = [
                volume("bound", "Bound", json!("u1")),
                volume("released", "Released", json!("u2")),
                volume("freed", "Released", Value::Null),
            ];
            match request.method.as_str() {
                "GET" => (
                    200,
                    json!({"apiVersion": "v1", "kind": "PersistentVolumeList", "metadata": {}, "items": items}),
                ),
                _ => (200, items[1].clone()),
            }
        });
        assert_eq!(
            cluster.release_volumes("clearml").await.unwrap(),
            ["released"]
        );
        let record = record.lock().unwrap();
        let patch = record
            .iter()
            .find(|request| request.method == "PATCH")
            .unwrap();
        assert!(
            patch
                .path
                .starts_with("/api/v1/persistentvolumes/released?")
        );
        assert_eq!(
            patch.body,
            json!({"metadata": {"resourceVersion": "7"}, "spec": {"claimRef": {"uid": null, "resourceVersion": null}}})
        );
    }
}
