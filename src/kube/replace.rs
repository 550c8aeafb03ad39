//! Workloads whose change the server refuses are made anew.

use std::time::Duration;

use ::kube::Api;
use ::kube::api::{DeleteParams, DynamicObject, Preconditions};

use super::Error;
use super::client::persistent;
use super::kinds::Identity;

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

/// Deletes a workload and waits until it and its pods are gone: a database's next
/// pod must not meet the former one.
pub(super) async fn delete(
    api: &Api<DynamicObject>,
    identity: &Identity,
    uid: Option<String>,
) -> Result<(), Error> {
    let parameters = DeleteParams {
        preconditions: Some(Preconditions {
            uid,
            resource_version: None,
        }),
        ..DeleteParams::foreground()
    };
    let what = format!("make {identity} anew");
    match persistent(&what, || api.delete(&identity.name, &parameters)).await {
        Err(error) if !error.is_not_found() => return Err(error),
        _ => {}
    }
    let gone = async {
        while persistent(&what, || api.get_metadata_opt(&identity.name))
            .await?
            .is_some()
        {
            tokio::time::sleep(PERIOD).await;
        }
        Ok(())
    };
    tokio::time::timeout(GONE, gone)
        .await
        .unwrap_or(Err(Error::Timeout {
            what: what.clone(),
            after: GONE,
        }))
}
