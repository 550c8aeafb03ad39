//! Recreates workloads whose change the server refuses.

use std::time::Duration;

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject, Preconditions};

use super::Error;
use super::calls::with_retries;
use super::kinds::Identity;
use crate::wait::{Attempt, Wait};

/// How long the pods of a workload may take to stop: the longest grace period of our
/// workloads, and a little more.
const STOP_TIMEOUT: Duration = Duration::from_secs(150);
const PERIOD: Duration = Duration::from_millis(300);

/// Returns whether the server refused a change that requires recreating the object, and
/// the object owns nothing but pods. (The claims of a StatefulSet stay.)
pub(super) fn is_needed(identity: &Identity, error: &Error) -> bool {
    let workload = matches!(
        identity.kind.as_str(),
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job"
    );
    let immutable = matches!(error, Error::Refused { status: 422, message, .. }
        if message.contains("field is immutable") || message.contains("updates to statefulset spec"));
    workload && immutable
}

/// What happens to the pods of a workload that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pods {
    /// They stop first: the next pod of a database must not run together with the
    /// previous one.
    Stop,
    /// They keep running without an owner until a workload with their selector adopts them.
    Keep,
}

/// Deletes an object and waits until it is gone, with its pods unless they are kept.
pub(super) async fn delete(
    api: &Api<DynamicObject>,
    identity: &Identity,
    uid: Option<String>,
    pods: Pods,
) -> Result<(), Error> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid,
            resource_version: None,
        }),
        ..match pods {
            Pods::Stop => DeleteParams::foreground(),
            Pods::Keep => DeleteParams::orphan(),
        }
    };
    let what = format!("recreate {identity}");
    match with_retries(&what, || api.delete(&identity.name, &parameters)).await {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    until(&what, async || {
        let found = with_retries(&what, || api.get_metadata_opt(&identity.name)).await?;
        Ok(found.is_none())
    })
    .await
}

/// Waits until `check` returns `true`, for as long as pods may take to stop.
pub(super) async fn until(
    what: &str,
    mut check: impl AsyncFnMut() -> Result<bool, Error>,
) -> Result<(), Error> {
    let wait = Wait::new("the old pods to stop")
        .every(PERIOD)
        .within(STOP_TIMEOUT);
    let done = wait.run(async || {
        Ok::<_, Error>(match check().await? {
            true => Attempt::Done(()),
            false => Attempt::Pending("they are still running".into()),
        })
    });
    done.await?.map_err(|_| Error::Timeout {
        what: what.to_owned(),
        after: STOP_TIMEOUT,
    })
}
