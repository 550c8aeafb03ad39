//! Which agents `agent down` has removed. The cluster remembers them, so that no other home
//! installs them again, and a removal that was interrupted is not undone.

use std::collections::BTreeSet;

use crate::error::Result;
use crate::kube::Cluster;
use crate::session::Session;
use crate::settings::Queue;

/// The kind of these records, each of which is the name of a queue.
const KIND: &str = "removed-agent";

fn name(queue: &Queue) -> String {
    format!("{}.removed", queue.object_name())
}

/// Returns the queues whose agents were removed, and not installed since.
pub(super) async fn read(cluster: &Cluster) -> Result<BTreeSet<Queue>> {
    let records = cluster.records(KIND).await?;
    let queues = records.values().filter_map(|queue| queue.parse().ok());
    Ok(queues.collect())
}

pub(super) async fn add(session: &Session<'_>, cluster: &Cluster, queue: &Queue) -> Result<()> {
    let instance = session.name.as_str();
    cluster
        .store_record(KIND, instance, &name(queue), queue.as_str())
        .await?;
    Ok(())
}

/// Forgets that the agent of a queue was removed.
pub(super) async fn forget(cluster: &Cluster, queue: &Queue) -> Result<()> {
    Ok(cluster.delete_record(&name(queue)).await?)
}
