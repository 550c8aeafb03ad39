//! The steps of `up` and `start`. Each step compares the plan with what exists and changes only
//! what differs.

mod apply;
mod compare;
mod databases;
mod error;
pub mod external;
mod keys;
mod prepare;
mod ready;
mod record;
mod registry;
mod rollback;
mod run;
mod undo;

use std::time::{Duration, Instant};

use jiff::Timestamp;

pub(crate) use self::compare::{Baseline, Comparison, compare, dry_run};
pub(crate) use self::error::Error;
pub(crate) use self::keys::find_keys;
use self::prepare::Prepared;
pub(crate) use self::prepare::examine;
use self::ready::Ready;
use self::record::Record;
pub(crate) use self::record::history;
pub(crate) use self::registry::resolve_login;
use self::run::Run;
use crate::data_size;
use crate::error::Result;
use crate::event::Events;
use crate::failures::{Code, Failure};
use crate::health::{self, TimeLimit};
use crate::hint::{Hint, ours};
use crate::images::{self, Loaded};
use crate::interrupt::Interrupted;
use crate::kube::Cluster;
use crate::plan::{Plan, Request, selectors};
use crate::probe::Endpoints;
use crate::provider::{Connected, Facts, Place};
use crate::secrets::Secrets;
use crate::session::Session;
use crate::settings::{Instance, InstanceName, KeptData};
use crate::words;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outcome {
    pub endpoints: Endpoints,
    pub(crate) data: KeptData,
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
pub(crate) async fn up(session: &Session<'_>, request: &Request) -> Result<Outcome> {
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
    let before = state.instance()?;
    let mut record = Record::new(*session);
    let steps = unless_stopped(session.events, async || {
        record = Record::new(*session);
        Box::pin(run_steps(session, request, &mut record)).await
    });
    let result = tokio::select! {
        result = steps => result,
        error = &mut interrupted => Err(error),
    };
    record.end(&result).await;
    match result {
        Err(error) if request.atomic => {
            let error = rollback::after_failure(session, error, &record, request).await;
            Err(undo::with_undo(error, before.as_ref(), state, None))
        }
        Err(error) => {
            let good = record.rollback_target().and_then(Result::ok);
            let good = good.map(|(_, good)| good);
            Err(undo::with_undo(error, before.as_ref(), state, good))
        }
        result => result,
    }
}

/// Runs steps, and repeats them once if the node stops meanwhile: Docker does not show that it is
/// stopping a container, for example for a command that was killed.
async fn unless_stopped<T>(
    events: &Events,
    mut steps: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    match steps().await {
        Err(error) if error.failure() == Failure::NodeStopped => {
            events.warn(format!("{error}; starting again"));
            steps().await
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
    let Session {
        state, provider, ..
    } = *session;

    let facts = provider.facts().await?;
    let run = Run::new(*session, &facts, request);
    let Prepared {
        previous,
        plan,
        keys,
    } = prepare::run(&run).await?;
    let run = &run.with(&plan);
    phases.end("preflight");
    record.start(previous, &plan).await?;
    let fetched = provider.fetch(&plan, request).await?;
    if fetched.images.is_some() {
        phases.end("images");
    }
    if provider.move_data(&plan, request).await? {
        phases.end("data");
    }
    // Settings with unavailable images are not saved: every later `up` would request them
    // again.
    if fetched.creates {
        state.save_instance(&plan.instance)?;
    }
    let secrets = keys.map_or_else(Secrets::generate, Secrets::complete);
    state.save_secrets(&secrets)?;

    let place = provider.ensure(&plan, request).await?;
    if provider.has_own_node() {
        phases.end("node");
    }
    let steps = install(
        run,
        &*place,
        secrets,
        fetched.images,
        record,
        (time, phases),
    );
    let result = while_running(&*place, Box::pin(steps)).await;
    if let Err(error) = &result {
        place.after_failure(error).await?;
    }
    result
}

/// Installs the server in a place that runs.
async fn install(
    run: &Run<'_>,
    place: &dyn Place,
    mut secrets: Secrets,
    fetched: Option<Loaded>,
    record: &mut Record<'_>,
    (time, mut phases): (TimeLimit, Phases),
) -> Result<Outcome> {
    let Run { session, plan, .. } = *run;
    let Session {
        state, provider, ..
    } = session;
    let (loaded, loading) = images::arrivals();
    let kubernetes = async {
        let Connected { cluster, is_new } = place.connect().await?;
        // The preflight checks of other clusters include the selectors.
        if provider.has_own_node() {
            selectors::check(plan, &provider.kubectl(), &cluster).await?;
        }
        let addons = install_addons(run, place, &cluster, is_new);
        let early = async {
            match is_new {
                true => databases::apply_early(run, &secrets, loading, &cluster).await,
                false => Ok(None),
            }
        };
        let (installed, early) = tokio::try_join!(addons, early)?;
        Ok((cluster, is_new || installed, early))
    };
    let images = async {
        match fetched {
            Some(delivery) => {
                loaded.send_replace(delivery.identities.clone());
                Ok(delivery)
            }
            None => place.load_images(loaded).await,
        }
    };
    // If one fails, the other is cancelled: its error would only hide the first one.
    let ((cluster, cluster_changed, early), delivery) = tokio::try_join!(kubernetes, images)?;
    record.set_cluster(&cluster);
    if !record.had_cluster() {
        secrets = keys::reconcile(&session, secrets, &cluster).await?;
    }
    if provider.has_own_node() {
        phases.end("kubernetes and images");
    }

    external::check(run, &secrets, &delivery.identities, &cluster).await?;
    // The following steps change the server itself.
    state.save_instance(&plan.instance)?;
    let applied = apply::run(run, &secrets, &delivery.identities, &cluster, early).await?;
    place.keep(&secrets, &cluster).await?;
    phases.end("apply");

    let time = time.after(&phases.0);
    let credentials = plan.values.login(&secrets);
    let ready = ready::wait(run, credentials, place, &cluster, &time).await?;
    let finished = place.finish().await?;
    phases.end("ready");

    let changed = place.changed()
        || cluster_changed
        || delivery.count > 0
        || applied
        || !ready.immediately
        || finished;
    Ok(outcome(plan, changed, ready, phases).await)
}

/// Returns the result of steps in a place, or why the place has stopped.
async fn while_running<T>(place: &dyn Place, steps: impl Future<Output = Result<T>>) -> Result<T> {
    let mut stopped = place.stopped();
    let result = tokio::select! {
        biased;
        result = steps => result,
        stopped = &mut stopped => return Err(stopped),
    };
    match result {
        // The end of the place may be the cause, which is noticed later.
        Err(error) if may_have_stopped(error.code()) => tokio::select! {
            stopped = stopped => Err(stopped),
            checked = place.check_running() => Err(checked.err().unwrap_or(error)),
        },
        result => result,
    }
}

fn may_have_stopped(code: Code) -> bool {
    use Code::{ClusterUnreachable, DockerRefused, KubeadmFailed, NodeFailed};
    matches!(
        code,
        ClusterUnreachable | DockerRefused | KubeadmFailed | NodeFailed
    )
}

/// Installs the add-ons of the cluster, unless it has them; in a new cluster, after the databases
/// have started. Returns whether anything changed.
async fn install_addons(
    run: &Run<'_>,
    place: &dyn Place,
    cluster: &Cluster,
    is_new: bool,
) -> Result<bool> {
    let missing = place.missing_addons(cluster).await?;
    if missing.is_empty() {
        return Ok(false);
    }
    let step = run.session.events.step("add-ons");
    let restored = missing.iter().map(|addon| addon.workload());
    let restored = words::listed(&restored.collect::<Vec<_>>());
    if is_new {
        databases::await_containers(run, cluster, &step).await;
        step.state("DNS, pod network and storage class");
    } else {
        step.state(restored.as_str());
    }
    let result = place.install_addons(cluster, &missing).await;
    let detail = if is_new { String::new() } else { restored };
    step.end(result, |()| (true, detail))?;
    Ok(true)
}

/// Starts a stopped server and waits until it is ready. Installs nothing.
pub(crate) async fn start(session: &Session<'_>, request: &Request) -> Result<Outcome> {
    let _lock = session.lock(ours!(Start)).await?;
    let steps = async || Box::pin(start_steps(session, request)).await;
    unless_stopped(session.events, steps).await
}

async fn start_steps(session: &Session<'_>, request: &Request) -> Result<Outcome> {
    let time = TimeLimit::new(request.options.wait.timeout());
    let Session {
        state, provider, ..
    } = *session;
    let mut phases = Phases::default();
    let facts = provider.facts().await?;
    let run = Run::new(*session, &facts, request);
    let (plan, secrets) = prepare::start(&run).await?;
    let run = &run.with(&plan);
    phases.end("preflight");
    let place = provider.start(&plan, request).await?;
    state.save_instance(&plan.instance)?;
    state.save_secrets(&secrets)?;
    phases.end("node");
    let steps = await_started(run, &*place, secrets, (time, phases));
    while_running(&*place, Box::pin(steps)).await
}

/// Waits until the server in a place that was started is ready.
async fn await_started(
    run: &Run<'_>,
    place: &dyn Place,
    secrets: Secrets,
    (time, mut phases): (TimeLimit, Phases),
) -> Result<Outcome> {
    let Run { session, plan, .. } = *run;
    let Connected { cluster, .. } = place.connect().await?;
    let secrets = keys::reconcile(&session, secrets, &cluster).await?;
    place.started().await?;
    phases.end("kubernetes");
    let installed = plan.values.installed();
    if !health::missing(&cluster, &installed).await?.is_empty() {
        return Err(Error::NotInstalled.into());
    }
    let time = time.after(&phases.0);
    let credentials = plan.values.login(&secrets);
    let ready = ready::wait(run, credentials, place, &cluster, &time).await?;
    phases.end("ready");
    let changed = place.changed() || !ready.immediately;
    Ok(outcome(plan, changed, ready, phases).await)
}

async fn outcome(plan: &Plan, changed: bool, ready: Ready, phases: Phases) -> Outcome {
    let data = plan.instance.kept_data();
    Outcome {
        endpoints: ready.endpoints,
        data_bytes: match data.place() {
            Some(place) => data_size::measure(place).await.used,
            None => None,
        },
        data,
        changed,
        ready_since: ready.since,
        phases: phases.0,
    }
}

/// Creates the plan from the request and the settings of an earlier `up`.
pub(crate) fn plan(
    name: &InstanceName,
    request: &Request,
    earlier: Option<&Instance>,
    facts: &Facts,
) -> Result<Plan> {
    let instance = instance(request, earlier, facts)?;
    Plan::new(name.clone(), instance, earlier, facts.memory)
}

/// Applies the options to the settings of an earlier `up` or to the default settings.
fn instance(request: &Request, earlier: Option<&Instance>, facts: &Facts) -> Result<Instance> {
    request.options.check_place(earlier)?;
    let instance = earlier.unwrap_or(&facts.defaults).clone();
    Ok(request.options.apply(instance)?)
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
