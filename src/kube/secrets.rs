//! Secrets of our namespace.

use std::collections::BTreeMap;

use ::kube::Api;
use k8s_openapi::api::core::v1::Secret;

use super::client::persistent;
use super::{Cluster, Error};
use crate::component::NAMESPACE;

impl Cluster {
    /// Whether our namespace has a Secret of that name. Its content is not read.
    pub async fn has_secret(&self, name: &str) -> Result<bool, Error> {
        let api: Api<Secret> = Api::namespaced(self.client(), NAMESPACE);
        let what = format!("read Secret/{name}");
        let found = persistent(&what, || api.get_metadata_opt(name)).await?;
        Ok(found.is_some())
    }

    /// The texts in a Secret of our namespace, if it is there.
    pub async fn secret(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error> {
        let api: Api<Secret> = Api::namespaced(self.client(), NAMESPACE);
        let what = format!("read Secret/{name}");
        let found = persistent(&what, || api.get_opt(name)).await?;
        let texts = |secret: Secret| {
            let entries = secret.data.unwrap_or_default().into_iter();
            entries.filter_map(|(key, bytes)| Some((key, String::from_utf8(bytes.0).ok()?)))
        };
        Ok(found.map(|secret| texts(secret).collect()))
    }
}
