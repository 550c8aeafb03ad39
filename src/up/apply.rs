//! The step that applies the rendered objects to the cluster.

use super::databases::Early;
use super::run::Run;
use crate::error::{Explain, Result};
use crate::event::Step;
use crate::failures::Failure;
use crate::hint::Hint;
use crate::images::Identities;
use crate::kube::{Applied, Change, Cluster, ImpossibleChange, PlannedChange};
use crate::plan::Plan;
use crate::secrets::Secrets;

/// Applies the server's objects, of which some may have been applied before, in the same step.
/// Returns whether anything changed.
pub(super) async fn run(
    run: &Run<'_>,
    secrets: &Secrets,
    identities: &Identities,
    cluster: &Cluster,
    early: Option<Early>,
) -> Result<bool> {
    let Early { step, applied } = early.unwrap_or_else(|| Early {
        step: run.session.events.step("apply"),
        applied: Vec::new(),
    });
    let result = apply(run.plan, secrets, identities, cluster, &step, &applied).await;
    let (changed, _) = step.end(result, Clone::clone)?;
    Ok(changed)
}

/// Makes the changes that cannot be made in place, applies and prunes. Returns whether anything
/// changed, and a summary.
async fn apply(
    plan: &Plan,
    secrets: &Secrets,
    identities: &Identities,
    cluster: &Cluster,
    step: &Step,
    early: &[Applied],
) -> Result<(bool, String)> {
    let objects = plan.objects(secrets, identities)?;
    let objects: Vec<serde_json::Value> = objects.iter().map(|o| o.as_value().clone()).collect();
    let planned = planned(plan.name.as_str(), cluster, &objects).await?;
    let tell = |planned: &PlannedChange| step.warn(planned.to_string());
    cluster.execute_plan(&planned, &objects, tell).await?;
    let applied = with_early_changes(cluster.apply(&objects).await?, early);
    // Volumes are never pruned.
    let (rebound, pruned) = tokio::try_join!(
        cluster.release_volumes(plan.name.as_str()),
        cluster.prune(plan.name.as_str(), &objects),
    )?;
    for object in applied.iter().filter(|o| o.change != Change::Unchanged) {
        let verb = object.change.word();
        step.decide(format!("{} {} {verb}", object.kind, object.name));
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
    let summary = counts.iter().filter(|(count, _)| *count > 0);
    let summary = summary.map(|(count, what)| format!("{count} {what}"));
    let only_applied = planned.is_empty() && pruned.is_empty() && rebound.is_empty();
    let changed = count(Change::Unchanged) < applied.len() || !only_applied;
    Ok((changed, summary.collect::<Vec<_>>().join(", ")))
}

/// Returns what the whole step did to each object: one that was applied early is unchanged now.
fn with_early_changes(mut applied: Vec<Applied>, early: &[Applied]) -> Vec<Applied> {
    for object in &mut applied {
        if object.change == Change::Unchanged
            && let Some(before) = early.iter().find(|before| before.is_same(object))
        {
            object.change = before.change;
        }
    }
    applied
}

/// Returns the changes that cannot be made in place.
pub(super) async fn planned(
    instance: &str,
    cluster: &Cluster,
    objects: &[serde_json::Value],
) -> Result<Vec<PlannedChange>> {
    let planned = cluster.plan(instance, objects).await?;
    Ok(planned.map_err(Refused)?)
}

/// A change that would abandon data.
#[derive(Debug, thiserror::Error)]
#[error("{0}; nothing was applied")]
struct Refused(ImpossibleChange);

impl Explain for Refused {
    fn failure(&self) -> Failure {
        Failure::ChangeImpossible
    }

    fn hints(&self) -> Vec<Hint> {
        self.failure().remedies()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::kube::install_crypto;

    #[tokio::test]
    async fn a_volume_that_cannot_shrink_is_refused_before_anything_is_applied() {
        install_crypto();
        let claim = |size: &str| {
            json!({
                "apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "metadata": {"name": "clearml-mongodb", "namespace": "clearml"},
                "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
                    "volumeName": "pvc-1", "resources": {"requests": {"storage": size}}},
                "status": {"phase": "Bound"},
            })
        };
        let live = claim("50Gi");
        let cluster = Cluster::answering(move |method, path| {
            assert_eq!(method, "GET", "{path}: nothing is changed");
            let items: Value = match path.ends_with("/persistentvolumeclaims") {
                true => json!([live]),
                false => json!([]),
            };
            let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {}, "items": items});
            (200, list.to_string().into_bytes())
        });
        let mut wanted = claim("5Gi");
        wanted["spec"].as_object_mut().unwrap().remove("volumeName");
        let error = planned("demo", &cluster, &[wanted]).await.unwrap_err();
        assert_eq!(error.failure(), Failure::ChangeImpossible);
        assert_eq!(
            error.to_string(),
            "cannot change the claim clearml-mongodb: size changes from 50Gi to 5Gi; a volume \
             cannot shrink; nothing was applied"
        );
    }

    #[test]
    fn an_object_that_was_created_early_counts_as_created() {
        let object = |name: &str, change| Applied {
            kind: "StatefulSet".to_owned(),
            name: name.to_owned(),
            namespace: Some("clearml".to_owned()),
            change,
        };
        let early = [
            object("db", Change::Created),
            // Applied again when the next image was loaded.
            object("db", Change::Unchanged),
        ];
        let applied = vec![
            object("db", Change::Unchanged),
            object("web", Change::Unchanged),
        ];
        let counted = with_early_changes(applied, &early);
        let changes: Vec<Change> = counted.iter().map(|object| object.change).collect();
        assert_eq!(changes, [Change::Created, Change::Unchanged]);
    }
}
