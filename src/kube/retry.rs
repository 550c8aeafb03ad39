//! Pods that the kubelet leaves alone for minutes are made anew.

use ::kube::Api;
use ::kube::api::DeleteParams;
use k8s_openapi::api::core::v1::Pod;

use super::client::persistent;
use super::{Cluster, Error};
use crate::component::NAMESPACE;
use crate::diagnose::{ComponentObservation, ContainerState, PodObservation};

impl Cluster {
    /// Deletes the pods whose container is in back-off, so that what was put right
    /// since is tried at once and not minutes later, and so that a wait does not
    /// take the former end for a new one. Returns their names. Their workload makes
    /// them anew; claims and data are not touched.
    ///
    /// # Errors
    /// When the server does not answer or refuses.
    pub async fn retry_stuck(&self, seen: &[ComponentObservation]) -> Result<Vec<String>, Error> {
        let api: Api<Pod> = Api::namespaced(self.client(), NAMESPACE);
        let mut deleted = Vec::new();
        let pods = seen
            .iter()
            .filter(|seen| !seen.is_ready())
            .flat_map(|seen| &seen.pods);
        for pod in pods.filter(|pod| is_stuck(pod)) {
            let what = format!("delete Pod/{}", pod.name);
            let parameters = DeleteParams::default();
            match persistent(&what, || api.delete(&pod.name, &parameters)).await {
                Ok(_) => deleted.push(pod.name.clone()),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }
}

fn is_stuck(pod: &PodObservation) -> bool {
    pod.init.iter().chain(&pod.containers).any(|container| {
        matches!(&container.state, ContainerState::Waiting { reason, .. }
            if reason == "CrashLoopBackOff" || reason == "ImagePullBackOff")
    })
}
