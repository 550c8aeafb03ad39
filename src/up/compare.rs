//! What an `up` would change, without changing it.

use super::past::Past;
use super::prepare::{self, Known};
use super::session::Session;
use super::{Request, apply};
use crate::component::NAMESPACE;
use crate::docker::Engine;
use crate::error::Result;
use crate::event::Events;
use crate::images::{self, Identities};
use crate::kube::{Compared, PlannedChange};
use crate::node::spec;
use crate::recovery::{self, ClusterState, Unavailable};
use crate::secrets::Secrets;
use crate::settings::DataPlace;
use crate::state::StateDir;

/// What was compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// There is no cluster: all would be made.
    Nothing,
    /// The objects of the cluster.
    Cluster,
    /// There is a cluster that cannot be asked.
    Unknown(Unavailable),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    pub ground: Ground,
    /// The place for the data, where it would be created.
    pub data_dir: Option<DataPlace>,
    /// Why the node would be made anew; empty where it would not.
    pub node: Vec<String>,
    /// What cannot be changed in place, in the order in which it would be done.
    pub planned: Vec<PlannedChange>,
    /// The objects that would be others, in the order in which they are applied.
    pub objects: Vec<Compared>,
    pub back_to: Option<u32>,
    pub warnings: Vec<String>,
}

impl Comparison {
    pub fn differs(&self) -> bool {
        !(self.node.is_empty() && self.planned.is_empty() && self.objects.is_empty())
    }
}

/// Compares what is asked for with what is there.
pub async fn compare(
    request: &Request,
    state: &StateDir,
    engine: &dyn Engine,
    events: &Events,
) -> Result<Comparison> {
    let info = engine.info().await?;
    let session = &Session::new(request, state, engine, &info, events);
    let past = Past::look(session).await?;
    if past.must_wake && !past.knows_settings {
        return Err(recovery::unavailable(&request.name, state, engine).await?);
    }
    let Known { past, plan, keys } = Known::new(session, past).await?;
    let compared = with_what_is_there(&session.with(&plan), past.back_to, keys).await?;
    match compared.ground {
        Ground::Unknown(why) => Err(why.into()),
        _ => Ok(compared),
    }
}

/// The same with all that `up` checks before it begins.
pub async fn dry_run(
    request: &Request,
    state: &StateDir,
    engine: &dyn Engine,
    events: &Events,
) -> Result<Comparison> {
    let info = engine.info().await?;
    let session = &Session::new(request, state, engine, &info, events);
    let Known { past, plan, keys } = prepare::dry(session).await?;
    with_what_is_there(&session.with(&plan), past.back_to, keys).await
}

async fn with_what_is_there(
    session: &Session<'_>,
    back_to: Option<u32>,
    keys: Option<Secrets>,
) -> Result<Comparison> {
    let Session {
        plan,
        state,
        engine,
        info,
        ..
    } = *session;
    let running = recovery::cluster_state(&plan.name, state, engine).await?;
    let secrets = keys.unwrap_or_else(Secrets::empty);
    let node_name = spec::name(&plan.name);
    let mut compared = Comparison {
        ground: Ground::Nothing,
        data_dir: None,
        node: Vec::new(),
        planned: Vec::new(),
        objects: Vec::new(),
        back_to,
        warnings: plan.warnings.clone(),
    };
    let place = &plan.instance.data_dir;
    let exists = match place {
        DataPlace::Folder(dir) => dir.exists(),
        DataPlace::Volume(name) => engine.volume_labels(name).await?.is_some(),
    };
    compared.data_dir = (!exists).then(|| place.clone());
    if let Some(node) = engine.container(&node_name).await? {
        let differences = plan.differences(&node, info);
        compared.node = super::node::words(&differences);
    }
    let values = |identities: &Identities| -> Result<Vec<serde_json::Value>> {
        let objects = plan.objects(&secrets, identities)?;
        Ok(objects.iter().map(|o| o.as_value().clone()).collect())
    };
    match running {
        ClusterState::Unavailable(why) => compared.ground = Ground::Unknown(why),
        ClusterState::Absent => {
            compared.objects = Compared::all_new(&values(&Identities::new())?, NAMESPACE)?;
        }
        ClusterState::Ready(cluster) => {
            compared.ground = Ground::Cluster;
            let wanted = plan.images();
            let mut identities =
                images::identities(engine, &node_name, &wanted, plan.instance.pull).await?;
            for image in wanted {
                let later = || "known after it is pulled".to_owned();
                identities.entry(image.reference).or_insert_with(later);
            }
            let objects = values(&identities)?;
            compared.planned = apply::planned(plan, &cluster, &objects).await?;
            let all = cluster.compare(plan.name.as_str(), &objects, NAMESPACE, &compared.planned);
            compared.objects = all.await?;
            compared.objects.retain(Compared::differs);
        }
    }
    Ok(compared)
}
