//! What is observed before anything is changed.

use serde_json::Value;

use super::access::{RIGHTS, Right};
use crate::kube::{Cluster, Error, Observed, Permission, Survey};

#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) survey: Survey,
    /// The permissions that the user lacks; `Denied` if the cluster does not tell.
    pub(super) missing: Observed<Vec<Missing>>,
    /// The objects of the cluster with the names of those that are applied.
    pub(super) live: Vec<Value>,
}

/// Verbs of a right that the user lacks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Missing {
    pub(super) right: &'static Right,
    pub(super) verbs: Vec<&'static str>,
}

/// Observes everything in parallel.
pub(super) async fn observe(
    cluster: &Cluster,
    namespace: &str,
    objects: &[Value],
) -> Result<Facts, Error> {
    let asked: Vec<(&Right, Permission<'_>)> = RIGHTS
        .iter()
        .flat_map(|right| right.permissions(namespace).map(move |one| (right, one)))
        .collect();
    let permissions: Vec<Permission<'_>> = asked.iter().map(|(_, one)| *one).collect();
    let in_namespace = objects
        .iter()
        .filter(|object| object["kind"] != "Namespace");
    let in_namespace: Vec<Value> = in_namespace.cloned().collect();
    let survey = cluster.survey(namespace).await?;
    let (reviewed, live) = tokio::try_join!(
        cluster.review(&permissions),
        cluster.live_objects(&in_namespace, namespace),
    )?;
    let missing = match reviewed {
        Observed::Known(allowed) => Observed::Known(missing(&allowed)),
        Observed::Denied => Observed::Denied,
    };
    Ok(Facts {
        survey,
        missing,
        live,
    })
}

/// Returns the rights that are not allowed completely. `allowed` has an answer for each
/// verb of each right.
fn missing(allowed: &[bool]) -> Vec<Missing> {
    let mut answers = allowed.iter();
    let missing = RIGHTS.iter().map(|right| Missing {
        right,
        verbs: right
            .verbs
            .iter()
            .filter(|_| answers.next() == Some(&false))
            .copied()
            .collect(),
    });
    missing
        .filter(|missing| !missing.verbs.is_empty())
        .collect()
}
