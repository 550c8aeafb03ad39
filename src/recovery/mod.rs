//! The keys of an instance in its cluster: which ones are valid, no matter which home asks.

use crate::error::Result;
use crate::kube::Cluster;
use crate::preflight::Finding;
use crate::secrets::Secrets;
use crate::settings::InstanceName;

/// The kind and the name of their record in the cluster.
const KIND: &str = "keys";
const RECORD: &str = "clearml-local.keys";
/// The Secret from which the servers read them. Earlier versions stored nothing else.
const SERVER_SECRET: &str = "clearml-conf";

/// The result of searching for an instance's keys.
#[derive(Debug)]
pub enum Found {
    Keys(Box<Secrets>),
    /// The instance has no keys yet.
    None,
    /// The instance has keys, but they cannot be read.
    Lost(Finding),
}

/// Returns the keys in the cluster, if any. `home` are the keys of this home.
pub async fn from_cluster(cluster: &Cluster, home: Option<&Secrets>) -> Result<Option<Secrets>> {
    let records = cluster.records(KIND).await?;
    if let Some(text) = records.get(RECORD)
        && let Ok(secrets) = serde_json::from_str(text)
    {
        return Ok(Some(secrets));
    }
    let served = cluster.secret(SERVER_SECRET).await?;
    let served = served.as_ref().and_then(Secrets::from_cluster);
    // The served keys include the user's own values; those of the home do not.
    Ok(match (served, home) {
        (Some(served), Some(home)) if served.is_same_instance(home) => Some(home.clone()),
        (served, _) => served,
    })
}

/// Returns the valid keys once the cluster is ready: those of the cluster if they
/// differ from those that were found while it was stopped. The second value is true in
/// this case.
pub async fn reconcile(found: Secrets, cluster: &Cluster) -> Result<(Secrets, bool)> {
    match from_cluster(cluster, Some(&found)).await? {
        Some(theirs) if theirs != found => match theirs.completed() {
            Some(completed) => Ok((completed, true)),
            None => Ok((theirs, true)),
        },
        _ => Ok((found, false)),
    }
}

/// Stores the keys in the cluster, unless it has them.
pub async fn store_in_cluster(
    name: &InstanceName,
    secrets: &Secrets,
    cluster: &Cluster,
) -> Result<()> {
    let text = serde_json::to_string(secrets).expect("plain data can be serialized");
    let records = cluster.records(KIND).await?;
    if records.get(RECORD) != Some(&text) {
        let saved = cluster.store_record(KIND, name.as_str(), RECORD, &text);
        saved.await?;
    }
    Ok(())
}
