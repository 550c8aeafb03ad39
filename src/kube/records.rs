//! Texts that are kept in the cluster, a Secret each: they hold what users chose,
//! passwords among it.

use std::collections::BTreeMap;

use ::kube::Api;
use ::kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use k8s_openapi::api::core::v1::Secret;
use serde_json::json;

use super::client::persistent;
use super::{Cluster, Error, FIELD_MANAGER, INSTANCE_LABEL, KEEP_LABEL};

/// The entry of the Secret that holds the text.
const ENTRY: &str = "record";
/// The label that says of which kind a record is.
const RECORD_LABEL: &str = "clearml-local.io/record";
/// What a Secret can hold, less what is written around it.
const LONGEST: usize = 900_000;

impl Cluster {
    /// The texts that are kept of that kind, by name; none where there is no
    /// namespace.
    pub async fn records(
        &self,
        kind: &str,
        namespace: &str,
    ) -> Result<BTreeMap<String, String>, Error> {
        let api: Api<Secret> = Api::namespaced(self.client(), namespace);
        let of_kind = ListParams::default().labels(&format!("{RECORD_LABEL}={kind}"));
        let what = format!("list the kept {kind}s");
        let listed = persistent(&what, || api.list(&of_kind)).await?;
        let text = |secret: Secret| {
            let bytes = secret.data?.remove(ENTRY)?.0;
            Some((secret.metadata.name?, String::from_utf8(bytes).ok()?))
        };
        Ok(listed.items.into_iter().filter_map(text).collect())
    }

    /// Keeps a text under that name, in the place of what was there. Returns `false`
    /// where it is too long for a Secret, or the namespace is not there yet.
    pub async fn keep_record(
        &self,
        kind: &str,
        instance: &str,
        name: &str,
        namespace: &str,
        text: &str,
    ) -> Result<bool, Error> {
        if text.len() > LONGEST {
            return Ok(false);
        }
        let api: Api<Secret> = Api::namespaced(self.client(), namespace);
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
        let what = format!("keep {name}");
        match persistent(&what, || api.patch(name, &parameters, &patch)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub async fn forget_record(&self, name: &str, namespace: &str) -> Result<(), Error> {
        let api: Api<Secret> = Api::namespaced(self.client(), namespace);
        let what = format!("forget {name}");
        let parameters = DeleteParams::default();
        match persistent(&what, || api.delete(name, &parameters)).await {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }
}
