//! The step that makes the cluster's objects what is rendered.

use super::Plan;
use crate::component::NAMESPACE;
use crate::error::{Code, Explain, Result};
use crate::event::Step;
use crate::hint::{Hint, ours};
use crate::images::Identities;
use crate::kube::{Change, Cluster, ImpossibleChange, PlannedChange};
use crate::secrets::Secrets;

/// Network, storage and the server's objects, in one go. Returns whether
/// anything changed.
pub(super) async fn run(
    plan: &Plan,
    secrets: &Secrets,
    identities: &Identities,
    cluster: &Cluster,
    step: Step,
) -> Result<bool> {
    let result = all(plan, secrets, identities, cluster, &step).await;
    let (changed, _) = step.end(result, Clone::clone)?;
    Ok(changed)
}

/// Does what cannot be done in place, applies and prunes; returns whether anything
/// changed, and how much in words.
async fn all(
    plan: &Plan,
    secrets: &Secrets,
    identities: &Identities,
    cluster: &Cluster,
    step: &Step,
) -> Result<(bool, String)> {
    let objects = plan.objects(secrets, identities)?;
    let objects: Vec<serde_json::Value> = objects.iter().map(|o| o.as_value().clone()).collect();
    let planned = planned(plan, cluster, &objects).await?;
    let tell = |planned: &PlannedChange| step.warn(planned.to_string());
    cluster
        .execute_plan(&planned, &objects, NAMESPACE, tell)
        .await?;
    let applied = cluster.apply(&objects, NAMESPACE).await?;
    // No volume is ever pruned.
    let (rebound, pruned) = tokio::try_join!(
        cluster.release_volumes(plan.name.as_str()),
        cluster.prune(plan.name.as_str(), &objects, NAMESPACE),
    )?;
    for object in applied.iter().filter(|o| o.change != Change::Unchanged) {
        let done = object.change.word();
        step.decide(format!("{} {} {done}", object.kind, object.name));
    }
    for object in &pruned {
        step.decide(format!("{} {} removed", object.kind, object.name));
    }
    let count = |change| applied.iter().filter(|o| o.change == change).count();
    let counts = [
        (count(Change::Created), Change::Created.word()),
        (count(Change::Updated), Change::Updated.word()),
        (count(Change::Unchanged), Change::Unchanged.word()),
        (pruned.len(), "removed"),
    ];
    let told = counts.iter().filter(|(count, _)| *count > 0);
    let told = told.map(|(count, what)| format!("{count} {what}"));
    let quiet = planned.is_empty() && pruned.is_empty() && rebound.is_empty();
    let changed = count(Change::Unchanged) < applied.len() || !quiet;
    Ok((changed, told.collect::<Vec<_>>().join(", ")))
}

/// What cannot be changed in place, and what is done instead.
pub(super) async fn planned(
    plan: &Plan,
    cluster: &Cluster,
    objects: &[serde_json::Value],
) -> Result<Vec<PlannedChange>> {
    let planned = cluster.plan(plan.name.as_str(), objects).await?;
    Ok(planned.map_err(Refused)?)
}

/// A change that would leave data behind.
#[derive(Debug, thiserror::Error)]
#[error("{0}; nothing was applied")]
struct Refused(ImpossibleChange);

impl Explain for Refused {
    fn code(&self) -> Code {
        Code::ApplyFailed
    }

    fn hints(&self) -> Vec<Hint> {
        vec![Hint::run(
            "leave the claim unchanged, and see what would change",
            ours!(Diff),
        )]
    }
}
