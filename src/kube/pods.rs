//! Deletes pods, so that their workloads recreate them.

use ::kube::api::DeleteParams;
use k8s_openapi::api::core::v1::Pod;

use super::calls::with_retries;
use super::{Cluster, Error};

impl Cluster {
    /// Deletes those of the pods that still exist. Their workloads recreate them; claims and
    /// data are kept.
    pub(crate) async fn delete_pods(&self, names: &[&str]) -> Result<(), Error> {
        let api = self.namespaced::<Pod>();
        for name in names {
            let what = format!("delete Pod/{name}");
            let parameters = DeleteParams::default();
            match with_retries(&what, || api.delete(name, &parameters)).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}
