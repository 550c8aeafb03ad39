//! Records in the cluster. Each is a Secret, because it contains the user's values, which
//! may include passwords.

use std::collections::BTreeMap;

use ::kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::calls::with_retries;
use super::{Cluster, Error, FIELD_MANAGER, INSTANCE_LABEL, KEEP_LABEL};

/// The key of the text in the Secret.
const ENTRY: &str = "record";
/// The label with the kind of a record.
const RECORD_LABEL: &str = "clearml-local.io/record";
/// The maximum size of a record, a little less than that of a Secret.
const MAX_SIZE: usize = 900_000;

impl Cluster {
    /// Returns the records of a kind, by name. Returns none if the namespace does not
    /// exist.
    pub async fn records(&self, kind: &str) -> Result<BTreeMap<String, String>, Error> {
        let api = self.namespaced::<Secret>();
        let of_kind = ListParams::default().labels(&format!("{RECORD_LABEL}={kind}"));
        let what = format!("list the {kind} records");
        let listed = with_retries(&what, || api.list(&of_kind)).await?;
        let text = |secret: Secret| {
            let bytes = secret.data?.remove(ENTRY)?.0;
            Some((secret.metadata.name?, String::from_utf8(bytes).ok()?))
        };
        Ok(listed.items.into_iter().filter_map(text).collect())
    }

    /// Stores a record, replacing one with the same name. Returns `false` if it is too
    /// large for a Secret, or the namespace does not exist yet.
    pub async fn store_record(
        &self,
        kind: &str,
        instance: &str,
        name: &str,
        text: &str,
    ) -> Result<bool, Error> {
        if text.len() > MAX_SIZE {
            return Ok(false);
        }
        let api = self.namespaced::<Secret>();
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "labels": {
                INSTANCE_LABEL: instance, RECORD_LABEL: kind, KEEP_LABEL: "true",
            }},
            "type": format!("clearml-local.io/{kind}"),
            "data": {ENTRY: k8s_openapi::ByteString(text.as_bytes().to_vec())},
        });
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let patch = Patch::Apply(&secret);
        let what = format!("store {name}");
        match with_retries(&what, || api.patch(name, &parameters, &patch)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub async fn delete_record(&self, name: &str) -> Result<(), Error> {
        let api = self.namespaced::<Secret>();
        let what = format!("delete {name}");
        let parameters = DeleteParams::default();
        match with_retries(&what, || api.delete(name, &parameters)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}
