//! Deletes pods, so that their workloads recreate them.

use ::kube::api::DeleteParams;
use k8s_openapi::api::core::v1::Pod;

use super::client::with_retries;
use super::{Cluster, Error};

impl Cluster {
    /// Deletes pods, and returns how many of them existed. Their workloads recreate them;
    /// claims and data are kept.
    pub(crate) async fn delete_pods(&self, names: &[&str]) -> Result<usize, Error> {
        let api = self.namespaced::<Pod>();
        let mut deleted = 0;
        for name in names {
            let what = format!("delete Pod/{name}");
            let parameters = DeleteParams::default();
            match with_retries(&what, || api.delete(name, &parameters)).await {
                Ok(_) => deleted += 1,
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }
}
