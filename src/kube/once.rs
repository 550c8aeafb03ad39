//! A pod that runs once and says what came of it in its termination message.

use std::time::Duration;

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject};
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use super::client::persistent;
use super::kinds::Identity;
use super::{Cluster, Error, convert};
use crate::diagnose::{ContainerState, PodObservation, unfinished};
use crate::wait::{Attempt, Wait};

/// How a pod that runs once ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Once {
    /// It ran, and left this message.
    Said(String),
    /// It did not end in time, for this reason.
    Stuck(String),
}

impl Cluster {
    /// Applies objects of which the last is a pod, waits until that has ended, and
    /// deletes them all, whatever came of it; what an earlier call has left is
    /// deleted first.
    pub async fn run_once(
        &self,
        objects: &[Value],
        namespace: &str,
        limit: Duration,
    ) -> Result<Once, Error> {
        self.delete_all(objects, namespace).await?;
        let ran = self.run_applied(objects, namespace, limit).await;
        let deleted = self.delete_all(objects, namespace).await;
        let once = ran?;
        deleted?;
        Ok(once)
    }

    async fn run_applied(
        &self,
        objects: &[Value],
        namespace: &str,
        limit: Duration,
    ) -> Result<Once, Error> {
        let wait = Wait::new("the pod to finish").within(limit);
        self.apply(objects, namespace).await?;
        let name = match objects.last() {
            Some(pod) => Identity::of(pod)?.name,
            None => return Ok(Once::Said(String::new())),
        };
        let pods: Api<Pod> = Api::namespaced(self.client(), namespace);
        let ended = wait.run(async || {
            let pod = persistent(&format!("read Pod/{name}"), || pods.get(&name)).await?;
            let seen = convert::pod(&pod);
            Ok::<_, Error>(match message(&seen) {
                Some(message) => Attempt::Done(Once::Said(message)),
                None if convert::has_ended(&pod) => Attempt::Done(Once::Stuck(unfinished(&seen))),
                None => Attempt::Pending(unfinished(&seen).into()),
            })
        });
        Ok(ended.await?.unwrap_or_else(|late| Once::Stuck(late.reason)))
    }

    /// Deletes objects at once, as far as they are there.
    async fn delete_all(&self, objects: &[Value], namespace: &str) -> Result<(), Error> {
        for object in objects {
            let identity = Identity::of(object)?;
            let resource = self.resolve(&identity).await?.resource;
            let api: Api<DynamicObject> = Api::namespaced_with(self.client(), namespace, &resource);
            let at_once = DeleteParams::default().grace_period(0);
            let what = format!("delete {identity}");
            match persistent(&what, || api.delete(&identity.name, &at_once)).await {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// An object as it is in the cluster.
    pub async fn live(&self, object: &Value, namespace: &str) -> Result<Option<Value>, Error> {
        let identity = Identity::of(object)?;
        let resource = self.resolve(&identity).await?.resource;
        let api: Api<DynamicObject> = Api::namespaced_with(self.client(), namespace, &resource);
        let what = format!("read {identity}");
        let found = persistent(&what, || api.get_opt(&identity.name)).await?;
        Ok(found.and_then(|found| serde_json::to_value(found).ok()))
    }
}

/// What its container left, once that has ended.
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

    /// Runs a Secret and a pod whose status is this at the second look and later.
    async fn run(status: Value, limit: Duration) -> (Result<Once, Error>, Record) {
        let looks = Arc::new(AtomicUsize::new(0));
        let (cluster, record) = cluster(move |asked| {
            let pod = |status| json!({"metadata": {"name": "ask"}, "spec": {"containers": [{"name": "c"}]}, "status": status});
            match asked.method.as_str() {
                "PATCH" => (200, asked.body.clone()),
                // Before it is applied.
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
        let ran = cluster.run_once(&objects, "clearml", limit).await;
        (ran, record)
    }

    fn deletions(record: &Record) -> usize {
        let record = record.lock().unwrap();
        record
            .iter()
            .filter(|asked| asked.method == "DELETE")
            .count()
    }

    #[tokio::test]
    async fn what_it_leaves_is_returned_and_it_is_gone() {
        let ended = json!([{
            "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0,
            "state": {"terminated": {"exitCode": 0, "message": "redis ok\n"}},
        }]);
        let status = json!({"phase": "Succeeded", "containerStatuses": ended});
        let (ran, record) = run(status, Duration::from_secs(10)).await;
        assert_eq!(ran.unwrap(), Once::Said("redis ok\n".into()));
        assert_eq!(deletions(&record), 4, "before and after, both");
    }

    #[tokio::test]
    async fn one_that_finds_no_place_says_so_and_is_gone() {
        let condition = json!([{
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "message": "0/1 nodes are available",
        }]);
        let status = json!({"phase": "Pending", "conditions": condition});
        let (ran, record) = run(status, Duration::from_millis(500)).await;
        assert_eq!(ran.unwrap(), Once::Stuck("0/1 nodes are available".into()));
        assert_eq!(deletions(&record), 4);
    }

    #[tokio::test]
    async fn one_that_is_evicted_is_not_waited_for() {
        let status =
            json!({"phase": "Failed", "reason": "DeadlineExceeded", "message": "too long"});
        let (ran, _) = run(status, Duration::from_secs(60)).await;
        assert_eq!(ran.unwrap(), Once::Stuck("too long".into()));
    }
}
