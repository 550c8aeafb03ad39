//! The checks before anything is changed in an existing cluster: everything is observed at
//! once, and all problems are reported together.

mod access;
mod checks;
mod commands;
mod facts;
mod role;

use serde_json::Value;

pub(crate) use self::role::role;
use crate::kube::{Cluster, Error};
use crate::provider::Checked;
use crate::settings::ClusterSettings;

/// Checks the cluster and the namespace before the objects of an instance are applied.
///
/// # Errors
/// The cluster is unreachable or refuses the credentials.
pub(crate) async fn run(
    cluster: &Cluster,
    place: &ClusterSettings,
    instance: &str,
    objects: &[Value],
) -> Result<Checked, Error> {
    let facts = facts::observe(cluster, place.namespace.as_str(), objects).await?;
    Ok(checks::check(&checks::Input {
        facts: &facts,
        objects,
        instance,
        place,
    }))
}
