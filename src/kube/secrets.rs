//! Secrets in our namespace.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Secret;

use super::calls::with_retries;
use super::{Cluster, Error};

impl Cluster {
    /// Returns whether our namespace has a Secret with this name. Does not read its
    /// content.
    pub async fn has_secret(&self, name: &str) -> Result<bool, Error> {
        let api = self.namespaced::<Secret>();
        let what = format!("read Secret/{name}");
        let found = with_retries(&what, || api.get_metadata_opt(name)).await?;
        Ok(found.is_some())
    }

    /// Returns the texts in a Secret of our namespace, or `None` if it does not exist.
    pub async fn secret(&self, name: &str) -> Result<Option<BTreeMap<String, String>>, Error> {
        let api = self.namespaced::<Secret>();
        let what = format!("read Secret/{name}");
        let found = with_retries(&what, || api.get_opt(name)).await?;
        let texts = |secret: Secret| {
            let entries = secret.data.unwrap_or_default().into_iter();
            entries.filter_map(|(key, bytes)| Some((key, String::from_utf8(bytes.0).ok()?)))
        };
        Ok(found.map(|secret| texts(secret).collect()))
    }
}
