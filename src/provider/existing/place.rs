//! The namespace as the place of a server.

use async_trait::async_trait;

use super::Existing;
use crate::diagnose::Addon;
use crate::error::Result;
use crate::health::{NeverStuck, Stuck};
use crate::images::{ArrivalSender, Loaded};
use crate::kube::Cluster;
use crate::provider::{Connected, Place, Provider};
use crate::recovery;
use crate::secrets::Secrets;

pub(super) struct NamespacePlace<'a> {
    existing: &'a Existing<'a>,
    /// Whether the namespace was created just now.
    created: bool,
}

/// Ensures that the namespace exists.
pub(super) async fn ensure<'a>(existing: &'a Existing<'a>) -> Result<NamespacePlace<'a>> {
    let step = existing.events.step("namespace");
    let result = existing.cluster.ensure_namespace(existing.name.as_str());
    let result = result.await.map_err(crate::error::Error::from);
    let created = step.end(result, |created| {
        (*created, existing.cluster.namespace().to_string())
    })?;
    Ok(NamespacePlace { existing, created })
}

#[async_trait(?Send)]
impl Place for NamespacePlace<'_> {
    fn changed(&self) -> bool {
        self.created
    }

    async fn stopped(&self) -> crate::error::Error {
        std::future::pending().await
    }

    async fn check_running(&self) -> Result<()> {
        Ok(())
    }

    async fn connect(&self) -> Result<Connected> {
        Ok(Connected {
            cluster: self.existing.cluster.clone(),
            is_new: false,
        })
    }

    async fn missing_addons(&self, _: &Cluster) -> Result<Vec<Addon>> {
        Ok(Vec::new())
    }

    async fn install_addons(&self, _: &Cluster, _: &[Addon]) -> Result<()> {
        Ok(())
    }

    /// The cluster pulls them.
    async fn load_images(&self, _: ArrivalSender) -> Result<Loaded> {
        Ok(Loaded::default())
    }

    async fn after_failure(&self, _: &crate::error::Error) -> Result<()> {
        Ok(())
    }

    async fn keep(&self, secrets: &Secrets, cluster: &Cluster) -> Result<()> {
        for secret in cluster.tls_secrets().await? {
            if !cluster.has_secret(&secret).await? {
                let kubectl = self.existing.kubectl();
                let create = format!("create secret tls {secret} --cert FILE --key FILE");
                self.existing.events.warn(format!(
                    "the Secret `{secret}` with the certificate of an ingress does not exist; \
                     unless a certificate manager creates it: {}",
                    kubectl.run(&create)
                ));
            }
        }
        recovery::store_in_cluster(self.existing.name, secrets, cluster).await
    }

    async fn started(&self) -> Result<()> {
        Ok(())
    }

    /// Another address may lead to the server at any time.
    async fn stuck<'p>(&'p self, _: &'p Cluster) -> Result<Box<dyn Stuck + 'p>> {
        Ok(Box::new(NeverStuck))
    }

    async fn finish(&self) -> Result<bool> {
        Ok(false)
    }
}
