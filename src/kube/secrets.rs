//! Whether a Secret is there.

use ::kube::Api;
use k8s_openapi::api::core::v1::Secret;

use super::client::persistent;
use super::{Cluster, Error};
use crate::component::NAMESPACE;

impl Cluster {
    /// Whether our namespace has a Secret of that name. Its content is not read.
    ///
    /// # Errors
    /// When the server does not answer.
    pub async fn has_secret(&self, name: &str) -> Result<bool, Error> {
        let api: Api<Secret> = Api::namespaced(self.client(), NAMESPACE);
        let what = format!("read Secret/{name}");
        let found = persistent(&what, || api.get_metadata_opt(name)).await?;
        Ok(found.is_some())
    }
}
