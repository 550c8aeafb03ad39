//! Replaces the pods of a component as `kubectl rollout restart` does.

use std::fmt::Debug;

use ::kube::api::{ListParams, Patch, PatchParams};
use ::kube::{Api, ResourceExt};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::calls::{read, with_retries};
use super::{COMPONENT_LABEL, Cluster, Error};
use crate::component::Component;

/// The annotation of kubectl. A later `up` keeps it: another field manager sets it.
const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
const FIELD_MANAGER: &str = "clearml-local-restart";

impl Cluster {
    /// Makes the workloads of a component replace their pods, in the way that their update
    /// strategies allow.
    pub(crate) async fn restart(&self, component: Component) -> Result<(), Error> {
        let now = Timestamp::now().to_string();
        let change = &Patch::Merge(json!({
            "spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: now}}}},
        }));
        restart_all(&self.namespaced::<Deployment>(), component, change).await?;
        restart_all(&self.namespaced::<StatefulSet>(), component, change).await
    }
}

async fn restart_all<K>(
    api: &Api<K>,
    component: Component,
    change: &Patch<Value>,
) -> Result<(), Error>
where
    K: ::kube::Resource + Clone + Debug + DeserializeOwned,
{
    let labelled = ListParams::default().labels(&format!("{COMPONENT_LABEL}={component}"));
    let found = read("list workloads", || api.list(&labelled)).await?;
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    for workload in found {
        let name = workload.name_any();
        let what = format!("restart {component}");
        with_retries(&what, || api.patch(&name, &parameters, change)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::mock::{cluster, object, paths};

    #[tokio::test]
    async fn only_the_template_of_the_component_changes() {
        let (cluster, record) = cluster(|request| {
            let set = object("StatefulSet", "apps/v1", "clearml-redis");
            match (
                request.method.as_str(),
                request.path.contains("statefulsets"),
            ) {
                ("GET", true) => (200, json!({"metadata": {}, "items": [set]})),
                ("GET", false) => (200, json!({"metadata": {}, "items": []})),
                _ => (200, set),
            }
        });
        cluster.restart(Component::Redis).await.unwrap();
        for path in paths(&record, "GET") {
            assert!(path.ends_with("component%3Dredis"), "{path}");
        }
        let record = record.lock().unwrap();
        let change = record
            .iter()
            .find(|request| request.method == "PATCH")
            .unwrap();
        assert!(change.path.contains("/statefulsets/clearml-redis?"));
        let annotations = &change.body["spec"]["template"]["metadata"]["annotations"];
        assert!(annotations[RESTARTED_AT].is_string(), "{}", change.body);
    }
}
