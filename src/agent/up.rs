//! Installing agents.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::adopt::adopt_locked;
use super::error::Error;
use super::manifest::{self, Inputs};
use super::routes::{left_names, routes};
use super::work::Work;
use super::{Server, gpus, overview, removed, trust};
use crate::error::Result;
use crate::event::Step;
use crate::health;
use crate::hint::ours;
use crate::kube::Change;
use crate::manifests::{INGRESS_SERVICE, pull_secret_name};
use crate::plan::Request;
use crate::provider::GpuSource;
use crate::session::Session;
use crate::settings::{AgentOptions, AgentSettings, Queue};
use crate::state::Lock;
use crate::values::AccessValues;
use crate::wait::{Attempt, Reason, Wait};
use crate::words::{count, listed};

/// How often the pods and the workers are looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// The memory limit of a pod in an existing cluster, unless the user sets one.
const MEMORY_IN_CLUSTER: &str = "4Gi";
const MIB: u64 = 1 << 20;

/// What the user asks `agent up` for.
pub(crate) struct Wanted<'a> {
    pub(crate) queue: &'a Queue,
    pub(crate) options: AgentOptions,
    pub(crate) request: &'a Request,
}

/// The result of `agent up`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) agent: AgentSettings,
    pub(crate) changed: bool,
}

/// Installs the agent of a queue, or changes what the options name, and waits until its workers
/// are known to the server. `lock` is that of a caller that has locked the instance already.
///
/// # Errors
/// The agent cannot be installed, or is not ready in time. It stays installed then.
pub(crate) async fn up(
    session: &Session<'_>,
    server: &Server<'_>,
    Wanted {
        queue,
        options,
        request,
    }: Wanted<'_>,
    lock: Option<Lock>,
) -> Result<Installed> {
    let _lock = session.keep_locked(lock, ours!(Agent, "up")).await?;
    let until = deadline(request);
    adopt_locked(session, server.cluster).await?;
    let mut known = session.state.agents()?.into_iter();
    let known = known.find(|one| one.queue == *queue);
    let agent = known.unwrap_or_else(|| AgentSettings::with_defaults(queue.clone()));
    for name in options.env.absent_from(&agent.env) {
        let warning = format!("`--env {name}-`: {}", no_variable(&agent, name));
        session.events.warn(warning);
    }
    let agent = agent.with(options);
    let gpus = gpus::check(session.provider, server, &agent).await?;
    for warning in request.proxies.unreachable_for("the pods of the agent") {
        session.events.warn(warning);
    }
    removed::forget(server.cluster, queue).await?;
    let changed = install(session, server, &agent, gpus, request, until).await?;
    session.state.save_agent(&agent)?;
    let step = session.events.step("agent");
    let result = await_workers(server, &agent, until, &step).await;
    step.end(result, |()| {
        let detail = format!(
            "{} of `{}`",
            count(agent.replicas.into(), "worker"),
            agent.queue
        );
        (changed, detail)
    })?;
    Ok(Installed { agent, changed })
}

/// Names the variables that there are, because the name of an absent one may be mistyped.
fn no_variable(agent: &AgentSettings, name: &str) -> String {
    let names: Vec<&String> = agent.env.keys().collect();
    let others = match names.is_empty() {
        true => "no variables".to_owned(),
        false => format!("no variable `{name}`, but {}", listed(&names)),
    };
    format!("the agent of the queue `{}` has {others}", agent.queue)
}

fn deadline(request: &Request) -> Instant {
    Instant::now() + request.options.wait.timeout()
}

/// Installs the agents that the state directory lists, in a cluster that may be new. An agent
/// that cannot be installed causes a warning: the server works without it. Does not wait until
/// they run. Returns whether anything changed.
pub(crate) async fn restore(
    session: &Session<'_>,
    server: &Server<'_>,
    request: &Request,
) -> Result<bool> {
    let _lock = session.lock(ours!(Up)).await?;
    let until = deadline(request);
    let mut changed = false;
    for agent in session.state.agents()? {
        let installed = async {
            let gpus = gpus::source(session.provider, &agent).await?;
            install(session, server, &agent, gpus, request, until).await
        };
        match installed.await {
            Ok(now) => changed |= now,
            Err(error) => {
                let option = super::error::option(&agent.queue);
                let again = ours!(Agent, "up{option}").of(session.name.non_default());
                session.events.warn(format!(
                    "the agent of the queue `{}` is not installed: {error}; try again: {again}",
                    agent.queue
                ));
            }
        }
    }
    Ok(changed)
}

/// Loads the image and applies the objects. Returns whether anything changed.
async fn install(
    session: &Session<'_>,
    server: &Server<'_>,
    agent: &AgentSettings,
    gpus: Option<GpuSource>,
    request: &Request,
    until: Instant,
) -> Result<bool> {
    let Server {
        cluster, settings, ..
    } = server;
    let loading = session
        .provider
        .provide_image(&agent.image, settings, request);
    let limit = request.options.wait.timeout();
    let identities = loaded(agent, loading, until, limit).await?;
    let values = AccessValues::of(&settings.values.files, &settings.values.sets);
    let is_local = session.provider.has_own_node();
    let exposure = cluster.exposure().await?;
    let at = &server.access.endpoints;
    let secured = is_local.then_some((INGRESS_SERVICE, 443));
    let mirror = &settings.node.registry_mirror;
    let routes = routes(at, &exposure.services, secured);
    let certificates = trust::certificates(cluster, settings).await?;
    let objects = manifest::objects(&Inputs {
        instance: session.name.as_str(),
        namespace: cluster.namespace(),
        is_local,
        agent,
        // A local node has the image under its own name.
        image: match is_local {
            true => agent.image.to_string(),
            false => mirror.of(&agent.image).to_string(),
        },
        identity: identities.get(&agent.image).map(String::as_str),
        memory: Some(memory(session, agent).await?),
        at,
        credentials: server.credentials,
        names: trust::addresses(left_names(at, &routes)).await,
        certificates: &certificates,
        routes,
        proxies: request.proxies.without_loopback().variables(&direct(at)),
        gpus,
        pull_secret: values.pull_secret().map(pull_secret_name),
    });
    Ok(apply(cluster, &objects).await?)
}

/// Waits until the image of an agent is loaded.
async fn loaded<T>(
    agent: &AgentSettings,
    loading: impl Future<Output = Result<T>>,
    until: Instant,
    limit: Duration,
) -> Result<T> {
    match tokio::time::timeout_at(until.into(), loading).await {
        Ok(loaded) => loaded,
        Err(_) => Err(Error::ImageLate {
            queue: agent.queue.clone(),
            image: agent.image.clone(),
            limit,
        }
        .into()),
    }
}

async fn apply(
    cluster: &crate::kube::Cluster,
    objects: &[Value],
) -> Result<bool, crate::kube::Error> {
    let applied = cluster.apply(objects).await?;
    Ok(applied.iter().any(|one| one.change != Change::Unchanged))
}

/// Returns the memory limit of a pod if the user gives none: on this machine, all pods of the
/// agent together get half of the memory, because the server needs the rest.
async fn memory(session: &Session<'_>, agent: &AgentSettings) -> Result<String> {
    if !session.provider.has_own_node() {
        return Ok(MEMORY_IN_CLUSTER.to_owned());
    }
    let memory = session.provider.facts().await?.memory;
    let each = memory / 2 / u64::from(agent.replicas.max(1)) / MIB;
    Ok(format!("{}Mi", each.max(512)))
}

/// Returns the hosts that a pod reaches without a proxy.
fn direct(at: &crate::probe::Endpoints) -> Vec<String> {
    let mut hosts = ["localhost", "127.0.0.1", "::1", ".svc", ".cluster.local"]
        .map(str::to_owned)
        .to_vec();
    for url in [&at.web, &at.api, &at.files] {
        let url: Option<http::Uri> = url.parse().ok();
        hosts.extend(url.and_then(|url| url.host().map(str::to_owned)));
    }
    hosts
}

/// Waits until the server knows a worker of each pod of the applied revision.
async fn await_workers(
    server: &Server<'_>,
    agent: &AgentSettings,
    until: Instant,
    step: &Step,
) -> Result<()> {
    let name = agent.queue.object_name();
    let wait = Wait::new("the agent")
        .every(PERIOD)
        .until(until)
        .reported_by(step);
    let waited = wait.run(async || -> Result<_> {
        let agents = health::agents(server.cluster).await?;
        let Some(one) = agents
            .iter()
            .find(|one| one.observation.workload.name == name)
        else {
            return Ok(Attempt::Pending("its pods are not created yet".into()));
        };
        let workload = &one.observation.workload;
        if let Some(trouble) = one.trouble.as_ref().filter(|trouble| !trouble.may_recover) {
            return Err(Error::Trouble {
                queue: agent.queue.clone(),
                trouble: trouble.clone(),
            }
            .into());
        }
        if !one.state.is_ready() || workload.updated < workload.desired {
            return Ok(Attempt::Pending(one.state.line().into()));
        }
        let work = async { Work::read(&server.api().await?).await };
        let work = match work.await {
            Ok(work) => work,
            Err(why) => {
                let reason = Reason::new("API", format!("the API server does not answer: {why}"));
                return Ok(Attempt::Pending(reason));
            }
        };
        let pods = &one.observation.pods;
        let missing = pods.iter().find(|pod| !overview::is_known(pod, &work));
        Ok(match missing {
            None => Attempt::Done(()),
            Some(pod) => Attempt::Pending(format!("{} has not registered yet", pod.name).into()),
        })
    });
    match waited.await? {
        Ok(()) => Ok(()),
        Err(late) => Err(Error::NotReady {
            queue: agent.queue.clone(),
            reason: late.to_string(),
        }
        .into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failures::Failure;

    #[tokio::test]
    async fn the_time_limit_covers_the_image() {
        let agent = AgentSettings::with_defaults("gpu".parse().unwrap());
        let loading = std::future::pending::<Result<()>>();
        let limit = Duration::from_secs(90);
        let late = loaded(&agent, loading, Instant::now(), limit).await;
        let late = late.unwrap_err();
        assert_eq!(late.failure(), Failure::AgentNotReady);
        assert_eq!(
            late.to_string(),
            "the agent of the queue `gpu` is not ready: timed out after 1 m 30 s waiting for its \
             image: python:3.11 is not loaded yet"
        );
        assert_eq!(
            late.hints()[0],
            "increase the timeout: clearml-local agent up --queue gpu --image python:3.11 \
             --timeout 30m"
        );
    }
}
