//! Comparing the plan with what exists, without changes.

use super::apply;
use super::prepare::{self, Prepared};
use super::run::Run;
use crate::error::Result;
use crate::images::Identities;
use crate::kube::{Compared, PlannedChange};
use crate::plan::Request;
use crate::provider::{ClusterState, Differences, Unavailable};
use crate::secrets::Secrets;
use crate::session::Session;
use crate::settings::DataPlace;

/// What the plan was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Baseline {
    /// There is no cluster: everything would be created.
    Nothing,
    /// The objects of the cluster.
    Cluster,
    /// The cluster cannot be queried.
    Unknown(Unavailable),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) baseline: Baseline,
    /// The location of the data, if it would be created.
    pub(crate) data_dir: Option<DataPlace>,
    /// Why the node would be recreated; empty if it would not.
    pub(crate) node: Vec<String>,
    /// Changes that cannot be made in place, in the order in which they would be made.
    pub(crate) planned: Vec<PlannedChange>,
    /// The objects that would change, in the order in which they are applied.
    pub(crate) objects: Vec<Compared>,
    pub(crate) back_to: Option<u32>,
    pub(crate) warnings: Vec<String>,
}

impl Comparison {
    pub(crate) fn differs(&self) -> bool {
        !(self.node.is_empty() && self.planned.is_empty() && self.objects.is_empty())
    }
}

/// Compares the plan with what exists.
pub(crate) async fn compare(session: &Session<'_>, request: &Request) -> Result<Comparison> {
    let facts = session.provider.facts().await?;
    let run = &Run::new(*session, &facts, request);
    let previous = prepare::find_previous(run).await?;
    if previous.must_start && !previous.settings_known {
        return Err(session.provider.cluster().await?.error());
    }
    let Prepared {
        previous,
        plan,
        keys,
    } = Prepared::new(run, previous).await?;
    let compared = compare_with_cluster(&run.with(&plan), previous.back_to, keys).await?;
    match compared.baseline {
        Baseline::Unknown(why) => Err(why.into()),
        _ => Ok(compared),
    }
}

/// Compares like [`compare`], and runs all checks of `up` first.
pub(crate) async fn dry_run(session: &Session<'_>, request: &Request) -> Result<Comparison> {
    let facts = session.provider.facts().await?;
    let run = &Run::new(*session, &facts, request);
    let Prepared {
        previous,
        plan,
        keys,
    } = prepare::dry_run(run).await?;
    compare_with_cluster(&run.with(&plan), previous.back_to, keys).await
}

async fn compare_with_cluster(
    run: &Run<'_>,
    back_to: Option<u32>,
    keys: Option<Secrets>,
) -> Result<Comparison> {
    let Run { session, plan, .. } = *run;
    let provider = session.provider;
    let running = provider.cluster().await?;
    let secrets = keys.unwrap_or_else(Secrets::empty);
    let Differences { data_dir, node } = provider.compare(plan).await?;
    let mut compared = Comparison {
        baseline: Baseline::Nothing,
        data_dir,
        node,
        planned: Vec::new(),
        objects: Vec::new(),
        back_to,
        warnings: plan.warnings.clone(),
    };
    let values = |identities: &Identities| -> Result<Vec<serde_json::Value>> {
        let objects = plan.objects(&secrets, identities)?;
        Ok(objects.iter().map(|o| o.as_value().clone()).collect())
    };
    match running {
        ClusterState::Unavailable(why) => compared.baseline = Baseline::Unknown(why),
        ClusterState::Absent => {
            compared.objects = Compared::all_new(&values(&Identities::new())?)?;
        }
        ClusterState::Ready(cluster) => {
            compared.baseline = Baseline::Cluster;
            let identities = provider.identities(plan).await?;
            let objects = values(&identities)?;
            compared.planned = apply::planned(plan.name.as_str(), &cluster, &objects).await?;
            let all = cluster.compare(plan.name.as_str(), &objects, &compared.planned);
            compared.objects = all.await?;
            compared.objects.retain(Compared::differs);
        }
    }
    Ok(compared)
}
