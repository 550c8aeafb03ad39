//! `up`, from the first step to the last. Each step observes, decides and acts,
//! so that it does whatever is missing and nothing twice.

mod apply;
mod back;
mod change;
mod compare;
mod data;
mod databases;
mod error;
pub mod external;
mod ingress;
mod keys;
mod node;
mod past;
mod plan;
mod preflight;
mod prepare;
mod ready;
mod registry;
mod revive;
mod selectors;
mod session;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use self::back::BackTo;
use self::change::Change;
pub use self::compare::{Comparison, Ground, compare, dry_run};
pub(crate) use self::data::{copy_container, remove_link};
pub use self::error::Error;
pub use self::keys::of_instance as found_keys;
use self::past::Record;
pub use self::past::history;
pub use self::plan::Plan;
use self::prepare::Known;
use self::ready::Ready;
pub use self::registry::complete;
use self::session::Session;
use crate::data_size;
use crate::docker::{Engine, EngineInfo};
use crate::error::{Explain, Result};
use crate::event::Events;
use crate::health::{self, TimeLimit};
use crate::hint::{Hint, ours};
use crate::images;
use crate::interrupt::{Interrupt, Interrupted};
use crate::node::spec;
use crate::options::Options;
use crate::path::HostPath;
use crate::probe::Endpoints;
use crate::proxy::Proxies;
use crate::recovery;
use crate::secrets::Secrets;
use crate::settings::{DataPlace, Instance, InstanceName};
use crate::state::{Lock, StateDir};

#[derive(Debug, Clone)]
pub struct Request {
    pub name: InstanceName,
    /// What was asked for.
    pub options: Options,
    /// Whether a node whose kubeadm failed is kept.
    pub retain: bool,
    /// Whether a failure goes back to the last good revision.
    pub atomic: bool,
    /// Whether an instance whose keys cannot be read back gets new ones.
    pub new_keys: bool,
    /// A signal that asks to end; with `atomic` what was begun is undone then.
    pub interrupt: Interrupt,
    /// The revision to go back to, for a rollback.
    pub back_to: Option<BackTo>,
    /// The proxies of the environment, or of Docker's own configuration.
    pub proxies: Proxies,
    /// The folder of that configuration.
    pub docker_config: Option<PathBuf>,
    pub user_kubeconfig: Option<HostPath>,
}

impl Request {
    /// The proxies for the node: the user's, else the engine's.
    pub(crate) fn proxies<'a>(&'a self, info: &'a EngineInfo) -> &'a Proxies {
        if self.proxies.is_empty() {
            &info.proxies
        } else {
            &self.proxies
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub endpoints: Endpoints,
    pub data_dir: DataPlace,
    /// What they take, in bytes, where it can be seen.
    pub data_bytes: Option<u64>,
    pub changed: bool,
    /// Since when the server is ready, as Kubernetes tells.
    pub ready_since: Option<Timestamp>,
    /// Seconds per phase.
    pub phases: Vec<(String, Duration)>,
}

/// What to do after an `up` that was interrupted.
pub(crate) fn continue_with() -> Hint {
    let text = "what was created so far is kept; continue with";
    Hint::run(text, ours!(Up))
}

/// Brings an instance up, whatever is there of it.
///
/// # Errors
/// The first thing that goes wrong; what was made stays, and the next `up` goes
/// on from there.
pub async fn up(
    request: &Request,
    state: &StateDir,
    engine: &dyn Engine,
    events: &Events,
) -> Result<Outcome> {
    let interrupted = async {
        let signal = request.interrupt.wait().await;
        let next = continue_with();
        crate::error::Error::from(Interrupted { signal, next })
    };
    let mut interrupted = std::pin::pin!(interrupted);
    let _lock = tokio::select! {
        lock = Lock::acquire(state, "up", events) => lock?,
        error = &mut interrupted => return Err(error),
    };
    let mut record = Record::new(&request.name, state);
    let before = state.instance()?;
    let result = tokio::select! {
        result = bring_up(request, state, engine, events, &mut record) => result,
        error = &mut interrupted => Err(error),
    };
    record.end(&result, events).await;
    match result {
        Err(error) if request.atomic => {
            let error = back::after(error, &record, request, state, engine, events).await;
            Err(change::with_way_back(error, before.as_ref(), state, None))
        }
        Err(error) => {
            let good = record.way_back().and_then(Result::ok);
            let good = good.map(|(_, good)| good);
            Err(change::with_way_back(error, before.as_ref(), state, good))
        }
        result => result,
    }
}

async fn bring_up(
    request: &Request,
    state: &StateDir,
    engine: &dyn Engine,
    events: &Events,
    record: &mut Record<'_>,
) -> Result<Outcome> {
    let time = TimeLimit::new(request.options.wait.timeout());
    let mut phases = Phases::default();

    let info = &engine.info().await?;
    let session = Session::new(request, state, engine, info, events);
    let Known { past, plan, keys } = prepare::run(&session).await?;
    let session = &session.with(&plan);
    phases.end("preflight");
    let known = past.cluster.is_some();
    record.begin(past, &plan).await?;
    let change = Change::look(session).await?;
    let fetched = change.fetch_images(session).await?;
    if fetched.is_some() {
        phases.end("images");
    }
    if data::bring_along(session).await? {
        phases.end("data");
    }
    // What cannot be had is not kept: every later `up` would ask for it again.
    if change.creates_node() {
        state.save_instance(&plan.instance)?;
    }
    let mut secrets = keys.map_or_else(Secrets::generate, Secrets::complete);
    state.save_secrets(&secrets)?;

    let node = node::ensure(session).await?;
    data::prepare(&plan, engine, &node).await?;
    phases.end("node");

    let wanted = plan.images();
    let (arrived, arriving) = images::arrivals();
    let kubernetes = async {
        let kubernetes = node::kubernetes(session, &node).await?;
        selectors::check(&plan, &kubernetes.cluster).await?;
        let apply = match kubernetes.fresh {
            true => {
                let cluster = &kubernetes.cluster;
                databases::apply_early(&plan, &secrets, arriving, cluster, events).await?
            }
            false => None,
        };
        Ok((kubernetes, apply))
    };
    let (sources, name) = (plan.sources(request), &node.name);
    let images = async move {
        match fetched {
            Some(delivery) => {
                arrived.send_replace(delivery.identities.clone());
                Ok(delivery)
            }
            None => images::load(engine, name, &wanted, info, &sources, arrived, events).await,
        }
    };
    let brought = both(kubernetes, images).await;
    if let Err(error) = &brought {
        node::discard(error, &node, request, engine).await?;
    }
    let ((kubernetes, apply), delivery) = brought?;
    let cluster = kubernetes.cluster;
    record.reaches(&cluster);
    if !known {
        secrets = keys::of_cluster(secrets, &cluster, state, events).await?;
    }
    phases.end("kubernetes and images");

    external::check(&plan, &secrets, &delivery.identities, &cluster, events).await?;
    // From here on the server itself changes.
    state.save_instance(&plan.instance)?;
    let step = apply.unwrap_or_else(|| events.step("apply"));
    let applied = apply::run(&plan, &secrets, &delivery.identities, &cluster, step).await?;
    ingress::certificates(session, &cluster).await?;
    if let Some(node) = recovery::node_of(&plan.name, engine).await? {
        state.save_node(&node.id)?;
        let settings = &plan.instance;
        recovery::save(&secrets, &plan.name, settings, &node, &cluster, engine).await?;
    }
    phases.end("apply");

    let time = time.after(&phases.0);
    let credentials = plan.values.login(&secrets);
    let ready = ready::wait(session, credentials, &cluster, &time).await?;
    data::mark(&plan, engine).await?;
    let settled = node::settle(session, &node).await?;
    phases.end("ready");

    let changed = node.made
        || kubernetes.changed
        || delivery.count > 0
        || applied
        || !ready.at_once
        || settled;
    Ok(outcome(&plan, changed, ready, phases).await)
}

/// Starts a node that was stopped, and waits until the server is ready. Installs
/// nothing.
///
/// # Errors
/// When there is no whole node, or it does not become ready.
pub async fn start(
    request: &Request,
    state: &StateDir,
    engine: &dyn Engine,
    events: &Events,
) -> Result<Outcome> {
    let time = TimeLimit::new(request.options.wait.timeout());
    let _lock = Lock::acquire(state, "start", events).await?;
    let mut phases = Phases::default();
    let info = &engine.info().await?;
    let session = Session::new(request, state, engine, info, events);
    let (plan, secrets) = prepare::start(&session).await?;
    let session = &session.with(&plan);
    phases.end("preflight");
    let node = node::start(session).await?;
    state.save_instance(&plan.instance)?;
    state.save_secrets(&secrets)?;
    phases.end("node");
    let kubernetes = node::kubernetes(session, &node).await?;
    let cluster = kubernetes.cluster;
    if node.renewed {
        node::keep_user_kubeconfig(session)?;
    }
    let secrets = keys::of_cluster(secrets, &cluster, state, events).await?;
    if let Some(node) = recovery::node_of(&plan.name, engine).await? {
        state.save_node(&node.id)?;
    }
    phases.end("kubernetes");
    let installed = plan.values.installed();
    if !health::missing(&cluster, &installed).await?.is_empty() {
        return Err(Error::NotInstalled.into());
    }
    let time = time.after(&phases.0);
    let credentials = plan.values.login(&secrets);
    let ready = ready::wait(session, credentials, &cluster, &time).await?;
    phases.end("ready");
    let changed = node.made || !ready.at_once;
    Ok(outcome(&plan, changed, ready, phases).await)
}

async fn outcome(plan: &Plan, changed: bool, ready: Ready, phases: Phases) -> Outcome {
    Outcome {
        endpoints: Endpoints::of(&plan.instance),
        data_bytes: data_size::measure(&plan.instance.data_dir).await.used,
        data_dir: plan.instance.data_dir.clone(),
        changed,
        ready_since: ready.since,
        phases: phases.0,
    }
}

/// The plan, from what is asked for and what an earlier `up` was told.
pub fn plan(
    request: &Request,
    state: &StateDir,
    earlier: Option<&Instance>,
    info: &EngineInfo,
) -> Result<Plan> {
    let instance = instance(request, state, earlier, info)?;
    Plan::new(request.name.clone(), instance, earlier, info)
}

/// The settings, from what is asked for and what an earlier `up` was told.
fn instance(
    request: &Request,
    state: &StateDir,
    earlier: Option<&Instance>,
    info: &EngineInfo,
) -> Result<Instance> {
    let place = if info.in_virtual_machine() || info.is_from_snap() {
        DataPlace::Volume(spec::data_volume(&request.name))
    } else {
        DataPlace::Folder(state.default_data_dir())
    };
    let instance = earlier.cloned();
    let instance = instance.unwrap_or_else(|| Instance::with_defaults(place));
    Ok(request.options.apply(instance)?)
}

/// Runs two steps at once. When one fails the other is given up: its error
/// would only hide the first.
async fn both<A, B, E>(
    one: impl Future<Output = Result<A>>,
    other: impl Future<Output = Result<B, E>>,
) -> Result<(A, B)>
where
    E: Explain,
{
    let other = async { other.await.map_err(crate::error::Error::from) };
    tokio::try_join!(one, other)
}

/// The phases that went by, with their times.
#[derive(Debug)]
struct Phases(Vec<(String, Duration)>, Instant);

impl Default for Phases {
    fn default() -> Self {
        Phases(Vec::new(), Instant::now())
    }
}

impl Phases {
    fn end(&mut self, name: &str) {
        self.0.push((name.to_owned(), self.1.elapsed()));
        self.1 = Instant::now();
    }
}
