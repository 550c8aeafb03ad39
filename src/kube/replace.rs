//! Workloads whose change the server refuses are made anew.

use std::time::Duration;

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject, Preconditions};

use super::Error;
use super::client::persistent;
use super::kinds::Identity;
use crate::wait::{Attempt, Wait};

/// How long the pods of a workload may take to end: the longest grace period that
/// our workloads have, and a little more.
const GONE: Duration = Duration::from_secs(150);
const PERIOD: Duration = Duration::from_millis(300);

/// Whether a refusal says that the object would have to be made anew, and the
/// object holds nothing but pods. (A StatefulSet's claims stay without it.)
pub(super) fn is_needed(identity: &Identity, error: &Error) -> bool {
    let workload = matches!(
        identity.kind.as_str(),
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job"
    );
    let immutable = matches!(error, Error::Refused { status: 422, message, .. }
        if message.contains("field is immutable") || message.contains("updates to statefulset spec"));
    workload && immutable
}

/// What becomes of the pods of a workload that is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pods {
    /// They end first: a database's next pod must not meet the former one.
    End,
    /// They run on, owned by nobody until a workload with their selector comes.
    RunOn,
}

/// Deletes an object and waits until it is gone, with its pods where these end.
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
            Pods::End => DeleteParams::foreground(),
            Pods::RunOn => DeleteParams::orphan(),
        }
    };
    let what = format!("recreate {identity}");
    match persistent(&what, || api.delete(&identity.name, &parameters)).await {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    until(&what, async || {
        let found = persistent(&what, || api.get_metadata_opt(&identity.name)).await?;
        Ok(found.is_none())
    })
    .await
}

/// Asks until the answer is yes, for as long as pods may take to end.
pub(super) async fn until(
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<bool, Error>,
) -> Result<(), Error> {
    let wait = Wait::new("the old pods to stop").every(PERIOD).within(GONE);
    let done = wait.run(async || {
        Ok::<_, Error>(match ask().await? {
            true => Attempt::Done(()),
            false => Attempt::Pending("they are still running".into()),
        })
    });
    done.await?.map_err(|_| Error::Timeout {
        what: what.to_owned(),
        after: GONE,
    })
}
