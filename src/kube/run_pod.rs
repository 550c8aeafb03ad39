//! Runs a pod once and returns its termination message.

use std::time::Duration;

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::calls::with_retries;
use super::kinds::Identity;
use super::{Cluster, Error, convert};
use crate::diagnose::{ContainerState, PodObservation, unfinished};
use crate::wait::{Attempt, Wait};

/// The result of a pod that runs once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PodResult {
    /// The pod finished with this termination message.
    Finished(String),
    /// The pod failed or did not finish in time, for this reason.
    Failed(String),
}

impl Cluster {
    /// Applies objects, the last of which must be a pod, waits until the pod has
    /// finished, and deletes all of them in any case. Objects that an earlier call left
    /// behind are deleted first.
    pub async fn run_pod(&self, objects: &[Value], limit: Duration) -> Result<PodResult, Error> {
        self.delete_all(objects).await?;
        let result = self.run_applied(objects, limit).await;
        let deleted = self.delete_all(objects).await;
        let result = result?;
        deleted?;
        Ok(result)
    }

    async fn run_applied(&self, objects: &[Value], limit: Duration) -> Result<PodResult, Error> {
        let wait = Wait::new("the pod to finish").within(limit);
        self.apply(objects).await?;
        let name = match objects.last() {
            Some(pod) => Identity::of(pod)?.name,
            None => return Ok(PodResult::Finished(String::new())),
        };
        let pods = self.namespaced::<Pod>();
        let ended = wait.run(async || {
            let pod = with_retries(&format!("read Pod/{name}"), || pods.get(&name)).await?;
            let observation = convert::pod(&pod);
            Ok::<_, Error>(match message(&observation) {
                Some(message) => Attempt::Done(PodResult::Finished(message)),
                None if convert::has_ended(&pod) => {
                    Attempt::Done(PodResult::Failed(unfinished(&observation)))
                }
                None => Attempt::Pending(unfinished(&observation).into()),
            })
        });
        Ok(ended
            .await?
            .unwrap_or_else(|timeout| PodResult::Failed(timeout.reason)))
    }

    /// Deletes objects without a grace period. Succeeds if they do not exist.
    async fn delete_all(&self, objects: &[Value]) -> Result<(), Error> {
        for object in objects {
            let identity = Identity::of(object)?;
            let resource = self.resolve(&identity).await?.resource;
            let api: Api<DynamicObject> =
                Api::namespaced_with(self.client(), self.namespace().as_str(), &resource);
            let immediately = DeleteParams::default().grace_period(0);
            let what = format!("delete {identity}");
            match with_retries(&what, || api.delete(&identity.name, &immediately)).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads an object from the cluster.
    pub async fn live(&self, object: &Value) -> Result<Option<Value>, Error> {
        let identity = Identity::of(object)?;
        let resource = self.resolve(&identity).await?.resource;
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client(), self.namespace().as_str(), &resource);
        let what = format!("read {identity}");
        let found = with_retries(&what, || api.get_opt(&identity.name)).await?;
        Ok(found.and_then(|found| serde_json::to_value(found).ok()))
    }
}

/// Returns the termination message of its container, once it has finished.
fn message(pod: &PodObservation) -> Option<String> {
    match &pod.containers.first()?.state {
        ContainerState::Terminated(ended) => Some(ended.message.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::json;

    use super::super::mock::{Record, cluster, refusal};
    use super::*;

    /// Runs a Secret and a pod that has this status from the second observation on.
    async fn run(status: Value, limit: Duration) -> (Result<PodResult, Error>, Record) {
        let looks = Arc::new(AtomicUsize::new(0));
        let (cluster, record) = cluster(move |request| {
            let pod = |status| json!({"metadata": {"name": "ask"}, "spec": {"containers": [{"name": "c"}]}, "status": status});
            match request.method.as_str() {
                "PATCH" => (200, request.body.clone()),
                // Before the pod is applied.
                "GET" if looks.fetch_add(1, Ordering::SeqCst) < 2 => {
                    refusal(404, "NotFound", "not found")
                }
                "GET" if looks.load(Ordering::SeqCst) == 3 => {
                    (200, pod(json!({"phase": "Pending"})))
                }
                "GET" => (200, pod(status.clone())),
                _ => refusal(404, "NotFound", "not found"),
            }
        });
        let objects = ["Secret", "Pod"]
            .map(|kind| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "ask"}}));
        let ran = cluster.run_pod(&objects, limit).await;
        (ran, record)
    }

    fn deletions(record: &Record) -> usize {
        let record = record.lock().unwrap();
        record
            .iter()
            .filter(|request| request.method == "DELETE")
            .count()
    }

    #[tokio::test]
    async fn the_message_is_returned_and_the_objects_are_deleted() {
        let ended = json!([{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 0, "message": "redis ok\n"}},
        }]);
        let status = json!({"phase": "Succeeded", "containerStatuses": ended});
        let (ran, record) = run(status, Duration::from_secs(10)).await;
        assert_eq!(ran.unwrap(), PodResult::Finished("redis ok\n".into()));
        assert_eq!(deletions(&record), 4, "both objects, before and after");
    }

    #[tokio::test]
    async fn an_unschedulable_pod_is_reported_and_deleted() {
        let condition = json!([{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available",
        }]);
        let status = json!({"phase": "Pending", "conditions": condition});
        let (ran, record) = run(status, Duration::from_millis(500)).await;
        assert_eq!(
            ran.unwrap(),
            PodResult::Failed("0/1 nodes are available".into())
        );
        assert_eq!(deletions(&record), 4);
    }

    #[tokio::test]
    async fn a_failed_pod_ends_the_wait() {
        let status =
            json!({"phase": "Failed", "reason": "DeadlineExceeded", "message": "too long"});
        let (ran, _) = run(status, Duration::from_secs(60)).await;
        assert_eq!(ran.unwrap(), PodResult::Failed("too long".into()));
    }
}
