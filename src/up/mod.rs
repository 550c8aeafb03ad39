//! The steps of `up` and `start`. Each step compares the plan with what exists and changes only
//! what differs.

mod apply;
mod change;
mod compare;
mod data;
mod databases;
mod error;
pub mod external;
mod ingress;
mod keys;
mod node;
mod plan;
mod preflight;
mod prepare;
mod previous;
mod ready;
mod registry;
mod revive;
mod rollback;
mod run;
mod selectors;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use self::change::Change;
pub use self::compare::{Baseline, Comparison, compare, dry_run};
pub(crate) use self::data::{copy_container, remove_link};
pub use self::error::Error;
pub use self::keys::find_keys;
use self::node::Kubernetes;
pub use self::plan::Plan;
use self::prepare::Prepared;
use self::previous::Record;
pub use self::previous::history;
use self::ready::Ready;
pub use self::registry::resolve_login;
pub use self::rollback::RollbackTarget;
use self::run::Run;
use crate::data_size;
use crate::docker::EngineInfo;
use crate::error::{Explain, Result};
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
use crate::session::Session;
use crate::settings::{DataPlace, Instance};

#[derive(Debug, Clone)]
pub struct Request {
    pub options: Options,
    /// Whether to keep a node whose kubeadm failed.
    pub retain: bool,
    /// Whether to roll back to the last good revision on failure.
    pub atomic: bool,
    /// Whether to create new keys if those of the instance are lost.
    pub new_keys: bool,
    /// A signal that ends `up`. With `atomic`, it starts a rollback.
    pub interrupt: Interrupt,
    /// The revision to roll back to, for `rollback`.
    pub back_to: Option<RollbackTarget>,
    /// The proxies of the environment or of Docker's configuration.
    pub proxies: Proxies,
    /// The directory of Docker's configuration.
    pub docker_config: Option<PathBuf>,
    pub user_kubeconfig: Option<HostPath>,
}

impl Request {
    /// Creates a request that differs from the earlier settings only by these options.
    pub(crate) fn new(options: Options) -> Request {
        Request {
            options,
            retain: false,
            atomic: false,
            new_keys: false,
            interrupt: Interrupt::never(),
            back_to: None,
            proxies: Proxies::default(),
            docker_config: None,
            user_kubeconfig: None,
        }
    }

    /// Returns the proxies for the node: the user's, or else the engine's.
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
    /// The size of the data in bytes, if it can be determined.
    pub data_bytes: Option<u64>,
    pub changed: bool,
    /// The time when the server became ready, according to Kubernetes.
    pub ready_since: Option<Timestamp>,
    /// The duration of each phase.
    pub phases: Vec<(String, Duration)>,
}

/// Returns the hint after an interrupted `up`.
pub(crate) fn continue_with() -> Hint {
    let text = "what was created so far is kept; continue with";
    Hint::run(text, ours!(Up))
}

/// Creates an instance, or applies changed settings to it.
///
/// # Errors
/// A step failed. What was created is kept, and the next `up` continues from there.
pub async fn up(session: &Session<'_>, request: &Request) -> Result<Outcome> {
    let interrupted = async {
        let signal = request.interrupt.wait().await;
        let next = continue_with();
        crate::error::Error::from(Interrupted { signal, next })
    };
    let mut interrupted = std::pin::pin!(interrupted);
    let _lock = tokio::select! {
        lock = session.lock(ours!(Up)) => lock?,
        error = &mut interrupted => return Err(error),
    };
    let state = session.state;
    let mut record = Record::new(session);
    let before = state.instance()?;
    let result = tokio::select! {
        result = run_steps(session, request, &mut record) => result,
        error = &mut interrupted => Err(error),
    };
    record.end(&result).await;
    match result {
        Err(error) if request.atomic => {
            let error = rollback::after_failure(session, error, &record, request).await;
            Err(change::with_undo(error, before.as_ref(), state, None))
        }
        Err(error) => {
            let good = record.rollback_target().and_then(Result::ok);
            let good = good.map(|(_, good)| good);
            Err(change::with_undo(error, before.as_ref(), state, good))
        }
        result => result,
    }
}

async fn run_steps(
    session: &Session<'_>,
    request: &Request,
    record: &mut Record<'_>,
) -> Result<Outcome> {
    let time = TimeLimit::new(request.options.wait.timeout());
    let mut phases = Phases::default();

    let run = Run::new(session, request).await?;
    let Prepared {
        previous,
        plan,
        keys,
    } = prepare::run(&run).await?;
    let run = &run.with(&plan);
    phases.end("preflight");
    let had_cluster = previous.cluster.is_some();
    record.start(previous, &plan).await?;
    let change = Change::find(run).await?;
    let fetched = change.fetch_images(run).await?;
    if fetched.is_some() {
        phases.end("images");
    }
    if data::move_data(run).await? {
        phases.end("data");
    }
    let state = session.state;
    // Settings with unavailable images are not saved: every later `up` would request them
    // again.
    if change.creates_node() {
        state.save_instance(&plan.instance)?;
    }
    let mut secrets = keys.map_or_else(Secrets::generate, Secrets::complete);
    state.save_secrets(&secrets)?;

    let node = node::ensure(run).await?;
    data::create_directories(run, &node).await?;
    phases.end("node");

    let wanted = plan.images();
    let (loaded, loading) = images::arrivals();
    let kubernetes = async {
        let Kubernetes { cluster, is_new } = node::kubernetes(run, &node).await?;
        selectors::check(run, &cluster).await?;
        let provision = node::provision(run, &node, &cluster, is_new);
        let early = async {
            match is_new {
                true => databases::apply_early(run, &secrets, loading, &cluster).await,
                false => Ok(None),
            }
        };
        let (provisioned, early) = tokio::try_join!(provision, early)?;
        Ok((cluster, is_new || provisioned, early))
    };
    let (sources, name) = (plan.sources(request), &node.name);
    let images = async move {
        match fetched {
            Some(delivery) => {
                loaded.send_replace(delivery.identities.clone());
                Ok(delivery)
            }
            None => images::load(session, name, &wanted, &sources, loaded).await,
        }
    };
    let results = both(kubernetes, images).await;
    if let Err(error) = &results {
        node::remove_failed(run, error, &node).await?;
    }
    let ((cluster, cluster_changed, early), delivery) = results?;
    record.set_cluster(&cluster);
    if !had_cluster {
        secrets = keys::reconcile(session, secrets, &cluster).await?;
    }
    phases.end("kubernetes and images");

    external::check(run, &secrets, &delivery.identities, &cluster).await?;
    // The following steps change the server itself.
    state.save_instance(&plan.instance)?;
    let applied = apply::run(run, &secrets, &delivery.identities, &cluster, early).await?;
    ingress::check_certificates(run, &cluster).await?;
    if let Some(node) = recovery::node_of(session).await? {
        state.save_node(&node.id)?;
        recovery::save(session, &secrets, &plan.instance, &node, &cluster).await?;
    }
    phases.end("apply");

    let time = time.after(&phases.0);
    let credentials = plan.values.login(&secrets);
    let ready = ready::wait(run, credentials, &cluster, &time).await?;
    data::write_marker(&plan, session.engine).await?;
    let finished = node::finish_node(run, &node).await?;
    phases.end("ready");

    let changed = node.started
        || cluster_changed
        || delivery.count > 0
        || applied
        || !ready.immediately
        || finished;
    Ok(outcome(&plan, changed, ready, phases).await)
}

/// Starts a stopped node and waits until the server is ready. Installs nothing.
pub async fn start(session: &Session<'_>, request: &Request) -> Result<Outcome> {
    let time = TimeLimit::new(request.options.wait.timeout());
    let _lock = session.lock(ours!(Start)).await?;
    let mut phases = Phases::default();
    let run = Run::new(session, request).await?;
    let (plan, secrets) = prepare::start(&run).await?;
    let run = &run.with(&plan);
    phases.end("preflight");
    let node = node::start(run).await?;
    let state = session.state;
    state.save_instance(&plan.instance)?;
    state.save_secrets(&secrets)?;
    phases.end("node");
    let Kubernetes { cluster, .. } = node::kubernetes(run, &node).await?;
    if node.renewed {
        node::update_user_kubeconfig(run)?;
    }
    let secrets = keys::reconcile(session, secrets, &cluster).await?;
    if let Some(node) = recovery::node_of(session).await? {
        state.save_node(&node.id)?;
    }
    phases.end("kubernetes");
    let installed = plan.values.installed();
    if !health::missing(&cluster, &installed).await?.is_empty() {
        return Err(Error::NotInstalled.into());
    }
    let time = time.after(&phases.0);
    let credentials = plan.values.login(&secrets);
    let ready = ready::wait(run, credentials, &cluster, &time).await?;
    phases.end("ready");
    let changed = node.started || !ready.immediately;
    Ok(outcome(&plan, changed, ready, phases).await)
}

async fn outcome(plan: &Plan, changed: bool, ready: Ready, phases: Phases) -> Outcome {
    Outcome {
        endpoints: Endpoints::of(&plan.instance),
        data_bytes: data_size::measure(&plan.instance.node.data_dir).await.used,
        data_dir: plan.instance.node.data_dir.clone(),
        changed,
        ready_since: ready.since,
        phases: phases.0,
    }
}

/// Creates the plan from the request and the settings of an earlier `up`.
pub fn plan<E>(
    session: &Session<'_, E>,
    request: &Request,
    earlier: Option<&Instance>,
    info: &EngineInfo,
) -> Result<Plan> {
    let instance = instance(session, request, earlier, info)?;
    Plan::new(session.name.clone(), instance, earlier, info)
}

/// Applies the options to the settings of an earlier `up` or to the default settings.
fn instance<E>(
    session: &Session<'_, E>,
    request: &Request,
    earlier: Option<&Instance>,
    info: &EngineInfo,
) -> Result<Instance> {
    let place = if info.in_virtual_machine() || info.is_from_snap() {
        DataPlace::Volume(spec::data_volume(session.name))
    } else {
        DataPlace::Directory(session.state.default_data_dir())
    };
    let instance = earlier.cloned();
    let instance = instance.unwrap_or_else(|| Instance::with_defaults(place));
    Ok(request.options.apply(instance)?)
}

/// Runs two steps concurrently. If one fails, the other is cancelled: its error would only hide
/// the first one.
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

/// The completed phases with their durations, and the start of the current one.
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
